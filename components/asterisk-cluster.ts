import type * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import {
  asteriskRuntime,
  renderAsteriskConfig,
  renderAsteriskSecrets,
  type AsteriskConfigArgs,
} from "../configs/asterisk/index.ts";
import { reloadJobRuntime, renderReloadJob } from "../configs/asterisk/reload.ts";
import { corePort } from "../configs/kamailio/index.ts";
import { database } from "../configs/mariadb/index.ts";
import { captureIds } from "../configs/heplify/index.ts";
import type { AddressPlan } from "./addresses.ts";
import { ConfigVolume } from "./config-volume.ts";
import type { ContainerDefaults } from "./container.ts";
import { image } from "./image.ts";
import type { ImageSettings } from "./image-pins.ts";
import type { SbcNetwork } from "./sbc-network.ts";
import { job, type Job } from "./job.ts";
import { memoryVolume } from "./memory-volume.ts";
import { service } from "./service.ts";
import { componentType } from "./types.ts";

/** The voice servers behind the edge. A change of a value replaces the containers of all nodes. */
export interface AsteriskClusterArgs extends Required<
  Pick<AsteriskConfigArgs, "maxCalls" | "ringSeconds" | "voicemailWhen" | "serviceMaxSeconds">
> {
  readonly defaults: ContainerDefaults;
  readonly networks: SbcNetwork;
  /** Nodes with their addresses. One more adds its own resources and touches no other. */
  readonly addresses: AddressPlan;
  /** Where the service image comes from. */
  readonly images: ImageSettings;
  /** SIP domain of the subscribers. */
  readonly domain: string;
  /** Password of the database's user `asterisk`, secret. Reloaded live. */
  readonly databasePassword: pulumi.Output<string>;
  /** The job after which the database takes that password. */
  readonly databaseReady: Job["done"];
  /** UDP ports for media on each node. */
  readonly rtpPorts: { readonly min: number; readonly max: number };
  /** Address on monitoring_net that a copy of SIP and RTCP goes to. Default: none. */
  readonly hepCollector?: string | undefined;
  /** Limits of each node; default memory 512 MiB. */
  readonly resources: { readonly memoryMb?: number; readonly cpus: number };
}

/** TCP port of the metrics on monitoring_net. */
export const asteriskMetricsPort = 8088;

/** Asterisk nodes with stable names `asterisk-1` and up; only the edge can call them. */
export class AsteriskCluster extends pulumi.ComponentResource {
  /** The nodes in the order of their numbers, once healthy. */
  public readonly containers: readonly docker.Container[];

  constructor(name: string, args: AsteriskClusterArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentType("AsteriskCluster"), name, {}, options);
    const { addresses, defaults, networks } = args;
    const { uid, gid, mounts } = asteriskRuntime;
    const asteriskImage = image("asterisk", args.images, { parent: this });
    const volume = { defaults, plane: "voice", image: asteriskImage, uid, gid } as const;
    const secrets = new ConfigVolume(
      "asterisk-secrets",
      {
        ...volume,
        path: mounts.secrets,
        content: {
          kind: "live",
          files: args.databasePassword.apply((databasePassword) => renderAsteriskSecrets({ databasePassword })),
        },
      },
      { parent: this },
    );

    const { [mounts.socket]: socketOptions, ...tmpfs } = asteriskRuntime.tmpfs;
    const nodes = addresses.asterisk.map((node, index) => {
      const config = new ConfigVolume(
        `${node.name}-config`,
        {
          ...volume,
          path: mounts.config,
          content: {
            kind: "plain",
            files: renderAsteriskConfig({
              nodeName: node.name,
              address: node.sbc,
              edgeAddress: addresses.kamailio.sbc,
              edgePort: corePort,
              domain: args.domain,
              rtpPorts: args.rtpPorts,
              database: {
                host: addresses.mariadb,
                port: database.port,
                name: database.name,
                user: database.users.asterisk,
              },
              maxCalls: args.maxCalls,
              ringSeconds: args.ringSeconds,
              voicemailWhen: args.voicemailWhen,
              serviceMaxSeconds: args.serviceMaxSeconds,
              metrics: { address: node.monitoring, port: asteriskMetricsPort },
              ...(args.hepCollector !== undefined && {
                hep: { collector: args.hepCollector, captureId: captureIds.asterisk + index },
              }),
            }),
          },
        },
        { parent: this },
      );
      const socket = memoryVolume(`${node.name}-socket`, { defaults, plane: "voice", options: socketOptions }, this);
      const container = service(
        node.name,
        {
          defaults,
          role: "asterisk",
          plane: "voice",
          image: asteriskImage,
          uid,
          gid,
          command: asteriskRuntime.command,
          mounts: [config.mount, secrets.mount, { volume: socket.name, path: mounts.socket, readOnly: false }],
          tmpfs,
          networks: [
            { network: networks.sbc, address: node.sbc, aliases: [node.name] },
            { network: networks.monitoring, address: node.monitoring },
            { network: networks.data, address: node.data },
          ],
          healthcheck: asteriskRuntime.healthcheck,
          memoryMb: args.resources.memoryMb ?? asteriskRuntime.memoryMb,
          cpus: args.resources.cpus,
          graceSeconds: asteriskRuntime.graceSeconds,
        },
        { parent: this, dependsOn: [config.filled, secrets.filled] },
      );
      return { name: node.name, container, socket };
    });
    this.containers = nodes.map(({ container }) => container);

    const { folder, command, memoryMb } = reloadJobRuntime;
    job(
      "asterisk-reload",
      {
        defaults,
        plane: "voice",
        image: asteriskImage,
        user: `${uid}:${gid}`,
        command,
        staged: [{ path: folder, files: renderReloadJob(), mode: "0444" }],
        mounts: nodes.map(({ name: node, socket }) => ({
          volume: socket.name,
          path: `${reloadJobRuntime.nodes}/${node}`,
        })),
        memoryMb,
        trigger: secrets.hash,
      },
      { parent: this, dependsOn: [secrets.filled, args.databaseReady, ...this.containers] },
    );
    this.registerOutputs({ containers: this.containers.map((container) => container.name) });
  }
}
