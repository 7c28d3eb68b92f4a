import { dump } from "js-yaml";
import type { FileMap } from "../files.ts";
import { httpHealthcheck } from "../health.ts";
import { metrics, type Metric } from "../metrics/contract.ts";
import { renderRules, type RuleSettings } from "./rules.ts";

/** Something to scrape. */
export interface Target {
  /** Label `instance`: the name of the container. */
  readonly instance: string;
  /** `address:port`. */
  readonly address: string;
  /** Default `/metrics`. */
  readonly path?: string;
}

/** What a probe looks at: `address` is what it connects to. */
export interface ProbeTarget extends Omit<Target, "path"> {
  /** Module of the blackbox exporter. */
  readonly module: string;
}

/** What Prometheus' configuration depends on. A change replaces its container; its data stay. */
export interface PrometheusConfigArgs {
  /** Address that people reach it by, for links in alerts. */
  externalUrl: string;
  /** `address:port` of Alertmanager. */
  alertmanager: string;
  /** Targets by job: {@link jobs}, and those of other planes. */
  jobs: Readonly<Record<string, readonly Target[]>>;
  /** What the blackbox exporter looks at, by job. */
  probes: {
    readonly exporter: string;
    readonly targets: Readonly<Record<"sip" | "tls" | "tool", readonly ProbeTarget[]>>;
  };
  /** Seconds between two scrapes, and between two evaluations of the rules. */
  scrapeSeconds: number;
  /** Days that data are kept. */
  retentionDays: number;
  /** Size on disk beyond which the oldest data go, in MiB. */
  retentionSizeMb: number;
  /** For the rules; the numbers of targets are those of `jobs` and `probes`. */
  rules: Omit<RuleSettings, "targets">;
}

/** The values of optional settings. */
export const prometheusDefaults = { scrapeSeconds: 15, retentionDays: 15, retentionSizeMb: 2048 } as const;

/** TCP port on monitoring_net. */
export const prometheusPort = 9090;

/** Of Asterisk, what there is one of for each channel or bridge: without bound in a day, and gone when one looks. */
const perCall = "asterisk_channels_(state|duration_seconds)|asterisk_bridges_channels_count";

/** Programs that do not say in `Content-Type` what they speak. */
const untyped = ["kamailio", "rtpengine", "asterisk"];

/** How the container has to be run. The database is its volume, writable. */
export function prometheusRuntime(
  args: Pick<PrometheusConfigArgs, "externalUrl" | "retentionDays" | "retentionSizeMb">,
) {
  return {
    uid: 4111,
    gid: 4111,
    command: [
      "--config.file=/etc/prometheus/prometheus.yml",
      "--storage.tsdb.path=/var/lib/prometheus",
      `--storage.tsdb.retention.time=${args.retentionDays}d`,
      `--storage.tsdb.retention.size=${args.retentionSizeMb}MB`,
      `--web.listen-address=:${prometheusPort}`,
      `--web.external-url=${args.externalUrl}`,
      "--web.route-prefix=/",
      "--log.format=json",
    ],
    mounts: { config: "/etc/prometheus", data: "/var/lib/prometheus" },
    tmpfs: {},
    healthcheck: httpHealthcheck(prometheusPort, "/-/ready"),
    memoryMb: 512,
    graceSeconds: 30,
  } as const;
}

/** The plain files, for `/etc/prometheus`. */
export function renderPrometheusConfig(args: PrometheusConfigArgs): FileMap {
  const interval = `${args.scrapeSeconds}s`;
  const targets = Object.fromEntries(
    Object.entries({ ...args.jobs, ...args.probes.targets }).map(([job, list]) => [job, list.length]),
  );
  const rules = renderRules({ ...args.rules, targets });
  const content = {
    global: {
      scrape_interval: interval,
      scrape_timeout: `${Math.min(10, args.scrapeSeconds)}s`,
      evaluation_interval: interval,
    },
    rule_files: Object.keys(rules),
    alerting: { alertmanagers: [{ static_configs: [{ targets: [args.alertmanager] }] }] },
    scrape_configs: [
      ...Object.entries(args.jobs).map(([job, list]) => ({
        job_name: job,
        // A target that exports without end would take the memory of all.
        sample_limit: 20_000,
        // Kamailio writes the time of a series' last change beside it: a counter that rests for 5 minutes would be gone.
        ...(job === "kamailio" && { honor_timestamps: false }),
        ...(untyped.includes(job) && { fallback_scrape_protocol: "PrometheusText0.0.4" }),
        static_configs: list.map(({ instance, address, path }) => ({
          targets: [address],
          labels: { instance, ...(path !== undefined && { __metrics_path__: path }) },
        })),
        ...relabelling(job),
      })),
      ...Object.entries(args.probes.targets).map(([job, list]) => ({
        job_name: job,
        metrics_path: "/probe",
        static_configs: list.map(({ instance, address, module }) => ({
          targets: [address],
          labels: { instance, __param_module: module },
        })),
        relabel_configs: [
          { source_labels: ["__address__"], target_label: "__param_target" },
          { target_label: "__address__", replacement: args.probes.exporter },
        ],
      })),
    ],
  };
  return {
    "prometheus.yml": `# Generated.\n${dump(content, { lineWidth: -1, noRefs: true })}`,
    ...rules,
  };
}

/** Jobs of which only what the contract lists is kept: these programs export ten times as much about themselves. */
const listedOnly: Readonly<Record<string, Metric["source"]>> = {
  node: "node",
  mysqld: "mysqld",
  nginx: "nginx",
  prometheus: "prometheus",
  alertmanager: "alertmanager",
  blackbox: "blackbox",
};

/** What is kept of the samples of a job. */
function relabelling(job: string): object {
  const rules: object[] = [];
  if (job === "asterisk") rules.push({ source_labels: ["__name__"], regex: perCall, action: "drop" });
  // It exports every kind of receiver that there is, ten times the two that can be configured.
  if (job === "alertmanager") rules.push({ source_labels: ["integration"], regex: "email|webhook|", action: "keep" });
  const source = listedOnly[job];
  if (source !== undefined) {
    const names = metrics.filter((metric) => metric.source === source || metric.name.startsWith("process_"));
    rules.push({ source_labels: ["__name__"], regex: names.map(({ name }) => name).join("|"), action: "keep" });
  }
  return rules.length === 0 ? {} : { metric_relabel_configs: rules };
}
