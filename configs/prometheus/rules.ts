import { dump } from "js-yaml";
import { metrics, type Metric } from "../metrics/contract.ts";
import { alerts, type Alert, type AlertSettings } from "./alerts.ts";
import { recordings } from "./recording.ts";

/** How the rules are written down. */
export interface RuleSettings extends AlertSettings {
  /** Multiplies every time that an alert waits or is kept: 1 as it is meant, 0 at once, for tests. */
  readonly patience: number;
  /** What a runbook's file name is added to. */
  readonly runbooks: string;
}

/** Job whose targets export the metrics of a source. */
const jobs: Readonly<Partial<Record<Metric["source"], string>>> = {
  edge: "kamailio",
  kamailio: "kamailio",
  rtpengine: "rtpengine",
  asterisk: "asterisk",
  node: "node",
  mysqld: "mysqld",
  alertmanager: "alertmanager",
  prometheus: "prometheus",
};

/** Metrics that alerts stand on and that are there from the start, by job. */
export function neededMetrics(settings: AlertSettings): Record<string, string[]> {
  const text = [...alerts(settings).map(({ expr }) => expr), ...recordings.map(({ expr }) => expr)].join("\n");
  const needed: Record<string, string[]> = {};
  for (const { name, source, late } of metrics) {
    const job = jobs[source];
    if (job === undefined || late === true || !new RegExp(`(?<![\\w:])${name}(?![\\w:])`).test(text)) continue;
    (needed[job] ??= []).push(name);
  }
  return needed;
}

/**
 * A program that comes in a new version may name something differently: then what stands on it would be silent for ever. One alert for each
 * job, with the name of the metric that its targets, though up, do not export.
 */
export function missingMetrics(settings: AlertSettings): Alert[] {
  return Object.entries(neededMetrics(settings)).map(([job, names]) => ({
    name: "MetricMissing",
    area: "monitoring",
    severity: "warning",
    expr: `(${names
      .map((name) => `label_replace(absent(${name}{job="${job}"}), "metric", "${name}", "", "")`)
      .join(" or ")}) and on(job) up{job="${job}"} == 1`,
    labels: { job },
    minutes: 10,
    summary: "{{ $labels.metric }} is not exported any more",
    description: `The targets of ${job} are up and do not export it: alerts and dashboards that stand on it are blind.`,
  }));
}

/** The files with rules, for `/etc/prometheus`. */
export function renderRules(settings: RuleSettings): Record<"recording.yml" | "alerts.yml", string> {
  const seconds = (minutes: number) => `${Math.round(minutes * 60 * settings.patience)}s`;
  const recording = {
    groups: [{ name: "recording", rules: recordings.map(({ record, expr }) => ({ record, expr })) }],
  };
  const alerting = {
    groups: [
      {
        name: "alerts",
        rules: [...alerts(settings), ...missingMetrics(settings)].map((alert) => ({
          alert: alert.name,
          expr: alert.expr,
          ...(alert.minutes !== undefined && { for: seconds(alert.minutes) }),
          ...(alert.keepMinutes !== undefined && { keep_firing_for: seconds(alert.keepMinutes) }),
          labels: { severity: alert.severity, area: alert.area, ...alert.labels },
          annotations: {
            summary: alert.summary,
            description: alert.description,
            runbook_url: `${settings.runbooks}${alert.name}.md`,
          },
        })),
      },
    ],
  };
  return { "recording.yml": yaml(recording), "alerts.yml": yaml(alerting) };
}

function yaml(content: object): string {
  return `# Generated.\n${dump(content, { lineWidth: -1, noRefs: true })}`;
}
