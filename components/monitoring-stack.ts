import * as pulumi from "@pulumi/pulumi";
import { alertmanagerPort } from "../configs/alertmanager/index.ts";
import { grafanaPort, grafanaUser } from "../configs/grafana/index.ts";
import { users } from "../configs/elasticsearch/objects.ts";
import { homer as homerPorts } from "../configs/homer/index.ts";
import { kibanaPort } from "../configs/kibana/index.ts";
import { renderLanding } from "../configs/landing/index.ts";
import { prometheusPort } from "../configs/prometheus/index.ts";
import type { AddressPlan } from "./addresses.ts";
import type { AcmeSource } from "./certificates.ts";
import type { Certificate } from "./certificate-authority.ts";
import type { Config } from "./config-parse.ts";
import type { ContainerDefaults } from "./container.ts";
import { FrontDoor } from "./front-door.ts";
import { LogPipeline, pipelinePorts } from "./log-pipeline.ts";
import { dashboardCertificate } from "./dashboard-certificate.ts";
import { Grafana } from "./grafana.ts";
import { MetricsStack } from "./metrics-stack.ts";
import { HepCapture } from "./hep-capture.ts";
import {
  dashboardTools,
  isWatched,
  publishedDashboards,
  type Dashboard,
  type MonitoringPlan,
} from "./monitoring-tools.ts";
import type { RtpEngine } from "./rtp-engine.ts";
import type { SbcNetwork } from "./sbc-network.ts";
import { componentType } from "./types.ts";

/** Everything that watches the stack. Nothing of the other planes waits for any of it. */
export interface MonitoringStackArgs {
  readonly defaults: ContainerDefaults;
  readonly networks: SbcNetwork;
  readonly addresses: AddressPlan;
  /** The whole configuration of the stack: what is watched is part of what watches it. */
  readonly config: Config;
  /** Which tools run. */
  readonly plan: MonitoringPlan;
  /** Certificate of the edge: in prod that of the front door as well, unless it has one of its own. */
  readonly sipCertificate: Certificate | AcmeSource;
  /** The media relays' HTTP listeners, as seen from sbc_net. */
  readonly relays: RtpEngine["httpListeners"];
  /** Password of the database's user `exporter`, secret. */
  readonly exporterPassword: pulumi.Output<string> | undefined;
}

/** The monitoring of a stack, where it has any. */
export function monitoringStack(args: MonitoringStackArgs): MonitoringStack | undefined {
  return isWatched(args.config) ? new MonitoringStack("monitoring", args) : undefined;
}

/** Port of each dashboard inside the front door's container: none of the tools' own, which nothing may publish. */
const innerPorts: Readonly<Record<Dashboard, number>> = {
  landing: 8443,
  grafana: 8444,
  prometheus: 8445,
  alertmanager: 8446,
  homer: 8447,
  kibana: 8448,
};

type ToolPage = Exclude<Dashboard, "landing">;

/** Port of each tool's pages on monitoring_net. */
const toolPorts: Readonly<Record<ToolPage, number>> = {
  grafana: grafanaPort,
  prometheus: prometheusPort,
  alertmanager: alertmanagerPort,
  homer: homerPorts.httpPort,
  kibana: kibanaPort,
};

/** `host:port` of a tool's pages there. */
const upstream = (site: ToolPage) => `${dashboardTools[site]}:${toolPorts[site]}`;

/** Metrics, logs and traces behind one front door. */
export class MonitoringStack extends pulumi.ComponentResource {
  /** Dashboard → URL. */
  public readonly dashboards: Readonly<Partial<Record<Dashboard, string>>>;
  /** What the profile has and does not run, each with the reason. */
  public readonly leftOut: readonly string[];
  /** Who passes the front door, and the password; secret. */
  public readonly login: pulumi.Output<{ user: string; password: string }>;
  /** Who may log in to Grafana, and the password; secret. Undefined: it does not run. */
  public readonly grafanaLogin: pulumi.Output<{ user: string; password: string }> | undefined;
  /** Kibana's own log-in behind the front door: user → password; secret. Undefined without Kibana. */
  public readonly kibanaLogins: pulumi.Output<Record<string, string>> | undefined;
  /** What browsers have to trust, PEM; empty: a public CA. */
  public readonly ca: pulumi.Output<string>;
  /** Password of HOMER's own user `admin`; secret, undefined without HOMER. */
  public readonly homerPassword: pulumi.Output<string> | undefined;

  constructor(name: string, args: MonitoringStackArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentType("MonitoringStack"), name, {}, options);
    const { addresses, config, defaults, networks } = args;
    const { monitoring } = config;
    const own = { parent: this };
    const common = { defaults, networks, addresses, images: config.images };
    const { leftOut, tools } = args.plan;
    this.leftOut = [...leftOut].map(([tool, reason]) => `${tool}: ${reason}`);
    const certificate = dashboardCertificate(config, args.sipCertificate, this);
    this.ca = certificate.ca;
    const published = publishedDashboards(tools, monitoring.ports);
    const host = monitoring.names[0] ?? monitoring.bind;
    this.dashboards = Object.fromEntries(published.map(([site, port]) => [site, `https://${host}:${port}/`]));

    const homer = tools.has("heplify-server")
      ? new HepCapture(
          "hep-capture",
          {
            ...common,
            ...monitoring.homer,
            upstream: monitoring.images,
            tools,
            protect: config.prod,
            rotation: config.rotation,
          },
          own,
        )
      : undefined;

    const { chainFile } = monitoring;
    const metrics = new MetricsStack(
      "metrics",
      {
        ...common,
        config,
        tools,
        // Prometheus and Alertmanager are scraped.
        pages: [
          ...published.flatMap(([site]) =>
            site === "grafana" || site === "homer" || site === "kibana"
              ? [{ tool: dashboardTools[site], port: toolPorts[site] }]
              : [],
          ),
          ...pipelinePorts(tools),
        ],
        urls: { prometheus: this.dashboards.prometheus ?? "", alertmanager: this.dashboards.alertmanager ?? "" },
        edgeCertificate: { name: config.domain, ca: args.sipCertificate.ca },
        // Of one that the operator brings for it nobody says which CA it is of.
        frontDoor: { name: host, ca: certificate.ca, verify: chainFile === undefined, port: innerPorts.landing },
        relays: args.relays,
        exporterPassword: args.exporterPassword ?? pulumi.output(""),
      },
      own,
    );
    const logs = tools.has("elasticsearch")
      ? new LogPipeline(
          "logs",
          {
            ...common,
            tools,
            images: monitoring.images,
            settings: monitoring.logs,
            publicUrl: this.dashboards.kibana?.replace(/\/$/, ""),
            certificates: { ...config.certificates, rotation: config.rotation.certificates.ca },
            rotation: config.rotation.logs,
            protect: config.prod,
          },
          own,
        )
      : undefined;
    this.kibanaLogins = logs?.logins;

    const door = new FrontDoor(
      "front-door",
      {
        ...common,
        sites: published.map(([site, outside]) => ({
          name: site,
          port: innerPorts[site],
          outside,
          ...(site !== "landing" && { upstream: upstream(site) }),
          ...(site === "homer" && { login: "bearer" as const }),
          ...(site === "kibana" && { tls: true }),
        })),
        landing: renderLanding({
          stack: pulumi.getStack(),
          dashboards: published.flatMap(([site, port]) => (site === "landing" ? [] : [{ name: site, port }])),
          watched: metrics.watched,
          leftOut: Object.fromEntries(leftOut),
          logins: [
            { where: "This page and every tool", user: monitoring.user, output: "dashboardsLogin" },
            ...(tools.has("grafana")
              ? [{ where: "Grafana, after that", user: grafanaUser, output: "grafanaLogin" }]
              : []),
            ...(tools.has("kibana")
              ? [{ where: "Kibana, after that", user: users.reader, output: "kibanaLogins" }]
              : []),
            ...(tools.has("homer-app") ? [{ where: "HOMER, after that", user: "admin", output: "homerPassword" }] : []),
          ],
        }),
        bind: monitoring.bind,
        certificate,
        ...(logs !== undefined && { toolsCa: logs.ca }),
        user: monitoring.user,
        rotation: config.rotation.dashboards,
      },
      own,
    );
    this.login = pulumi.secret(door.password).apply((secret) => ({ user: monitoring.user, password: secret }));
    this.homerPassword = homer?.password;
    const grafana = tools.has("grafana")
      ? new Grafana(
          "grafana",
          {
            ...common,
            upstream: monitoring.images,
            rotation: config.rotation.grafana,
            url: this.dashboards.grafana ?? "",
            prometheus: `http://${upstream("prometheus")}`,
            alertmanager: `http://${upstream("alertmanager")}`,
            scrapeSeconds: monitoring.prometheus.scrapeSeconds,
          },
          own,
        )
      : undefined;
    this.grafanaLogin = grafana?.login;
    this.registerOutputs({ dashboards: this.dashboards, leftOut: this.leftOut });
  }
}
