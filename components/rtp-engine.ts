import type * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import {
  renderRtpengineConfig,
  rtpengineDefaults,
  rtpengineRuntime,
  type RtpengineConfigArgs,
} from "../configs/rtpengine/index.ts";
import type { AddressPlan } from "./addresses.ts";
import { ConfigVolume } from "./config-volume.ts";
import type { ContainerDefaults } from "./container.ts";
import { image } from "./image.ts";
import type { ImageSettings } from "./image-pins.ts";
import type { SbcNetwork } from "./sbc-network.ts";
import { service, type PublishedPort } from "./service.ts";
import { componentType } from "./types.ts";

/** The media relay. A change of any value replaces its container, which ends the media of running calls. */
export interface RtpEngineArgs {
  readonly defaults: ContainerDefaults;
  readonly networks: SbcNetwork;
  readonly addresses: AddressPlan;
  /** Where the service image comes from. */
  readonly images: ImageSettings;
  /** `bridge`: on sbc_net. `host`: on the host's network, control sockets on the gateway address of sbc_net. */
  readonly mode: "bridge" | "host";
  /** Host address: of published ports, and of the media socket in host mode. */
  readonly bind: string;
  /** Address that phones send media to. Default: that of the media socket. */
  readonly publicAddress?: string;
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
  /** Limits of the container; default memory 256 MiB. */
  readonly resources: { readonly memoryMb?: number; readonly cpus: number };
}

/** RTPengine in userspace, without any privilege. */
export class RtpEngine extends pulumi.ComponentResource {
  /** The relay, once healthy. */
  public readonly container: docker.Container;
  /** Its control socket (ng protocol), as seen from sbc_net. */
  public readonly control: { readonly address: string; readonly port: number };

  constructor(name: string, args: RtpEngineArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentType("RtpEngine"), name, {}, options);
    const { defaults, networks, portMin, portMax } = args;
    const host = args.mode === "host";
    const address = host ? args.bind : args.addresses.rtpengine.sbc;
    const coreAddress = host ? args.addresses.networks.sbc.gateway : address;
    const config: RtpengineConfigArgs = {
      address,
      coreAddress,
      publicAddress: args.publicAddress ?? address,
      portMin,
      portMax,
      numThreads: args.threads,
      finalTimeoutSeconds: args.callMaxSeconds + 300,
    };
    const runtime = rtpengineRuntime(config);
    this.control = { address: coreAddress, port: rtpengineDefaults.ngPort };

    const rtpengineImage = image("rtpengine", args.images, { parent: this });
    const files = new ConfigVolume(
      "rtpengine-config",
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
    this.container = service(
      "rtpengine",
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
        networks: host ? [] : [{ network: networks.sbc, address, aliases: ["rtpengine"] }],
        ports: args.publish && !host ? mediaPorts(portMin, portMax, args.bind) : [],
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
    this.registerOutputs({ container: this.container.name });
  }
}

/** One entry per port: the provider knows no ranges. */
function mediaPorts(first: number, last: number, ip: string): PublishedPort[] {
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const port = first + index;
    return { internal: port, external: port, protocol: "udp", ip };
  });
}
