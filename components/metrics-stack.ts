import { readFileSync } from "node:fs";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import {
  alertmanagerPort,
  alertmanagerRuntime,
  renderAlertmanagerConfig,
  renderAlertmanagerSecrets,
  type AlertmanagerConfigArgs,
} from "../configs/alertmanager/index.ts";
import {
  blackboxExporterRuntime,
  exporterPorts,
  mysqldExporterRuntime,
  nginxExporterRuntime,
  nodeExporterRuntime,
  renderBlackboxConfig,
  renderMysqldExporterSecrets,
  type Exporter,
  type ExporterRuntime,
  type ProbedCertificate,
  type ProbeModule,
} from "../configs/exporters/index.ts";
import type { FileMap } from "../configs/files.ts";
import { homer } from "../configs/homer/index.ts";
import { kamailioDefaults, metricsPort as kamailioMetricsPort } from "../configs/kamailio/index.ts";
import { database } from "../configs/mariadb/index.ts";
import {
  mediaMetricsPort,
  mediaMetricsRuntime,
  probePorts,
  renderMediaMetricsConfig,
} from "../configs/media-metrics/index.ts";
import { statusPort } from "../configs/nginx/index.ts";
import { prometheusPort, prometheusRuntime, renderPrometheusConfig, type Target } from "../configs/prometheus/index.ts";
import type { AddressPlan, MonitoringTool } from "./addresses.ts";
import { asteriskMetricsPort } from "./asterisk-cluster.ts";
import type { Config } from "./config-parse.ts";
import { ConfigVolume } from "./config-volume.ts";
import { labels, type Attachment, type ContainerDefaults, type VolumeMount } from "./container.ts";
import { image } from "./image.ts";
import type { ImageSettings } from "./image-pins.ts";
import type { RtpEngine } from "./rtp-engine.ts";
import type { SbcNetwork } from "./sbc-network.ts";
import { service, type ServiceArgs } from "./service.ts";
import { componentType } from "./types.ts";

/** What gathers and judges the metrics. A change of a value replaces the container that it is for; data stay. */
export interface MetricsStackArgs {
  readonly defaults: ContainerDefaults;
  readonly networks: SbcNetwork;
  readonly addresses: AddressPlan;
  /** Where the service images come from. */
  readonly images: ImageSettings;
  /** The whole configuration of the stack: what is watched is part of what watches it. */
  readonly config: Config;
  /** Tools of the other planes that run as well: those that export metrics are scraped. */
  readonly tools: ReadonlySet<MonitoringTool>;
  /** Tools with pages that export no metrics: whether they take connections is probed. */
  readonly pages: readonly { readonly tool: MonitoringTool; readonly port: number }[];
  /** Where people reach Prometheus and Alertmanager, for links in messages. */
  readonly urls: { readonly prometheus: string; readonly alertmanager: string };
  /** The edge's certificate, as clients have to see it. */
  readonly edgeCertificate: Probed;
  /** That of the front door, and a port of it on monitoring_net. */
  readonly frontDoor: Probed & { readonly port: number };
  /** The media relays' HTTP listeners, as seen from sbc_net. */
  readonly relays: RtpEngine["httpListeners"];
  /** Password of the database's user `exporter`, secret. */
  readonly exporterPassword: pulumi.Output<string>;
}

interface Probed extends Omit<ProbedCertificate, "ca"> {
  readonly ca: pulumi.Output<string>;
}

/** A container of this plane, and the files that it gets. */
interface Tool {
  readonly image: "alertmanager" | "exporters" | "nginx" | "prometheus";
  readonly runtime: Pick<
    ServiceArgs,
    "uid" | "gid" | "command" | "tmpfs" | "healthcheck" | "memoryMb" | "graceSeconds"
  >;
  readonly config?: { readonly path: string; readonly files: FileMap };
  readonly secrets?: { readonly path: string; readonly files: pulumi.Output<FileMap> };
  readonly mounts?: readonly VolumeMount[];
  /** Beside monitoring_net. */
  readonly networks?: readonly Attachment[];
}

/** Prometheus, Alertmanager and what they ask: no other container waits for any of them. */
export class MetricsStack extends pulumi.ComponentResource {
  /** Job → instances, of all that Prometheus scrapes and probes. */
  public readonly watched: Readonly<Record<string, readonly string[]>>;
  /** Names of the containers by role. */
  public readonly containers: Readonly<Record<string, pulumi.Output<string>>>;
  readonly #args: MetricsStackArgs;
  readonly #images: Partial<Record<Tool["image"], docker.RemoteImage>> = {};

  constructor(name: string, args: MetricsStackArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentType("MetricsStack"), name, {}, options);
    this.#args = args;
    const { jobs, probes } = this.targets();
    this.watched = Object.fromEntries(
      Object.entries({ ...jobs, ...probes.targets })
        .map(([job, list]) => [job, list.map(({ instance }) => instance)] as const)
        .filter(([, instances]) => instances.length > 0),
    );
    const containers = [this.alertmanager(), this.mediaMetrics(), ...this.exporters(), this.prometheus()];
    this.containers = Object.fromEntries(containers);
    this.registerOutputs({ containers: this.containers });
  }

  /** What is scraped and probed. */
  private targets() {
    const { addresses, config, frontDoor, pages, relays, tools } = this.#args;
    const at = (tool: MonitoringTool, port: number): Target[] => [
      { instance: tool, address: `${addresses.monitoring[tool]}:${port}` },
    ];
    const probe = (instance: string, tool: MonitoringTool, port: number, module: ProbeModule) => ({
      instance,
      address: `${addresses.monitoring[tool]}:${port}`,
      module,
    });
    const exporter = (tool: Exporter) => at(`${tool}-exporter`, exporterPorts[tool]);
    return {
      jobs: {
        kamailio: [{ instance: "kamailio", address: `${addresses.kamailio.monitoring}:${kamailioMetricsPort}` }],
        rtpengine: relays.map(({ name: instance }) => ({
          instance,
          address: `${addresses.monitoring["media-metrics"]}:${mediaMetricsPort}`,
          path: `/${instance}/metrics`,
        })),
        asterisk: addresses.asterisk.map(({ name: instance, monitoring: address }) => ({
          instance,
          address: `${address}:${asteriskMetricsPort}`,
        })),
        mysqld: exporter("mysqld"),
        node: exporter("node"),
        nginx: exporter("nginx"),
        blackbox: exporter("blackbox"),
        prometheus: at("prometheus", prometheusPort),
        alertmanager: at("alertmanager", alertmanagerPort),
        ...(tools.has("heplify-server") && { heplify: at("heplify-server", homer.metricsPort) }),
      },
      probes: {
        exporter: `${addresses.monitoring["blackbox-exporter"]}:${exporterPorts.blackbox}`,
        targets: {
          // Where only listed networks are answered, it is none of them.
          sip:
            config.protection.allowed.length > 0
              ? []
              : [probe("kamailio:5060", "media-metrics", probePorts.tcp, "sip")],
          tls: [
            probe("kamailio:5061", "media-metrics", probePorts.tls, "tls_edge"),
            probe("nginx", "nginx", frontDoor.port, "tls_front_door"),
          ],
          tool: pages.map(({ tool, port }) => probe(tool, tool, port, "connect")),
        },
      },
    };
  }

  private prometheus() {
    const { addresses, config, urls } = this.#args;
    const { monitoring } = config;
    const settings = {
      externalUrl: urls.prometheus,
      alertmanager: `${addresses.monitoring.alertmanager}:${alertmanagerPort}`,
      ...this.targets(),
      ...monitoring.prometheus,
      rules: {
        patience: monitoring.alerts.patience,
        runbooks: monitoring.alerts.runbooks,
        asrPercent: monitoring.alerts.asrPercent,
        nerPercent: monitoring.alerts.nerPercent,
        maxCalls: config.protection.maxCalls,
        certificateDays: config.certificates.minDays + 7,
      },
    };
    const runtime = prometheusRuntime(settings);
    const data = this.data("prometheus", runtime.mounts.data);
    return this.tool("prometheus", {
      image: "prometheus",
      runtime,
      config: { path: runtime.mounts.config, files: renderPrometheusConfig(settings) },
      mounts: [data],
    });
  }

  private alertmanager() {
    const { config, networks, urls } = this.#args;
    const { alerts } = config.monitoring;
    const settings: AlertmanagerConfigArgs = {
      externalUrl: urls.alertmanager,
      patience: alerts.patience,
      webhooks: alerts.webhooks.map((webhook) => ({
        ...webhook,
        token: webhook.token !== undefined,
        ...caIn(webhook.caFile),
      })),
      ...(alerts.email !== undefined && { email: { ...alerts.email, ...caIn(alerts.email.caFile) } }),
    };
    const runtime = alertmanagerRuntime(settings);
    const secrets = pulumi.secret({ webhooks: alerts.webhooks, emailPassword: alerts.email?.password });
    const outside = settings.webhooks.length > 0 || settings.email !== undefined;
    return this.tool("alertmanager", {
      image: "alertmanager",
      runtime,
      config: { path: runtime.mounts.config, files: renderAlertmanagerConfig(settings) },
      secrets: {
        path: runtime.mounts.secrets,
        files: secrets.apply((values) => renderAlertmanagerSecrets(settings, values)),
      },
      mounts: [this.data("alertmanager", runtime.mounts.data)],
      // Only where there is somebody to tell.
      networks: outside && networks.front !== undefined ? [{ network: networks.front }] : [],
    });
  }

  /** The only one of the plane with a leg on sbc_net: it passes on what the tools may see there. */
  private mediaMetrics() {
    const { addresses, networks, relays } = this.#args;
    const runtime = mediaMetricsRuntime;
    return this.tool("media-metrics", {
      image: "nginx",
      runtime,
      config: {
        path: runtime.mounts.config,
        files: renderMediaMetricsConfig({
          address: addresses.monitoring["media-metrics"],
          prometheus: addresses.monitoring.prometheus,
          prober: addresses.monitoring["blackbox-exporter"],
          relays,
          edge: { address: addresses.kamailio.sbc, ...kamailioDefaults.ports },
        }),
      },
      networks: [{ network: networks.sbc }],
    });
  }

  private exporters() {
    const { addresses, config, edgeCertificate, exporterPassword, frontDoor, networks } = this.#args;
    const blackbox = blackboxExporterRuntime();
    const mysqld = mysqldExporterRuntime();
    const login = { host: addresses.mariadb, port: database.port, user: database.users.exporter };
    return [
      this.exporter("node", nodeExporterRuntime()),
      this.exporter("nginx", nginxExporterRuntime({ status: `http://nginx:${statusPort}/stub_status` })),
      this.exporter("mysqld", mysqld, {
        secrets: {
          path: mysqld.mounts.secrets ?? "",
          files: exporterPassword.apply((password) => renderMysqldExporterSecrets(login, { password })),
        },
        networks: [{ network: networks.data, address: addresses.monitoringData["mysqld-exporter"] }],
      }),
      this.exporter("blackbox", blackbox, {
        secrets: {
          path: blackbox.mounts.config ?? "",
          files: pulumi.all([edgeCertificate.ca, frontDoor.ca]).apply(([edgeCa, frontDoorCa]) =>
            renderBlackboxConfig({
              domain: config.domain,
              edge: { ...edgeCertificate, ca: edgeCa },
              frontDoor: { ...frontDoor, ca: frontDoorCa },
            }),
          ),
        },
      }),
    ];
  }

  private exporter(name: Exporter, runtime: ExporterRuntime, more: Partial<Tool> = {}) {
    return this.tool(`${name}-exporter`, { image: "exporters", runtime, ...more });
  }

  private data(name: string, path: string): VolumeMount {
    const { config, defaults } = this.#args;
    const protect = config.prod;
    const volume = new docker.Volume(
      `${name}-data`,
      {
        name: `${defaults.prefix}-${name}-data`,
        labels: labels({ "sbc.stack": defaults.prefix, "sbc.plane": "monitoring" }),
      },
      // Any change of a volume replaces it, and its data are gone.
      { parent: this, protect, retainOnDelete: protect, ignoreChanges: ["labels"] },
    );
    return { volume: volume.name, path, readOnly: false };
  }

  private tool(name: MonitoringTool, { image: from, runtime, config, secrets, mounts = [], networks = [] }: Tool) {
    const { addresses, defaults, images, networks: all } = this.#args;
    const own = { parent: this };
    const { uid, gid } = runtime;
    const toolImage = (this.#images[from] ??= image(from, images, own));
    const volume = { defaults, plane: "monitoring", image: toolImage, uid, gid } as const;
    const volumes = [
      ...(config === undefined
        ? []
        : [
            new ConfigVolume(
              `${name}-config`,
              { ...volume, path: config.path, content: { kind: "plain", files: config.files } },
              own,
            ),
          ]),
      ...(secrets === undefined
        ? []
        : [
            new ConfigVolume(
              `${name}-secrets`,
              { ...volume, path: secrets.path, content: { kind: "secret", files: secrets.files } },
              own,
            ),
          ]),
    ];
    const container = service(
      name,
      {
        defaults,
        role: name,
        plane: "monitoring",
        image: toolImage,
        uid,
        gid,
        command: runtime.command,
        mounts: [...volumes.map(({ mount }) => mount), ...mounts],
        tmpfs: runtime.tmpfs,
        networks: [{ network: all.monitoring, address: addresses.monitoring[name], aliases: [name] }, ...networks],
        healthcheck: runtime.healthcheck,
        healthSeconds: 10,
        memoryMb: runtime.memoryMb,
        cpus: 1,
        graceSeconds: runtime.graceSeconds,
      },
      { parent: this, dependsOn: volumes.map(({ filled }) => filled) },
    );
    return [name, container.name] as const;
  }
}

/** The CA of somebody who is told of alerts. */
const caIn = (file: string | undefined) => (file === undefined ? {} : { ca: readFileSync(file, "utf8") });
