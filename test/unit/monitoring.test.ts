import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareSync } from "bcryptjs";
import { parseConfig, type Config } from "../../components/config-parse.ts";
import { planMonitoring } from "../../components/monitoring-tools.ts";
import { upstreamNames } from "../../components/upstream-images.ts";
import { renderNginxConfig, renderNginxSecrets } from "../../configs/nginx/index.ts";
import { memoryProblem } from "../../scripts/preflight.ts";

function config(monitoring: Record<string, unknown>, more: Record<string, unknown> = {}): Config {
  const raw = Object.entries({ domain: "sip.example.test", monitoring, ...more });
  const values = raw.map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]);
  const parsed = parseConfig(Object.fromEntries(values) as Record<string, string>, "dev");
  if ("problems" in parsed) throw new Error(parsed.problems);
  return parsed.config;
}

describe("the tools of a profile", () => {
  it("are none unless a stack asks for them", () => {
    assert.equal(planMonitoring(config({})).tools.size, 0);
  });

  it("are those that need no traces and no logs with the light one", () => {
    const { tools, leftOut } = planMonitoring(config({ profile: "light" }));
    assert.deepEqual([tools.has("prometheus"), tools.has("grafana"), tools.has("elasticsearch")], [true, true, false]);
    assert.equal(leftOut.size, 0);
  });

  it("go without those that cannot be pulled and what is of no use without them, each with its reason", () => {
    const { tools, leftOut } = planMonitoring(
      config({ profile: "full", unavailable: { elasticsearch: "no such host" }, without: ["homer-app"] }),
    );
    assert.deepEqual(Object.fromEntries(leftOut), {
      "homer-app": "sbc:monitoring.without says so",
      elasticsearch: "its image could not be pulled: no such host",
      logstash: "of no use without elasticsearch",
      filebeat: "of no use without logstash",
      kibana: "of no use without elasticsearch",
    });
    assert.ok(tools.has("heplify-server") && tools.has("grafana"));
  });

  it("run in prod by digest only", () => {
    const { prod } = { prod: true };
    const { monitoring } = config({ profile: "light" });
    const pinned = `${upstreamNames().grafana.replace(/@.*/, "")}@sha256:${"0".repeat(64)}`;
    assert.match(planMonitoring({ monitoring, prod }).leftOut.get("grafana") ?? "", /has no digest; npm run images/);
    const own = { ...monitoring, images: { grafana: pinned } };
    assert.equal(planMonitoring({ monitoring: own, prod }).leftOut.size, 0);
  });
});

describe("the configuration of monitoring", () => {
  const mail = { to: ["a@example.com"], from: "b@example.com", host: "mail.example.com" };
  const hook = { name: "chat", url: "https://alerts.example.com/" };
  for (const [what, monitoring, problem, more] of [
    ["an unknown tool", { without: ["splunk"] }, /monitoring\.without\.?\[?0\]?.*must be grafana or/s],
    ["logs that are kept for no day", { logs: { retentionDays: 0 } }, /monitoring\.logs\.retentionDays = 0/],
    [
      "one port for two dashboards",
      { ports: { grafana: 9090 } },
      /ports\.prometheus = 9090 is that of grafana as well/,
    ],
    [
      "a port that the edge has",
      { profile: "light", ports: { landing: 8443 } },
      /monitoring\.ports\.landing = 8443 is also sbc:edge\.ports\.wss; it must.*ports\.landing' 18443/s,
      { edge: { ports: { wss: 8443 }, websocketOrigins: ["https://a.example"] } },
    ],
    [
      "a certificate without its key",
      { chainFile: "package.json" },
      /monitoring\.keyFile is needed beside sbc:monitoring\.chainFile/,
    ],
    [
      "a file that is not there",
      { chainFile: "a.pem", keyFile: "package.json" },
      /monitoring\.chainFile = .*a\.pem.* is no file/,
    ],
    ["a user with a colon", { user: "a:b" }, /monitoring\.user = .*must be a user name/],
    ["a retention of 0", { prometheus: { retentionDays: 0 } }, /prometheus\.retentionDays = 0 must be at least 1/],
    [
      "a mail receiver without host",
      { alerts: { email: { to: ["a@example.com"], from: "b@example.com" } } },
      /alerts\.email\.host/,
    ],
    [
      "a mail account without password",
      { alerts: { email: { ...mail, username: "sbc" } } },
      /alerts\.email\.password is needed beside/,
    ],
    [
      "a mail password that the tool would cut",
      { alerts: { email: { ...mail, username: "sbc", password: "secret " } } },
      /alerts\.email\.password = \[secret\] .*Alertmanager cuts those off/,
    ],
    [
      "a CA of the mail server that is no file",
      { alerts: { email: { ...mail, caFile: "no.pem" } } },
      /alerts\.email\.caFile = "no\.pem" does not exist/,
    ],
    [
      "a CA of a receiver that is no certificate",
      { alerts: { webhooks: [{ ...hook, caFile: "package.json" }] } },
      /webhooks\[0\]\.caFile = "package\.json" holds no certificate/,
    ],
    [
      "a CA of a receiver without TLS",
      { alerts: { webhooks: [{ ...hook, url: "http://alerts.example.com/", caFile: "package.json" }] } },
      /webhooks\[0\]\.caFile = "package\.json" is for a receiver behind https/,
    ],
    [
      "a token that no header can carry",
      { alerts: { webhooks: [{ ...hook, token: "a b" }] } },
      /alerts\.webhooks\[0\]\.token = \[secret\] must be of visible ASCII/,
    ],
    [
      "two receivers of one name",
      { alerts: { webhooks: [hook, hook] } },
      /webhooks\[1\]\.name = "chat" is the name of another/,
    ],
    [
      "a webhook without TLS in prod",
      { profile: "light", alerts: { webhooks: [{ ...hook, url: "http://alerts.example.com/?key=k3y" }] } },
      /webhooks\[0\]\.url = "http:\/\/alerts\.example\.com" must be https in prod/,
      { environment: "prod" },
    ],
    [
      "prod where nobody is told and nobody says so",
      { profile: "light" },
      /alerts\.webhooks\[0\]\.url is required in prod.*nobody would be told.*unattended.*webhooks\[0\]\.url' https:/s,
      { environment: "prod" },
    ],
    [
      "a subnet that overlaps",
      {},
      /networks\.front = .*overlaps sbc:networks\.sbc/,
      { networks: { front: "10.5.0.0/28" } },
    ],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => config(monitoring, more), problem));
  }
});

it("a dashboard may have a port that the edge has on another address, or that it does not take without monitoring", () => {
  const edge = { ports: { wss: 9443 }, websocketOrigins: ["https://a.example"] };
  config({ profile: "light" }, { edge: { ...edge, bind: "192.0.2.10" } });
  config({ profile: "off" }, { edge });
  const everywhere = { edge: { ...edge, bind: "0.0.0.0", publicAddress: "192.0.2.1" } };
  assert.throws(() => config({ profile: "light" }, everywhere), /ports\.landing = 9443 is also sbc:edge\.ports\.wss/);
});

describe("the front door", () => {
  const site = { name: "grafana", port: 3000, upstream: "grafana:3000" };
  const args = { sites: [site], address: "10.6.0.19", exporter: "10.6.0.18", prometheus: "prometheus:9090" };

  it("asks for a password at every site, but where a tool's own token takes the same header", () => {
    const files = renderNginxConfig({
      ...args,
      sites: [site, { name: "homer", port: 9080, upstream: "homer-app:80", login: "bearer" }],
    });
    assert.match(files["site-grafana.conf"] ?? "", /^ {2}auth_basic "grafana";$/m);
    assert.doesNotMatch(files["site-grafana.conf"] ?? "", /auth_basic off/);
    assert.equal(files["site-homer.conf"]?.match(/auth_basic off/g)?.length, 1);
    assert.match(files["proxy.conf"] ?? "", /^proxy_set_header Authorization "";$/m);
  });

  it("has a hash that is the same at every run, and of the password", () => {
    const secrets = { user: "operator", password: "a".repeat(32), salt: "abcdefghijklmnopqrstuu" };
    const { htpasswd = "" } = renderNginxSecrets(secrets);
    assert.equal(renderNginxSecrets(secrets)["htpasswd"], htpasswd);
    assert.ok(compareSync(secrets.password, htpasswd.trim().split(":")[1] ?? ""));
  });
});

describe("the memory of the machine", () => {
  it("is enough for the full profile from 8 GiB up, which shows as a little less", () => {
    assert.equal(memoryProblem("full", 7.7 * 2 ** 30), undefined);
    assert.match(memoryProblem("full", 4 * 2 ** 30) ?? "", /4\.0 GiB; the full profile wants 8.*profile light/);
    assert.equal(memoryProblem("light", 2 ** 30), undefined);
  });
});
