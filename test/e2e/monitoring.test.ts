import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { request } from "node:https";
import { connect } from "node:tls";
import { after, before, describe, it } from "node:test";
import { docker, tryDocker } from "../sip/docker.ts";
import { SipAgent, waitFor } from "../sip/agent.ts";
import { noise } from "../sip/audio.ts";
import { decodeHep } from "../support/hep.ts";
import { ensureStandIn } from "../support/images.ts";
import { EdgeStack, type Outputs } from "./stack.ts";

/** Outputs of a stack with monitoring. */
interface Watched extends Outputs {
  addresses: Outputs["addresses"] & { monitoring: Record<string, string> & { "heplify-server": string } };
  dashboards: Record<string, string>;
  dashboardsLogin: { user: string; password: string };
  dashboardsCa: string;
  leftOut: string[];
}

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

describe("a stack that is watched", { timeout: 420_000 }, () => {
  let stack: EdgeStack;
  let outputs: Watched;
  const first = 20_000 + randomInt(10_000);
  const ports = Object.fromEntries(
    ["landing", "grafana", "prometheus", "alertmanager", "homer", "kibana"].map((name, index) => [name, first + index]),
  );

  before(async () => {
    stack = await EdgeStack.create({
      subscribers: [{ name: "alice" }],
      asterisk: { nodes: 2 },
      monitoring: {
        profile: "full",
        ports,
        without: ["grafana", "elasticsearch"],
        images: { "heplify-server": await ensureStandIn("homer"), "homer-app": await ensureStandIn("homer") },
      },
    });
    const { code, output } = await stack.up();
    assert.equal(code, 0, output);
    outputs = (await stack.outputs()) as Watched;
    heplify = outputs.addresses.monitoring["heplify-server"];
  });
  after(async () => {
    await stack?.destroy();
    await stack?.remove();
  });

  const get = (url: string, options: { auth?: string; method?: string; headers?: Record<string, string> } = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const call = request(url, { ca: outputs.dashboardsCa, agent: false, ...options }, (response) => {
        let body = "";
        response.on("data", (chunk: Buffer) => (body += chunk.toString("utf8")));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      });
      call.once("error", reject);
      call.end();
    });
  let heplify = "";
  const login = () => `${outputs.dashboardsLogin.user}:${outputs.dashboardsLogin.password}`;
  const site = (name: string) => outputs.dashboards[name] ?? assert.fail(`no dashboard ${name}`);

  describe("its front door", () => {
    it("names what is left out, and gives no URL for it", () => {
      assert.deepEqual(outputs.leftOut.toSorted(), [
        "elasticsearch: sbc:monitoring.without says so",
        "filebeat: of no use without logstash",
        "grafana: sbc:monitoring.without says so",
        "kibana: of no use without elasticsearch",
        "logstash: of no use without elasticsearch",
      ]);
      assert.deepEqual(Object.keys(outputs.dashboards).toSorted(), ["alertmanager", "homer", "landing", "prometheus"]);
    });

    it("asks everybody for a password, with a certificate that browsers can check, and says little of itself", async () => {
      for (const name of Object.keys(outputs.dashboards)) {
        const { status, headers } = await get(site(name));
        assert.equal(status, 401, name);
        assert.equal(headers["www-authenticate"], `Basic realm="${name}"`);
        assert.equal(headers["server"], "nginx");
        assert.match(String(headers["strict-transport-security"]), /max-age=\d{7,}/);
        assert.equal(headers["x-content-type-options"], "nosniff");
        assert.equal((await get(site(name), { auth: `${outputs.dashboardsLogin.user}:wrong` })).status, 401, name);
      }
    });

    it("lets those in who have it", async () => {
      const landing = await get(site("landing"), { auth: login() });
      assert.equal(landing.status, 200);
      assert.match(String(landing.headers["content-security-policy"]), /default-src 'none'/);
      assert.match(landing.headers["content-type"]?.toString() ?? "", /^text\/html/);
    });

    it("speaks TLS 1.2 and 1.3 only, and sends those who come without it to where it does", async () => {
      const { hostname, port } = new URL(site("landing"));
      const handshake = (version: "TLSv1.1" | "TLSv1.2" | "TLSv1.3") =>
        new Promise<string | null>((resolve) => {
          const options = { host: hostname, port: Number(port), ca: outputs.dashboardsCa };
          // OpenSSL itself refuses TLS 1.1 at its usual level.
          const ciphers = version === "TLSv1.1" ? { ciphers: "DEFAULT@SECLEVEL=0" } : {};
          const socket = connect({ ...options, ...ciphers, minVersion: version, maxVersion: version }, () => {
            resolve(socket.getProtocol());
            socket.destroy();
          });
          socket.once("error", () => resolve(null));
        });
      assert.deepEqual(await Promise.all([handshake("TLSv1.1"), handshake("TLSv1.2"), handshake("TLSv1.3")]), [
        null,
        "TLSv1.2",
        "TLSv1.3",
      ]);
      const plain = await fetch(site("landing").replace("https:", "http:"), { redirect: "manual" });
      assert.deepEqual([plain.status, plain.headers.get("location")], [301, site("landing")]);
    });

    it("writes one JSON line a request, without what was in its headers", async () => {
      await get(`${site("landing")}?token=secret`, { auth: login() });
      const { stdout } = await tryDocker(["logs", "--tail", "20", `${stack.prefix}-nginx`]);
      const lines = stdout.toString("utf8").trim().split("\n");
      const last = JSON.parse(lines.at(-1) ?? "") as Record<string, unknown>;
      assert.deepEqual(
        [last["user"], last["status"], last["path"]],
        [outputs.dashboardsLogin.user, 200, "/index.html"],
      );
      assert.ok(!lines.join("\n").includes(outputs.dashboardsLogin.password));
      assert.ok(!lines.join("\n").includes("token=secret"));
    });

    it("is the only container of its plane that is published, and the only one with a way outside", async () => {
      const format = "{{.Name}} {{json .NetworkSettings.Ports}} {{json .NetworkSettings.Networks}}";
      const ids = (
        await docker([
          "ps",
          "--quiet",
          "--filter",
          `label=sbc.stack=${stack.prefix}`,
          "--filter",
          "label=sbc.plane=monitoring",
        ])
      ).split("\n");
      const lines = (await docker(["inspect", "--format", format, ...ids])).split("\n");
      assert.ok(lines.length >= 1);
      for (const line of lines.filter((one) => !one.startsWith(`/${stack.prefix}-nginx `))) {
        assert.doesNotMatch(line, /HostPort/);
        assert.doesNotMatch(line, new RegExp(`${stack.prefix}-front-net`));
      }
    });

    it("asks for HOMER's pages, and leaves its API to the log-in of HOMER itself, whose token takes the same header", async () => {
      assert.equal((await get(site("homer"))).status, 401);
      assert.match((await get(site("homer"), { auth: login() })).body, /^stand-in for homer-app/);
      const api = `${site("homer")}api/v3/search`;
      assert.equal((await get(api)).headers["www-authenticate"], undefined);
      assert.equal((await get(api, { headers: { authorization: "Bearer token" } })).status, 200);
    });

    it("takes a new certificate and a new password while it runs", async () => {
      const id = () => docker(["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", `${stack.prefix}-nginx`]);
      const [before, old] = [await id(), login()];
      const fingerprint = () =>
        new Promise<string>((resolve, reject) => {
          const { hostname, port } = new URL(site("landing"));
          const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
            resolve(socket.getPeerCertificate().fingerprint256);
            socket.destroy();
          });
          socket.once("error", reject);
        });
      const seen = await fingerprint();
      await stack.configure({ rotation: { dashboards: 1, certificates: { server: 1 } } });
      const { code, output } = await stack.up();
      assert.equal(code, 0, output);
      outputs = (await stack.outputs()) as Watched;
      assert.equal(await id(), before);
      await waitFor("the new certificate", async () => (await fingerprint()) !== seen, 30_000);
      assert.equal((await get(site("landing"), { auth: login() })).status, 200);
      assert.equal((await get(site("landing"), { auth: old })).status, 401);
    });
  });

  describe("its traces", () => {
    it("have every message of a call, on both sides of the edge, and what RTCP says of its media, told apart by where they were taken", async () => {
      const { address, domain } = { address: outputs.addresses.kamailio.sbc, domain: outputs.sip.domain };
      await using phone = await SipAgent.start(outputs.sbcNetwork, {
        address,
        domain,
        ports: { udp: 5060, tcp: 5060, tls: 5061 },
      });
      const alice = { name: "alice", password: outputs.subscribers["alice"] ?? "" };
      // Long enough for a report of RTCP, every 5 s.
      const call = await phone.run("call", { user: alice, called: "600", audio: noise(1, 1), holdMs: 6000 });
      assert.equal(call.exitCode, 0, call.errors);
      const packets = async () => {
        const url = `http://${heplify}:9096/stand-in/packets`;
        const list = (await (await fetch(url)).json()) as string[];
        return list.map((packet) => decodeHep(Buffer.from(packet, "base64")));
      };
      await waitFor("the BYE's answer", async () => {
        const mine = (await packets()).filter(({ payload }) => payload.includes(call.id));
        return mine.some(
          ({ payload, captureId }) => captureId === 2001 && /^SIP\/2.0 200 [\s\S]*CSeq: \d+ BYE/i.test(payload),
        );
      });
      const sip = (await packets()).filter(({ type }) => type === 1);
      const mine = sip.filter(({ payload }) => payload.includes(call.id));
      assert.ok(
        mine.some(({ payload, source }) => payload.startsWith("INVITE ") && source === phone.address),
        "the INVITE as the phone sent it",
      );
      assert.ok(
        mine.some(({ payload, destination }) => payload.startsWith("SIP/2.0 407 ") && destination === phone.address),
        "the challenge as the phone got it",
      );
      const nodes = outputs.addresses.asterisk.map((node) => node.sbc);
      assert.ok(
        mine.some(({ payload, destination }) => payload.startsWith("INVITE ") && nodes.includes(destination)),
        "the INVITE as the node got it",
      );
      assert.match(mine.map(({ payload }) => payload).join("\n"), /^X-CID: /m);
      assert.ok(
        mine.some(({ captureId }) => captureId >= 2201),
        "the node's own copy",
      );
      // The nodes copy them all the same; the collector drops those.
      assert.ok(!sip.some(({ payload, captureId }) => captureId === 2001 && payload.startsWith("OPTIONS ")), "pings");
      assert.ok(
        (await packets()).some(({ type, captureId }) => type === 5 && captureId === 2101),
        "RTCP as the media relay saw it",
      );
    });

    it("cost no call when nobody takes them", async () => {
      await docker(["stop", `${stack.prefix}-heplify-server`]);
      await using phone = await SipAgent.start(outputs.sbcNetwork, {
        address: outputs.addresses.kamailio.sbc,
        domain: outputs.sip.domain,
        ports: { udp: 5060, tcp: 5060, tls: 5061 },
      });
      const alice = { name: "alice", password: outputs.subscribers["alice"] ?? "" };
      const call = await phone.run("call", { user: alice, called: "600", audio: noise(1, 1), calls: 3 });
      assert.equal(call.exitCode, 0, call.errors);
      await docker(["start", `${stack.prefix}-heplify-server`]);
    });
  });
});
