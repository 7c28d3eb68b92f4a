import type { AddressPlan, MonitoringTool } from "./addresses.ts";
import type { Config } from "./config-parse.ts";
import { upstreamProblem, type UpstreamTool, upstreamTools } from "./upstream-images.ts";

/** What a stack has of the tools that watch it. */
export const monitoringProfiles = ["off", "light", "full"] as const;

/** Does anything watch the stack? */
export function isWatched({ monitoring }: Pick<Config, "monitoring">): boolean {
  return monitoring.profile !== "off";
}

/** Who may read Kamailio's metrics on monitoring_net: Prometheus, where there is one. */
export function metricsReader(config: Pick<Config, "monitoring">, plan: AddressPlan): string | undefined {
  return isWatched(config) ? plan.monitoring.prometheus : undefined;
}

/** Tools of the light profile: metrics, and what shows them. */
const light: readonly MonitoringTool[] = [
  "prometheus",
  "alertmanager",
  "node-exporter",
  "blackbox-exporter",
  "mysqld-exporter",
  "nginx-exporter",
  "media-metrics",
  "grafana",
  "nginx",
];

/** Tools of the full profile beside those: traces and logs. */
const fullOnly: readonly MonitoringTool[] = [
  "homer-db",
  "heplify-server",
  "homer-app",
  "elasticsearch",
  "logstash",
  "filebeat",
  "kibana",
];

/** Tool → what it is of no use without. */
const needs: Readonly<Partial<Record<MonitoringTool, MonitoringTool>>> = {
  "homer-app": "heplify-server",
  "homer-db": "heplify-server",
  kibana: "elasticsearch",
  logstash: "elasticsearch",
  filebeat: "logstash",
};

/** Tools that a person may leave out; the others are what the profile is made of. */
export const optionalTools = ["grafana", "heplify-server", "homer-app", "elasticsearch", "kibana"] as const;

/** Dashboards by the name of their port in the configuration, in the order of the landing page → the tool that shows them. */
export const dashboardTools = {
  landing: "nginx",
  grafana: "grafana",
  prometheus: "prometheus",
  alertmanager: "alertmanager",
  homer: "homer-app",
  kibana: "kibana",
} as const satisfies Record<string, MonitoringTool>;
export type Dashboard = keyof typeof dashboardTools;

/** The dashboards of the tools that run, each with its host port. */
export function publishedDashboards(
  tools: MonitoringPlan["tools"],
  ports: Config["monitoring"]["ports"],
): [Dashboard, number][] {
  return (Object.keys(dashboardTools) as Dashboard[])
    .filter((name) => tools.has(dashboardTools[name]))
    .map((name) => [name, ports[name]]);
}

/** The tools of a stack. */
export interface MonitoringPlan {
  /** Those that run. */
  readonly tools: ReadonlySet<MonitoringTool>;
  /** Those that the profile has and that do not run, each with the reason. */
  readonly leftOut: ReadonlyMap<MonitoringTool, string>;
}

/** What of a profile is run: all but what its owner leaves out, what cannot be pulled, and what is of no use without those. */
export function planMonitoring(
  { monitoring, prod }: Pick<Config, "monitoring" | "prod">,
  problemOf: (tool: UpstreamTool, image?: string) => string | undefined = upstreamProblem,
): MonitoringPlan {
  const { profile, without, unavailable, images } = monitoring;
  const wanted = profile === "off" ? [] : profile === "light" ? light : [...light, ...fullOnly];
  const leftOut = new Map<MonitoringTool, string>();
  for (const tool of wanted) {
    const upstream = upstreamTools.find((one) => one === tool);
    if (without.some((one) => one === tool)) leftOut.set(tool, "sbc:monitoring.without says so");
    else if (upstream !== undefined && unavailable[upstream] !== undefined) {
      leftOut.set(tool, `its image could not be pulled: ${unavailable[upstream]}`);
    } else if (upstream !== undefined && prod) {
      const problem = problemOf(upstream, images[upstream]);
      if (problem !== undefined) leftOut.set(tool, problem);
    }
  }
  // In the order of the lists: what others need comes before them, but for Filebeat's Logstash, which comes before it as well.
  for (const tool of wanted) {
    const needed = needs[tool];
    if (needed !== undefined && leftOut.has(needed) && !leftOut.has(tool))
      leftOut.set(tool, `of no use without ${needed}`);
  }
  return { tools: new Set(wanted.filter((tool) => !leftOut.has(tool))), leftOut };
}

/** Where SIP and RTCP are copied to, on monitoring_net; undefined when nobody collects them. Nodes copy theirs only where they are told to. */
export function hepCollectorsOf(
  { monitoring }: Pick<Config, "monitoring">,
  tools: MonitoringPlan["tools"],
  plan: AddressPlan,
): Readonly<Record<"hepCollector" | "nodesHepCollector", string | undefined>> {
  const hepCollector = tools.has("heplify-server") ? plan.monitoring["heplify-server"] : undefined;
  return { hepCollector, nodesHepCollector: monitoring.homer.nodes ? hepCollector : undefined };
}
