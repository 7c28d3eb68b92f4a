import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { request } from "node:https";
import { connect } from "node:tls";
import { after, before, describe, it } from "node:test";
import { docker, tryDocker } from "../sip/docker.ts";
import { waitFor } from "../sip/agent.ts";
import { EdgeStack, type Outputs } from "./stack.ts";

/** Outputs of a stack with monitoring. */
interface Watched extends Outputs {
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
      monitoring: { profile: "light", ports, without: ["grafana"] },
    });
    const { code, output } = await stack.up();
    assert.equal(code, 0, output);
    outputs = (await stack.outputs()) as Watched;
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
  const login = () => `${outputs.dashboardsLogin.user}:${outputs.dashboardsLogin.password}`;
  const site = (name: string) => outputs.dashboards[name] ?? assert.fail(`no dashboard ${name}`);

  describe("its front door", () => {
    it("names what is left out, and gives no URL for it", () => {
      assert.deepEqual(outputs.leftOut, ["grafana: sbc:monitoring.without says so"]);
      assert.deepEqual(Object.keys(outputs.dashboards).toSorted(), ["alertmanager", "landing", "prometheus"]);
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
});
