import type * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import {
  renderRtpengineConfig,
  rtpengineDefaults,
  rtpengineRuntime,
  type RtpengineConfigArgs,
} from "../configs/rtpengine/index.ts";
import { captureIds } from "../configs/heplify/index.ts";
import type { AddressPlan } from "./addresses.ts";
import type { MediaRelay } from "../configs/mariadb/rows.ts";
import { ConfigVolume } from "./config-volume.ts";
import type { ContainerDefaults } from "./container.ts";
import { image } from "./image.ts";
import type { ImageSettings } from "./image-pins.ts";
import { mediaPorts } from "./media-ports.ts";
import type { SbcNetwork } from "./sbc-network.ts";
import { service, type PublishedPort } from "./service.ts";
import { componentType } from "./types.ts";

/** The media relays. A change of any value replaces their containers, which ends the media of running calls. */
export interface RtpEngineArgs {
  readonly defaults: ContainerDefaults;
  readonly networks: SbcNetwork;
  readonly addresses: AddressPlan;
  /** Where the service image comes from. */
  readonly images: ImageSettings;
  /**
   * `bridge`: on sbc_net. `host`: on the host's network, control sockets on the gateway address of sbc_net; several instances then share
   * the address and divide the ports.
   */
  readonly mode: "bridge" | "host";
  /** Host address: of published ports, and of the media socket in host mode. */
  readonly bind: string;
  /** Address that phones send media to. Default: that of the media socket. */
  readonly publicAddress?: string;
  /** The host's IPv6 address for media in host mode; on a bridge network each has its own. Default: none. */
  readonly mediaAddress6?: string | undefined;
  /** First UDP port for media. */
  readonly portMin: number;
  /** Last UDP port for media. */
  readonly portMax: number;
  /** Publish the range; bridge mode only. */
  readonly publish: boolean;
  /** Worker threads. */
  readonly threads: number;
  /** Longest call of the edge in seconds: ports are kept a little longer. */
  readonly callMaxSeconds: number;
  /** Address on monitoring_net that what RTCP says is copied to. Default: none. */
  readonly hepCollector?: string | undefined;
  /** Names of those that get no new calls. */
  readonly drain: readonly string[];
  /** Limits of each container; default memory 256 MiB. */
  readonly resources: { readonly memoryMb?: number; readonly cpus: number };
}

/** RTPengine in userspace, without any privilege. */
export class RtpEngine extends pulumi.ComponentResource {
  /** In the order of the instance numbers, once healthy. */
  public readonly containers: readonly docker.Container[];
  /** Their control sockets (ng protocol), as seen from sbc_net. */
  public readonly relays: readonly (MediaRelay & { readonly name: string })[];
  /** Their HTTP listeners (metrics, and full control), as seen from sbc_net. */
  public readonly httpListeners: readonly { readonly name: string; readonly address: string; readonly port: number }[];

  constructor(name: string, args: RtpEngineArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentType("RtpEngine"), name, {}, options);
    const { defaults, networks } = args;
    const host = args.mode === "host";
    const rtpengineImage = image("rtpengine", args.images, { parent: this });
    const instances = args.addresses.rtpengine.map((instance, index) => {
      const address = host ? args.bind : instance.sbc;
      const coreAddress = host ? args.addresses.networks.sbc.gateway : address;
      const address6 = host ? args.mediaAddress6 : args.addresses.ipv6?.rtpengine[index];
      const { portMin, portMax } = mediaPorts(args, args.addresses.rtpengine.length, index);
      const config: RtpengineConfigArgs = {
        address,
        coreAddress,
        publicAddress: args.publicAddress ?? address,
        ...(address6 !== undefined && { address6 }),
        portMin,
        portMax,
        ...(host && { ngPort: rtpengineDefaults.ngPort + index, httpPort: rtpengineDefaults.httpPort + index }),
        numThreads: args.threads,
        ...(args.hepCollector !== undefined && {
          hep: { collector: args.hepCollector, captureId: captureIds.rtpengine + index },
        }),
        finalTimeoutSeconds: args.callMaxSeconds + 300,
      };
      const runtime = rtpengineRuntime(config);
      const files = new ConfigVolume(
        `${instance.name}-config`,
        {
          defaults,
          plane: "media",
          image: rtpengineImage,
          path: runtime.mounts.config,
          uid: runtime.uid,
          gid: runtime.gid,
          content: { kind: "plain", files: renderRtpengineConfig(config) },
        },
        { parent: this },
      );
      const container = service(
        instance.name,
        {
          defaults,
          role: "rtpengine",
          plane: "media",
          image: rtpengineImage,
          uid: runtime.uid,
          gid: runtime.gid,
          command: runtime.command,
          mounts: [files.mount],
          tmpfs: runtime.tmpfs,
          networks: host
            ? []
            : [
                { network: networks.sbc, address, address6, aliases: [instance.name] },
                // Its control sockets are bound to the other one.
                ...(args.hepCollector === undefined
                  ? []
                  : [{ network: networks.monitoring, address: instance.monitoring }]),
              ],
          ports: args.publish && !host ? publishedPorts(portMin, portMax, args.bind) : [],
          ...(host && {
            hostNetwork: {
              reason:
                "each published media port costs the engine a process and a firewall rule; control sockets are on the gateway of sbc_net",
            },
          }),
          healthcheck: runtime.healthcheck,
          memoryMb: args.resources.memoryMb ?? runtime.memoryMb,
          cpus: args.resources.cpus,
          graceSeconds: runtime.graceSeconds,
        },
        // In host mode no property leads to the network, whose gateway address it binds to.
        { parent: this, dependsOn: [files.filled, ...(host ? [networks.sbc] : [])] },
      );
      const relay = {
        name: instance.name,
        address: coreAddress,
        port: config.ngPort ?? rtpengineDefaults.ngPort,
        drain: args.drain.includes(instance.name),
      };
      const httpListener = {
        name: instance.name,
        address: coreAddress,
        port: config.httpPort ?? rtpengineDefaults.httpPort,
      };
      return { container, relay, httpListener };
    });
    this.containers = instances.map(({ container }) => container);
    this.relays = instances.map(({ relay }) => relay);
    this.httpListeners = instances.map(({ httpListener }) => httpListener);
    this.registerOutputs({ containers: this.containers.map((container) => container.name) });
  }
}

/** One entry per port: the provider knows no ranges. */
function publishedPorts(first: number, last: number, ip: string): PublishedPort[] {
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const port = first + index;
    return { internal: port, external: port, protocol: "udp", ip };
  });
}
