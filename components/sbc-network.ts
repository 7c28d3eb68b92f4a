import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { AddressPlan, NetworkPlan } from "./addresses.ts";
import { labels, type Plane } from "./container.ts";
import { componentType } from "./types.ts";

/** The networks of a stack. A change of any value replaces the network and every container on it. */
export interface SbcNetworkArgs {
  /** First part of the networks' names. */
  readonly prefix: string;
  readonly addresses: AddressPlan;
  /** Make the network of the front door. Default false. */
  readonly front?: boolean;
}

/** The networks: edge and voice; metrics and logs, internal; databases, internal; and where there are dashboards, that of their front door. */
export class SbcNetwork extends pulumi.ComponentResource {
  public readonly sbc: docker.Network;
  public readonly monitoring: docker.Network;
  public readonly data: docker.Network;
  /** What the front door is reached on, and Alertmanager sends by: nobody who talks SIP is on it. */
  public readonly front?: docker.Network;

  constructor(
    name: string,
    { prefix, addresses, front = false }: SbcNetworkArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super(componentType("SbcNetwork"), name, {}, options);

    const network = (kind: "sbc" | "monitoring" | "data" | "front", plane: Plane) => {
      const plan: NetworkPlan = addresses.networks[kind];
      const plan6 = kind === "sbc" ? addresses.ipv6?.network : undefined;
      const plans = plan6 === undefined ? [plan] : [plan, plan6];
      return new docker.Network(
        `${kind}-net`,
        {
          name: `${prefix}-${kind}-net`,
          driver: "bridge",
          // What is on an internal network neither reaches the world nor is reached from it.
          internal: kind === "monitoring" || kind === "data",
          ipamConfigs: plans.map(({ subnet, gateway, ipRange }) => ({ subnet, gateway, ipRange })),
          ...(plan6 !== undefined && { ipv6: true }),
          labels: labels({ "sbc.stack": prefix, "sbc.plane": plane }),
        },
        // Name and subnet are fixed: two cannot be there at once.
        { parent: this, deleteBeforeReplace: true },
      );
    };
    this.sbc = network("sbc", "edge");
    this.monitoring = network("monitoring", "monitoring");
    this.data = network("data", "data");
    if (front) this.front = network("front", "front");
    this.registerOutputs({ sbc: this.sbc.name, monitoring: this.monitoring.name, data: this.data.name });
  }
}
