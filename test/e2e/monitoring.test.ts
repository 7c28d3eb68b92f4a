import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { metrics } from "../../configs/metrics/contract.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import { homer } from "../../configs/homer/index.ts";
import { SipAgent, waitFor } from "../sip/agent.ts";
import { noise } from "../sip/audio.ts";
import { decodeHep } from "../support/hep.ts";
import { AlertReceiver, receivers } from "../support/alert-receiver.ts";
import { testAuthority, type TestCertificate } from "../support/certificates.ts";
import { launchBrowser } from "../support/browser.ts";
import {
  ask,
  dashboardPorts,
  passFrontDoor,
  prometheusBars,
  promql,
  type Pages,
  type Question,
} from "../support/front-door.ts";
import { homerQuery } from "../support/homer-database.ts";
import { ensureStandIn } from "../support/images.ts";
import { landingPolicy } from "../support/landing-server.ts";
import { emptyPanels } from "../support/panels.ts";
import type { ReceptionReport } from "../sip/scripts/rtcp.ts";
import { callWithoutCollector } from "./absent-collector.ts";
import { devPolicies, EdgeStack, freeNetworks, settingOf, targetOf, type Outputs } from "./stack.ts";

/** Outputs of a stack with monitoring. */
type Watched = Outputs &
  Pages & {
    addresses: Outputs["addresses"] & { monitoring: Record<string, string> & { "heplify-server": string } };
    grafanaLogin: { user: string; password: string };
    leftOut: string[];
  };

describe("a stack that is watched", { timeout: 420_000 }, () => {
  let stack: EdgeStack;
  let outputs: Watched;
  const ports = dashboardPorts(20_000, 10_000);
  let folder: string;
  /** Of those who are told of alerts. */
  let certificate: TestCertificate;
  const mailPassword = 'pass "word" \\ with $igns';

  before(async () => {
    const authority = await testAuthority("Receivers' CA");
    certificate = await authority.issue("receivers", { names: Object.values(receivers).map(({ host }) => host) });
    folder = await mkdtemp(join(tmpdir(), "sbc-e2e-receivers-"));
    const caFile = join(folder, "ca.pem");
    await writeFile(caFile, authority.pem);
    const networks = freeNetworks();
    stack = await EdgeStack.create({
      networks,
      // Load is what some of the tests need, not the limits.
      protection: { unlimited: [networks.sbc] },
      classes: [{ name: "default", maxCalls: 0, callsPerSecond: 0 }],
      subscribers: [{ name: "alice" }, { name: "bob" }],
      asterisk: { nodes: 2 },
      timers: { nodePingSeconds: 1 },
      monitoring: {
        profile: "full",
        ports,
        without: ["elasticsearch"],
        homer: { nodes: true },
        images: {
          grafana: await ensureStandIn("grafana"),
          "heplify-server": await ensureStandIn("homer"),
          "homer-app": await ensureStandIn("homer"),
        },
        prometheus: { scrapeSeconds: 1 },
        alerts: {
          patience: 0,
          webhooks: [{ name: "chat", url: `https://${receivers.webhook.host}:${receivers.webhook.port}/`, caFile }],
          email: { ...receivers.mail, to: ["ops@example.test"], from: "sbc@example.test", username: "sbc", caFile },
        },
      },
    });
    await stack.configureSecret("monitoring.alerts.webhooks[0].token", "t0ken");
    await stack.configureSecret("monitoring.alerts.email.password", mailPassword);
    const { code, output } = await stack.up(...devPolicies);
    assert.equal(code, 0, output);
    outputs = (await stack.outputs()) as Watched;
    heplify = outputs.addresses.monitoring["heplify-server"];
  });
  after(async () => {
    await stack?.destroy();
    await stack?.remove();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const get = (url: string, question?: Question) => ask(outputs, url, question);
  let heplify = "";
  const login = () => passFrontDoor(outputs);
  const site = (name: string) => outputs.dashboards[name] ?? assert.fail(`no dashboard ${name}`);

  describe("its Grafana, here a stand-in that checks its files", () => {
    it("has the dashboards, and never sees the front door's password", async () => {
      const { body } = await get(`${site("grafana")}api/search`, { auth: login() });
      const titles = (JSON.parse(body) as { title: string }[]).map(({ title }) => title);
      assert.equal(titles.length, 8);
      assert.ok(titles.includes("Overview"));
      const seen = await get(`${site("grafana")}stand-in/headers`, { auth: login() });
      const headers = JSON.parse(seen.body) as Record<string, string>;
      assert.equal(headers["authorization"], undefined);
      assert.equal(headers["host"], new URL(site("grafana")).host);
      assert.equal(headers["x-forwarded-proto"], "https");
    });

    it("has a login of its own, with a password that is nobody else's", () => {
      assert.equal(outputs.grafanaLogin.user, "admin");
      assert.match(outputs.grafanaLogin.password, /^[A-Za-z0-9]{32}$/);
      assert.notEqual(outputs.grafanaLogin.password, outputs.dashboardsLogin.password);
    });
  });

  describe("its landing page, in a browser", () => {
    it("shows that all is up, and links tools that answer", async () => {
      const browser = await launchBrowser();
      try {
        const { user: username, password } = outputs.dashboardsLogin;
        // The CA of the stack is none that a browser knows.
        const context = await browser.newContext({ httpCredentials: { username, password }, ignoreHTTPSErrors: true });
        const page = await context.newPage();
        const problems: string[] = [];
        page.on("console", (message) => {
          if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
        });
        page.on("pageerror", (error) => problems.push(error.message));
        // Chromium gives up what it loads when an interface of the host comes or goes, and other tests make networks.
        await waitFor(
          "a page that says that all is up",
          async () => {
            problems.length = 0;
            const loaded = await page.goto(site("landing")).catch(() => null);
            if (loaded === null) return false;
            await page
              .locator("#summary:text-is('All is up')")
              .waitFor({ timeout: 5000 })
              .catch(() => undefined);
            return (await page.locator("#summary").textContent()) === "All is up" && problems.length === 0;
          },
          120_000,
        ).catch(async () => assert.fail(`${await page.locator("body").textContent()} ${problems.join()}`));
        const parts = await page.locator("#parts dt").allTextContents();
        for (const part of ["Kamailio", "Asterisk", "RTPengine", "Database", "Pages"])
          assert.ok(parts.includes(part), part);
        assert.ok((await page.locator("#parts .up").count()) >= 15);
        const links = await page.locator("#tools a").all();
        assert.equal(links.length, 4);
        for (const link of links) {
          const url = (await link.getAttribute("href")) ?? "";
          assert.equal((await get(url, { auth: login() })).status, 200, url);
        }
      } finally {
        await browser.close();
      }
    });
  });

  describe("its front door", () => {
    it("names what is left out, and gives no URL for it", () => {
      assert.deepEqual(outputs.leftOut.toSorted(), [
        "elasticsearch: sbc:monitoring.without says so",
        "filebeat: of no use without logstash",
        "kibana: of no use without elasticsearch",
        "logstash: of no use without elasticsearch",
      ]);
      const there = Object.keys(outputs.dashboards).toSorted();
      assert.deepEqual(there, ["alertmanager", "grafana", "homer", "landing", "prometheus"]);
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
      assert.equal(landing.headers["content-security-policy"], landingPolicy);
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
      let lines: string[] = [];
      // nginx writes a line when the answer has gone, Docker a moment later.
      await waitFor("the line of the request", async () => {
        const { stdout } = await tryDocker(["logs", "--tail", "20", `${stack.prefix}-nginx`]);
        lines = stdout.toString("utf8").trim().split("\n");
        const last = JSON.parse(lines.at(-1) ?? "{}") as Record<string, unknown>;
        return (
          last["user"] === outputs.dashboardsLogin.user && last["status"] === 200 && last["path"] === "/index.html"
        );
      }).catch(() => assert.fail(lines.join("\n")));
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
        // Alertmanager has a receiver outside in this stack.
        if (line.startsWith(`/${stack.prefix}-alertmanager `)) continue;
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

    it("has set in HOMER's database what that has no file for: how legs belong together, and one user alone", async () => {
      const query = (statement: string) => homerQuery(stack.prefix, homer.databases.config, statement);
      const mapping = await query("SELECT correlation_mapping FROM mapping_schema WHERE profile = 'call'");
      assert.match(mapping, /"lookup_field":"protocol_header->>'correlation_id'"/);
      assert.match(await query("SELECT username || ' ' || hash FROM users"), /^admin \$2[aby]\$\d\d\$[./\w]{53}$/);
      assert.equal(await query("SELECT name FROM auth_token"), "");
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

  describe("its metrics", () => {
    const query = (expression: string) => promql(outputs, expression);
    const valueOf = async (expression: string) => (await query(expression))[0]?.value;
    const inside = async (tool: string, command: string) => {
      const { exitCode, stdout } = await tryDocker(["exec", `${stack.prefix}-${tool}`, "bash", "-c", command]);
      return { exitCode, text: stdout.toString("utf8") };
    };
    const httpGet = (tool: string, host: string, port: number, path: string) =>
      inside(
        tool,
        `exec 3<>/dev/tcp/${host}/${port} && printf 'GET ${path} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' >&3 && timeout 5 head -n 1 <&3`,
      );

    it("come from every part of the stack", async () => {
      const expected = [
        ...[
          "alertmanager",
          "asterisk-1",
          "asterisk-2",
          "blackbox-exporter",
          "grafana",
          "heplify-server",
          "homer-app",
          "kamailio",
          "kamailio:5060",
          "kamailio:5061",
        ],
        ...["mysqld-exporter", "nginx", "nginx-exporter", "node-exporter", "prometheus", "rtpengine-1"],
      ];
      let up: string[] = [];
      await waitFor("all targets", async () => {
        up = (await query("up == 1")).map(({ labels }) => labels["instance"] ?? "").toSorted();
        return up.length >= expected.length;
      }).catch(() => assert.deepEqual(up, expected));
      assert.deepEqual(up, expected);
      await waitFor("all probes", async () => (await query("probe_success == 1")).length === 5, 30_000).catch(
        async () => assert.fail(JSON.stringify(await query("probe_success"))),
      );
      for (const condition of ["mysql_up", "nginx_up"]) assert.equal(await valueOf(condition), 1, condition);
    });

    it("are those of the contract, and no more series than planned", async () => {
      const { body } = await get(`${site("prometheus")}api/v1/label/__name__/values`, { auth: login() });
      const names = new Set((JSON.parse(body) as { data: string[] }).data);
      const missing = metrics.filter(({ name, late }) => late !== true && !names.has(name)).map(({ name }) => name);
      assert.deepEqual(missing, []);
      const { expression, most } = prometheusBars.activeSeries;
      const series = (await valueOf(expression)) ?? Infinity;
      assert.ok(series <= most, `${series} active series`);
    });

    it("are judged in less time than a glance takes", async () => {
      let seconds: number | undefined;
      // On a busy machine one evaluation may take long; that all do would be the rules' fault.
      await waitFor("a fast evaluation of all rules", async () => {
        seconds = await valueOf(prometheusBars.ruleSeconds.expression);
        return seconds !== undefined && seconds <= prometheusBars.ruleSeconds.most;
      }).catch(() => assert.fail(`the last evaluation took ${seconds} s`));
    });

    it("say of calls what became of them", async () => {
      const target = targetOf(outputs);
      const user = (name: string) => ({ name, password: outputs.subscribers[name] ?? "" });
      await using alice = await SipAgent.start(outputs.sbcNetwork, target);
      await using bob = await SipAgent.start(outputs.sbcNetwork, target);
      const answered = await alice.run("call", { user: user("alice"), called: "600", holdMs: 200, calls: 3 });
      assert.equal(answered.exitCode, 0, answered.errors);
      await bob.register(user("bob"));
      const { done } = await bob.wait("busy");
      await alice.run("call", { user: user("alice"), called: "bob" });
      assert.equal((await done).exitCode, 0);

      await waitFor("the calls in the metrics", async () => (await valueOf("sum(kamailio_calls)")) === 4);
      const calls = await query("kamailio_calls > 0");
      assert.deepEqual(Object.fromEntries(calls.map(({ labels, value }) => [labels["result"], value])), {
        answered: 3,
        busy: 1,
      });
      await waitFor("the answer seizure ratio", async () => (await valueOf("sbc:asr:ratio5m")) !== undefined);
      await waitFor(
        "an evaluation with all calls",
        async () => Math.abs(((await valueOf("sbc:asr:ratio5m")) ?? 0) - 0.75) < 0.01,
      );
      assert.equal(await valueOf("sbc:ner:ratio5m"), 1);
      assert.equal(await valueOf("sbc:registrations:sum"), 1);
    });

    /** A script of phones within the stack. */
    const phones = async <Result>(name: string, input: Record<string, unknown>): Promise<Result> => {
      await using agent = await SipAgent.start(outputs.sbcNetwork, targetOf(outputs));
      const setting = {
        ...settingOf(outputs),
        caller: "alice",
        audio: noise(1, 1).toString("base64"),
      };
      return await agent.script<Result>(`calls/${name}`, { ...setting, ...input }, 60);
    };
    /** Increases of counters of the media relay by what `calls` do, once they have been scraped. */
    const increases = async (names: readonly string[], calls: () => Promise<unknown>): Promise<number[]> => {
      const read = () => Promise.all(names.map(async (name) => (await valueOf(`sum(rtpengine_${name})`)) ?? 0));
      const earlier = await read();
      await calls();
      // Scraped every second.
      await delay(3000);
      return (await read()).map((value, index) => value - (earlier[index] ?? 0));
    };

    it("say how calls sound: well over a good line, badly when every fifth packet gets lost", async () => {
      const samples = ["mos", "packetloss", "rtt_e2e"].flatMap((name) => [`${name}_total`, `${name}_samples_total`]);
      const call = async (losing?: number) => {
        let told: ReceptionReport[] = [];
        const [mos = 0, scores = 0, loss = 0, losses = 0, trip = 0, trips = 0] = await increases(samples, async () => {
          ({ told } = await phones<{ told: ReceptionReport[] }>("quality", { callee: "600", losing }));
        });
        assert.ok(Math.min(scores, losses, trips) > 0, `${scores} scores, ${losses} losses, ${trips} round trips`);
        return { told, mos: mos / scores, loss: loss / losses, tripMs: trip / trips / 1000 };
      };
      const good = await call();
      assert.ok(good.mos > 4 && good.mos < 4.6, `a score of ${good.mos}`);
      assert.equal(good.loss, 0);
      assert.ok(good.tripMs > 0 && good.tripMs < 100, `a round trip of ${good.tripMs} ms`);
      const bad = await call(5);
      // Both ways: the echo leaves the same gaps.
      assert.ok(bad.loss > 15 && bad.loss < 25, `a loss of ${bad.loss} %`);
      assert.ok(bad.mos < good.mos - 0.5, `a score of ${bad.mos}, after ${good.mos}`);
      for (const { lost } of bad.told) assert.ok(Math.abs(lost - 0.2) < 0.05, `the node told of a loss of ${lost}`);
    });

    it("tell apart calls with sound in one direction, and without any", async () => {
      // A call between two phones is two sessions.
      const names = ["one_way_sessions_total", "zero_packet_streams_total"];
      assert.deepEqual(await increases(names, () => phones("silence", { callee: "bob" })), [2, 2]);
    });

    it("leave no panel of a dashboard empty, but those that are listed with the reason", async () => {
      const ask = async (promql: string) => (await query(promql)).map(({ value }) => value);
      let empty: string[] = [];
      await waitFor("figures for all panels", async () => (empty = await emptyPanels(ask)).length === 0, 60_000).catch(
        (error: unknown) => assert.fail(`${String(error)}\n${empty.join("\n")}`),
      );
    });

    it("raise an alert that reaches who is to be told, by TLS and by mail, and take it back", async () => {
      const network = `${stack.prefix}-front-net`;
      await using receiver = await AlertReceiver.webhook(network, certificate);
      await using mailbox = await AlertReceiver.mail(network, certificate, { user: "sbc", password: mailPassword });
      const mailed = async (status: "FIRING" | "RESOLVED") =>
        (await mailbox.messages()).find(
          ({ subject, text }) => subject.includes(`[${status}`) && text.includes("VoiceNodeDown") && text.includes(uri),
        );
      const node = outputs.containers.asterisk[1] ?? "";
      const uri = `sip:${outputs.addresses.asterisk[1]?.sbc}:5060`;
      const told = async (status: "firing" | "resolved") => {
        const alerts = (await receiver.messages()).flatMap((message) =>
          message.alerts.map((alert) => ({ ...alert, message })),
        );
        return alerts.find(
          ({ labels, status: now }) =>
            now === status && labels["alertname"] === "VoiceNodeDown" && labels["node"] === uri,
        );
      };
      await docker(["stop", "--time", "2", node]);
      try {
        await waitFor("the alert", async () => (await told("firing")) !== undefined, 90_000);
        await waitFor("the mail", async () => (await mailed("FIRING")) !== undefined, 90_000).catch(async () =>
          assert.fail((await tryDocker(["logs", "--tail", "20", `${stack.prefix}-alertmanager`])).stderr),
        );
      } finally {
        await docker(["start", node]);
      }
      await waitFor("its end", async () => (await told("resolved")) !== undefined, 90_000);
      await waitFor("the mail of its end", async () => (await mailed("RESOLVED")) !== undefined, 90_000);
      const { from, to, tls } = (await mailed("FIRING")) ?? assert.fail();
      assert.deepEqual([from, to, tls], ["sbc@example.test", ["ops@example.test"], true]);
      const alert = (await told("firing")) ?? assert.fail();
      assert.equal(alert.message.authorization, "Bearer t0ken");
      assert.equal(alert.annotations["summary"], `${uri} gets no calls`);
      assert.equal(alert.annotations["runbook_url"], "docs/runbooks/VoiceNodeDown.md");
      assert.ok(alert.generatorURL.startsWith(site("prometheus")), alert.generatorURL);
      for (const { message } of [alert]) assert.doesNotMatch(JSON.stringify(message), /error expanding template/);
    });

    it("have a page for alerts and silences, which the package leaves out", async () => {
      const page = await get(site("alertmanager"), { auth: login() });
      assert.match(page.body, /<script src="script\.js">/);
      const script = await get(`${site("alertmanager")}script.js`, { auth: login() });
      assert.equal(script.status, 200);
      // What Prometheus sends while Alertmanager still starts is lost; it is sent again after a minute.
      await waitFor(
        "the alert that always fires",
        async () => {
          const { body } = await get(`${site("alertmanager")}api/v2/alerts`, { auth: login() });
          const alerts = JSON.parse(body) as { labels: { alertname: string } }[];
          return alerts.some(({ labels }) => labels.alertname === "Watchdog");
        },
        90_000,
      );
    });

    it("are nobody else's: each listener answers the one who is to read it, and only that", async () => {
      const { kamailio } = outputs.addresses as unknown as { kamailio: { monitoring: string } };
      assert.match((await httpGet("prometheus", kamailio.monitoring, 8881, "/metrics")).text, / 200 /);
      assert.match((await httpGet("node-exporter", kamailio.monitoring, 8881, "/metrics")).text, / 403 /);
      assert.match((await httpGet("prometheus", "media-metrics", 9200, "/rtpengine-1/metrics")).text, / 200 /);
      assert.match(
        (await httpGet("prometheus", "media-metrics", 9200, "/rtpengine-1/cli/list/numsessions")).text,
        / 404 /,
      );
      assert.match((await httpGet("node-exporter", "media-metrics", 9200, "/rtpengine-1/metrics")).text, / 403 /);
      assert.doesNotMatch((await httpGet("node-exporter", "media-metrics", 5060, "/healthz")).text, /HTTP/);
    });

    it("are gathered without a way outside, but for those who need one", async () => {
      const format = `{{(index .NetworkSettings.Networks "${stack.prefix}-front-net").IPAddress}}`;
      const outside = (await docker(["inspect", "--format", format, `${stack.prefix}-nginx`])).trim();
      const reaches = async (tool: string) =>
        (await inside(tool, `timeout 3 bash -c 'exec 3<>/dev/tcp/${outside}/8443'`)).exitCode === 0;
      // It sends to who is to be told of alerts.
      assert.equal(await reaches("alertmanager"), true);
      const tools = ["prometheus", "node-exporter", "blackbox-exporter", "mysqld-exporter", "nginx-exporter"];
      const reaching = await Promise.all(tools.map(reaches));
      assert.deepEqual(
        tools.filter((_, index) => reaching[index]),
        [],
      );
    });
  });

  describe("its traces", () => {
    it("have every message of a call, on both sides of the edge, and what RTCP says of its media, told apart by where they were taken", async () => {
      await using phone = await SipAgent.start(outputs.sbcNetwork, targetOf(outputs));
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
      assert.ok(
        (await packets()).some(({ type, captureId }) => type === 5 && captureId === 2101),
        "RTCP as the media relay saw it",
      );
    });

    it("cost no call when nobody takes them, also when nodes copy theirs", async () => {
      await docker(["stop", `${stack.prefix}-heplify-server`]);
      await using phone = await SipAgent.start(outputs.sbcNetwork, targetOf(outputs));
      const alice = { name: "alice", password: outputs.subscribers["alice"] ?? "" };
      const { asterisk, kamailio } = outputs.containers;
      await callWithoutCollector(phone, alice, { containers: [kamailio, ...asterisk], collector: heplify });
      await docker(["start", `${stack.prefix}-heplify-server`]);
    });
  });
});
