import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { dump } from "js-yaml";
import {
  alertmanagerRuntime,
  renderAlertmanagerConfig,
  renderAlertmanagerSecrets,
  type AlertmanagerConfigArgs,
} from "../../configs/alertmanager/index.ts";
import {
  blackboxExporterRuntime,
  exporterPorts,
  mysqldExporterRuntime,
  nginxExporterRuntime,
  nodeExporterRuntime,
  renderBlackboxConfig,
  renderMysqldExporterSecrets,
  type ExporterRuntime,
} from "../../configs/exporters/index.ts";
import type { FileMap } from "../../configs/files.ts";
import { metrics, type Metric } from "../../configs/metrics/contract.ts";
import {
  prometheusPort,
  prometheusRuntime,
  renderPrometheusConfig,
  type PrometheusConfigArgs,
} from "../../configs/prometheus/index.ts";
import { neededMetrics, renderRules } from "../../configs/prometheus/rules.ts";
import { alertCases, alertSettings, idle, type AlertCase } from "../support/alert-cases.ts";
import { waitFor } from "../sip/agent.ts";
import { docker } from "../sip/docker.ts";
import { TestContainer } from "../support/container.ts";
import { contractProblems, parseExposition, type Exposition } from "../support/exposition.ts";
import { ensureImage } from "../support/images.ts";

/** Runs a command in one of our images, with the files that the service has. */
async function run(
  service: "prometheus" | "alertmanager" | "exporters",
  { uid, files, command }: { uid: number; files: Record<string, FileMap>; command: string },
): Promise<{ code: number; output: string }> {
  await using container = TestContainer.start({
    role: service,
    image: await ensureImage(service),
    files,
    tmpfs: { "/tmp": "mode=1777" },
    command: ["/bin/bash", "-c", `${command} 2>&1`],
    uid,
    memoryMb: 512,
  });
  const code = await container.ended();
  return { code, output: container.output };
}

/** What a program exports on its loopback device. HTTP 1.0: Go's answers would come in pieces otherwise. */
async function scraped(container: TestContainer, port: number, path = "/metrics"): Promise<Exposition> {
  const get = `exec 3<>/dev/tcp/127.0.0.1/${port}; printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' >&3; sed '1,/^\\r$/d' <&3`;
  const { stdout } = await container.exec(["bash", "-c", get]);
  return parseExposition(stdout.toString("utf8"));
}

const targets = (address: string, ...instances: string[]) => instances.map((instance) => ({ instance, address }));
const prometheus: PrometheusConfigArgs = {
  externalUrl: "https://sbc.example.test:9090/",
  alertmanager: "10.6.0.14:9093",
  jobs: {
    kamailio: targets("10.6.0.66:8881", "kamailio"),
    rtpengine: [{ instance: "rtpengine-1", address: "10.6.0.23:8081", path: "/rtpengine-1/metrics" }],
    asterisk: targets("10.6.0.74:8088", "asterisk-1", "asterisk-2"),
    node: targets("10.6.0.15:9100", "node-exporter"),
    prometheus: targets(`localhost:${prometheusPort}`, "prometheus"),
    alertmanager: targets("10.6.0.14:9093", "alertmanager"),
  },
  probes: {
    exporter: "10.6.0.16:9115",
    targets: {
      sip: [{ instance: "kamailio:5060", address: "10.6.0.23:5060", module: "sip" }],
      tls: [{ instance: "kamailio:5061", address: "10.6.0.23:5061", module: "tls_edge" }],
      tool: [{ instance: "grafana", address: "10.6.0.13:3000", module: "connect" }],
    },
  },
  scrapeSeconds: 15,
  retentionDays: 15,
  retentionSizeMb: 2048,
  rules: { ...alertSettings, patience: 1, runbooks: "https://docs.example.test/runbooks/" },
};

describe("Prometheus in our image", () => {
  const { uid, mounts, command, healthcheck, memoryMb, graceSeconds } = prometheusRuntime(prometheus);
  const files = renderPrometheusConfig(prometheus);

  it("finds nothing wrong with its configuration and rules, by promtool's strictest check", async () => {
    const { code, output } = await run("prometheus", {
      uid,
      files: { [mounts.config]: files },
      command: `promtool check config --lint=all --lint-fatal ${mounts.config}/prometheus.yml`,
    });
    assert.equal(code, 0, output);
    assert.match(output, /2 rule files found/);
  });

  it("starts with nothing writable but its data, evaluates all rules, exports what the contract says and ends cleanly", async () => {
    await using container = TestContainer.start({
      role: "prometheus",
      image: await ensureImage("prometheus"),
      files: { [mounts.config]: renderPrometheusConfig({ ...prometheus, scrapeSeconds: 1 }) },
      tmpfs: { [mounts.data]: `uid=${uid},mode=0750` },
      command: ["/usr/bin/prometheus", ...command],
      uid,
      memoryMb,
    });
    await container.healthy(healthcheck);
    const metricsOf = () => scraped(container, prometheusPort);
    // Its own `late` metrics are there once the rules have been evaluated.
    const all = metrics.map((metric): Metric => ({ ...metric, late: false }));
    const evaluated = ["prometheus_rule_group_last_duration_seconds", "prometheus_tsdb_head_samples_appended_total"];
    await waitFor("an evaluation of the rules", async () => {
      const { samples } = await metricsOf();
      return evaluated.every((wanted) => samples.some(({ name }) => name === wanted));
    });
    const scrape = await metricsOf();
    assert.deepEqual(
      contractProblems(
        scrape,
        all.filter(({ source }) => source === "prometheus"),
      ),
      [],
    );
    const failures = scrape.samples.filter(({ name }) => name === "prometheus_rule_evaluation_failures_total");
    assert.deepEqual(
      failures.filter(({ value }) => value > 0),
      [],
    );
    await docker(["stop", "--time", String(graceSeconds), container.name]);
    assert.equal(await container.ended(), 0, container.output);
  });
});

describe("Alertmanager in our image", () => {
  const config: AlertmanagerConfigArgs = {
    externalUrl: "https://sbc.example.test:9093/",
    webhooks: [
      { name: "chat", receives: "all", token: false },
      { name: "pager", receives: "critical", token: true, ca: "PEM" },
      { name: "deadman", receives: "watchdog", token: false },
    ],
    email: {
      to: ["ops@example.test", "noc@example.test"],
      from: "sbc@example.test",
      host: "mail.example.test",
      port: 587,
      username: "sbc",
      ca: "PEM",
      receives: "all",
    },
    patience: 1,
  };
  const runtime = alertmanagerRuntime(config);
  const { uid, mounts } = runtime;
  const files = renderAlertmanagerConfig(config);
  const secrets = renderAlertmanagerSecrets(config, {
    webhooks: [
      { url: "https://chat.example.test/hook?key=tops3cret" },
      { url: "https://pager.example.test/v2", token: "tops3cret" },
      { url: "https://deadman.example.test/ping" },
    ],
    emailPassword: "tops3cret",
  });

  it("finds nothing wrong with its configuration, by amtool", async () => {
    const { code, output } = await run("alertmanager", {
      uid,
      files: { [mounts.config]: files, [mounts.secrets]: secrets },
      command: `amtool check-config ${mounts.config}/alertmanager.yml`,
    });
    assert.equal(code, 0, output);
    assert.match(output, /3 receivers/);
  });

  it("has no secret in the plain part", () => {
    assert.doesNotMatch(JSON.stringify(files), /tops3cret|pager\.example/);
  });

  for (const [labels, receiver] of [
    ["alertname=AsrLow severity=warning area=calls", "all"],
    ["alertname=EdgeDown severity=critical area=edge", "critical"],
    ["alertname=Watchdog severity=none area=monitoring", "watchdog"],
  ] as const) {
    it(`sends ${labels} to ${receiver}`, async () => {
      const { output } = await run("alertmanager", {
        uid,
        files: { [mounts.config]: files },
        command: `amtool config routes test --config.file=${mounts.config}/alertmanager.yml ${labels}`,
      });
      assert.equal(output.trim().split("\n").at(-1), receiver);
    });
  }

  it("lets every alert be inhibited only by one that there is", () => {
    const names = new Set(renderedAlerts());
    for (const [, name = ""] of JSON.stringify(files).matchAll(/alertname=~?\\+"([^"\\]+)/g)) {
      for (const one of name.split("|")) assert.ok(names.has(one), `there is no alert ${one}`);
    }
  });

  it("starts with nothing writable but its data, without a receiver as well, and exports what the contract says", async () => {
    await using container = TestContainer.start({
      role: "alertmanager",
      image: await ensureImage("alertmanager"),
      files: { [mounts.config]: renderAlertmanagerConfig({ externalUrl: "https://x/", webhooks: [], patience: 0 }) },
      tmpfs: { [mounts.data]: `uid=${uid},mode=0750` },
      command: ["/usr/bin/prometheus-alertmanager", ...runtime.command],
      uid,
      memoryMb: runtime.memoryMb,
    });
    await container.healthy(runtime.healthcheck);
    const scrape = await scraped(container, 9093);
    const receivers = scrape.samples.filter(
      ({ labels }) => labels["integration"] === undefined || /^(email|webhook)$/.test(labels["integration"]),
    );
    const own = metrics.filter(({ source }) => source === "alertmanager");
    assert.deepEqual(contractProblems({ ...scrape, samples: receivers }, own), []);
    await docker(["stop", "--time", String(runtime.graceSeconds), container.name]);
    assert.equal(await container.ended(), 0, container.output);
  });
});

describe("the exporters in our image", () => {
  const start = async (runtime: ExporterRuntime, files: Record<string, FileMap> = {}) =>
    TestContainer.start({
      role: "exporter",
      image: await ensureImage("exporters"),
      files,
      command: runtime.command,
      uid: runtime.uid,
      memoryMb: runtime.memoryMb,
    });

  it("tell of the host what the contract says, without anything of the host", async () => {
    const runtime = nodeExporterRuntime();
    await using container = await start(runtime);
    await container.healthy(runtime.healthcheck);
    const scrape = await scraped(container, exporterPorts.node);
    assert.deepEqual(
      contractProblems(
        scrape,
        metrics.filter(({ source }) => source === "node"),
      ),
      [],
    );
  });

  it("take the modules for probes, and say that nobody is there", async () => {
    const runtime = blackboxExporterRuntime();
    const { config = "" } = runtime.mounts;
    await using container = await start(runtime, {
      [config]: renderBlackboxConfig({
        domain: "sip.example.test",
        edge: { name: "sip.example.test", ca: "" },
        frontDoor: { name: "127.0.0.1", ca: "", verify: false },
      }),
    });
    await container.healthy(runtime.healthcheck);
    for (const module of ["connect", "sip", "tls_edge", "tls_front_door"]) {
      const { samples } = await scraped(
        container,
        exporterPorts.blackbox,
        `/probe?module=${module}&target=127.0.0.1:1`,
      );
      assert.equal(samples.find(({ name }) => name === "probe_success")?.value, 0);
    }
  });

  it("say that the database does not answer", async () => {
    const runtime = mysqldExporterRuntime();
    const { secrets = "" } = runtime.mounts;
    await using container = await start(runtime, {
      [secrets]: renderMysqldExporterSecrets({ host: "127.0.0.1", port: 1, user: "exporter" }, { password: "secret" }),
    });
    await container.healthy(runtime.healthcheck);
    const { samples } = await scraped(container, exporterPorts.mysqld);
    assert.equal(samples.find(({ name }) => name === "mysql_up")?.value, 0);
  });

  it("say that the front door does not answer", async () => {
    const runtime = nginxExporterRuntime({ status: "http://127.0.0.1:1/stub_status" });
    await using container = await start(runtime);
    await container.healthy(runtime.healthcheck);
    const { samples } = await scraped(container, exporterPorts.nginx);
    assert.equal(samples.find(({ name }) => name === "nginx_up")?.value, 0);
  });
});

const rules = renderRules({ ...alertSettings, patience: 1, runbooks: "" });
const renderedAlerts = () => [...rules["alerts.yml"].matchAll(/alert: (\w+)/g)].map(([, name = ""]) => name);

/** Metrics that alerts need, gone from targets that are up. */
const missing: AlertCase = {
  when: "programs that are up export nothing any more",
  series: Object.fromEntries(Object.entries(idle).filter(([series]) => series.startsWith("up{"))),
  fire: Object.entries(neededMetrics(alertSettings)).flatMap(([job, names]) =>
    names.map((name) => `MetricMissing{job="${job}", metric="${name}"}`),
  ),
};

/** As a group of tests of promtool. `only`: the alerts that are looked at, all others may fire or not. */
function group({ when, series, at = 45, fire }: AlertCase, only?: string) {
  const byJob = "TargetMissing|MetricMissing";
  const firing = (names: string) => `ALERTS{alertstate="firing", ${names}}`;
  const others = `group by (alertname, instance, node, trunk, integration) (${firing(`alertname!~"Watchdog|${byJob}"`)})`;
  const job = `group by (alertname, job, metric) (${firing(`alertname=~"${only ?? byJob}"`)})`;
  return {
    name: when,
    interval: "1m",
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: [
      {
        expr: only === undefined ? `${others} or ${job}` : job,
        eval_time: `${at}m`,
        exp_samples: fire.map((alert) => {
          const [, name = "", labels] = /^(\w+)(?:\{(.*)\})?$/.exec(alert) ?? assert.fail(`no alert: ${alert}`);
          return { labels: `{alertname="${name}"${labels === undefined ? "" : `, ${labels}`}}`, value: 1 };
        }),
      },
    ],
  };
}

describe("the alerts, as promtool evaluates them", () => {
  const results = new Map<string, string>();

  before(async () => {
    const tests = {
      rule_files: Object.keys(rules),
      // Alerts take up what has been recorded at the same time, as they do in a stack within some seconds.
      group_eval_order: ["recording", "alerts"],
      // An evaluation every minute takes five times as long, and shows nothing more.
      evaluation_interval: "5m",
      tests: [...alertCases.map((one) => group(one)), group(missing, "MetricMissing")],
    };
    const { uid, mounts } = prometheusRuntime(prometheus);
    const { output } = await run("prometheus", {
      uid,
      files: { [mounts.config]: { ...rules, "tests.yml": dump(tests, { lineWidth: -1 }) } },
      command: `promtool test rules --junit=/tmp/junit.xml ${mounts.config}/tests.yml > /tmp/log; cat /tmp/junit.xml || cat /tmp/log`,
    });
    for (const [, name = "", inside] of output.matchAll(/<testcase name="([^"]*)">(.*?)<\/testcase>/gs)) {
      results.set(unescape(name), unescape(inside ?? ""));
    }
    assert.ok(results.size > 0, output);
  });

  for (const { when, fire } of [...alertCases, missing]) {
    it(`${fire.length === 0 ? "none" : fire.join(", ")} when ${when}`, () => {
      assert.equal(results.get(when), "");
    });
  }
});

/** Numeric entities, which promtool writes for everything but letters. */
function unescape(text: string): string {
  return text
    .replace(/&#(x?)([0-9a-f]+);/gi, (_, hex, code: string) =>
      String.fromCodePoint(parseInt(code, hex === "" ? 10 : 16)),
    )
    .replaceAll("&gt;", ">")
    .replaceAll("&lt;", "<")
    .replaceAll("&amp;", "&");
}
