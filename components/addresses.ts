import { formatAddress, formatCidr, parseCidr, type Cidr } from "./ipv4.ts";
import { formatAddress6, formatCidr6, parseCidr6 } from "./ipv6.ts";

/** Subnets of the three networks, as `10.5.0.0/24`. */
export interface Subnets {
  /** Edge and voice; at least a /26. */
  readonly sbc: string;
  /** Metrics, logs and traces; at least a /25. */
  readonly monitoring: string;
  /** Databases; at least a /25. */
  readonly data: string;
  /** The front door's leg outside, and that of Alertmanager; at least a /28. Used with monitoring only. */
  readonly front: string;
}

/** What a network's own resource needs to know. */
export interface NetworkPlan {
  readonly subnet: string;
  readonly gateway: string;
  /** Where the engine takes addresses for containers without a fixed one: jobs and tools. */
  readonly ipRange: string;
}

/** Addresses of a member of the voice plane: its own on sbc_net, its legs on the other networks. */
export interface Legs {
  readonly sbc: string;
  readonly monitoring: string;
  readonly data: string;
}

/** The IPv6 addresses of a stack, all on sbc_net. */
export interface Ipv6Plan {
  readonly network: NetworkPlan;
  readonly kamailio: string;
  /** In the order of the instance numbers. */
  readonly rtpengine: readonly string[];
}

/** Every fixed address of a stack. */
export interface AddressPlan {
  readonly networks: Readonly<Record<keyof Subnets, NetworkPlan>>;
  readonly kamailio: Legs;
  /** For smoke tests and other tools that need a known address on sbc_net. */
  readonly operations: string;
  /** In the order of the instance numbers. */
  readonly rtpengine: readonly (Legs & { readonly name: string })[];
  /** The ACME client, where there is one. */
  readonly acme: Legs;
  readonly mariadb: string;
  /** In the order of the node numbers. */
  readonly asterisk: readonly (Legs & { readonly name: string })[];
  /** Undefined: the stack has IPv4 alone. */
  readonly ipv6?: Ipv6Plan | undefined;
  /** The tools of the monitoring plane, on its network. */
  readonly monitoring: Readonly<Record<MonitoringTool, string>>;
  /** Legs on data_net of those that have a database. */
  readonly monitoringData: Readonly<Record<keyof typeof monitoringDataOffsets, string>>;
}

/** Largest prefix lengths, i.e. smallest subnets. */
export const smallestSubnets: Readonly<Record<keyof Subnets, number>> = {
  sbc: 26,
  monitoring: 25,
  data: 25,
  front: 28,
};

/** Offsets from the first address of a subnet; the gateway has 1. */
const offsets = { gateway: 1, kamailio: 2, operations: 3, mariadb: 3, acme: 5, asterisk: 10 } as const;
const rtpengineOffsets = [4, 6, 7, 8, 9] as const;
/** Tools on monitoring_net; the first five are those of the written design. */
const monitoringOffsets = {
  filebeat: 6,
  elasticsearch: 8,
  "heplify-server": 9,
  prometheus: 12,
  grafana: 13,
  alertmanager: 14,
  "node-exporter": 15,
  "blackbox-exporter": 16,
  "mysqld-exporter": 17,
  "nginx-exporter": 18,
  nginx: 19,
  kibana: 20,
  logstash: 21,
  "homer-app": 22,
  "media-metrics": 23,
  "homer-db": 24,
} as const;
/** A service of the monitoring plane: its role, and its name on monitoring_net. */
export type MonitoringTool = keyof typeof monitoringOffsets;
const monitoringDataOffsets = { "mysqld-exporter": 6, "homer-db": 7, "heplify-server": 8, "homer-app": 9 } as const;
/** Most RTPengines that the plan has addresses for. */
export const rtpengineCapacity = rtpengineOffsets.length;
/** Members of the voice plane are this much higher on the other networks: below it are databases and tools. */
const legOffset = 64;
/** Dynamic addresses: the upper half of sbc_net, the last quarter of the others, whose middle the legs take. */
const dynamicShare: Readonly<Record<keyof Subnets, number>> = { sbc: 2, monitoring: 4, data: 4, front: 2 };

/** Stable name of an RTPengine: counted from 1, never renumbered. */
export function rtpengineName(index: number): string {
  return `rtpengine-${index + 1}`;
}

/** How many Asterisk nodes fit into the subnets; each network bounds them by itself. Zero or less: none. */
export function nodeCapacity(subnets: Subnets): number {
  const bounds = (["sbc", "monitoring", "data"] as const).map((name) => {
    const highest = dynamicRange(name, cidr(name, subnets)).first - cidr(name, subnets).first;
    return highest - offsets.asterisk - (name === "sbc" ? 0 : legOffset);
  });
  return Math.min(...bounds);
}

/** Stable name of a node: counted from 1, never renumbered. */
export function nodeName(index: number): string {
  return `asterisk-${index + 1}`;
}

/**
 * Gives every member its addresses. Each depends on the subnets and its own number alone, so nothing moves when nodes come or go.
 * @param subnet6 IPv6 subnet of sbc_net. Default: none.
 * @throws RangeError when a subnet is none or too small, or the nodes or RTPengines do not fit.
 */
export function planAddresses(subnets: Subnets, nodes: number, rtpengines = 1, subnet6?: string): AddressPlan {
  const blocks = {
    sbc: cidr("sbc", subnets),
    monitoring: cidr("monitoring", subnets),
    data: cidr("data", subnets),
    front: cidr("front", subnets),
  };
  for (const name of networkNames) {
    if (blocks[name].prefix > smallestSubnets[name]) {
      throw new RangeError(
        `${name} network: ${subnets[name]} is too small, it must be at least a /${smallestSubnets[name]}`,
      );
    }
  }
  if (nodes > nodeCapacity(subnets)) {
    throw new RangeError(`${nodes} Asterisk nodes do not fit into the subnets, only ${nodeCapacity(subnets)}`);
  }
  if (rtpengines > rtpengineCapacity) {
    throw new RangeError(`${rtpengines} RTPengines do not fit, there are addresses for ${rtpengineCapacity}`);
  }
  const at = (name: keyof Subnets, offset: number) => formatAddress(blocks[name].first + offset);
  const legs = (offset: number): Legs => ({
    sbc: at("sbc", offset),
    monitoring: at("monitoring", legOffset + offset),
    data: at("data", legOffset + offset),
  });
  const network = (name: keyof Subnets): NetworkPlan => ({
    subnet: formatCidr(blocks[name]),
    gateway: at(name, offsets.gateway),
    ipRange: formatCidr(dynamicRange(name, blocks[name])),
  });
  return {
    networks: {
      sbc: network("sbc"),
      monitoring: network("monitoring"),
      data: network("data"),
      front: network("front"),
    },
    kamailio: legs(offsets.kamailio),
    operations: at("sbc", offsets.operations),
    rtpengine: rtpengineOffsets.slice(0, rtpengines).map((offset, index) => ({
      name: rtpengineName(index),
      ...legs(offset),
    })),
    acme: legs(offsets.acme),
    mariadb: at("data", offsets.mariadb),
    asterisk: Array.from({ length: nodes }, (_, index) => ({
      name: nodeName(index),
      ...legs(offsets.asterisk + index),
    })),
    monitoring: mapValues(monitoringOffsets, (offset) => at("monitoring", offset)),
    monitoringData: mapValues(monitoringDataOffsets, (offset) => at("data", offset)),
    ipv6: subnet6 === undefined ? undefined : planIpv6(subnet6, rtpengines),
  };
}

/** The longest prefix, i.e. the smallest IPv6 subnet. */
export const smallestSubnet6 = 112;

/** The last parts are those of the IPv4 addresses; the engine takes addresses for others from the second quarter (it cannot count to the end). */
function planIpv6(subnet: string, rtpengines: number): Ipv6Plan {
  const block = parseCidr6(subnet);
  if (block === undefined || block.prefix > smallestSubnet6) {
    throw new RangeError(`${subnet} is no IPv6 subnet such as fd00:5bc::/64, or smaller than a /${smallestSubnet6}`);
  }
  const at = (offset: number) => formatAddress6(block.first + BigInt(offset));
  const { first, last, prefix } = block;
  return {
    network: {
      subnet: formatCidr6(block),
      gateway: at(offsets.gateway),
      ipRange: formatCidr6({ first: first + (last + 1n - first) / 4n, last, prefix: prefix + 2 }),
    },
    kamailio: at(offsets.kamailio),
    rtpengine: rtpengineOffsets.slice(0, rtpengines).map(at),
  };
}

const networkNames = ["sbc", "monitoring", "data", "front"] as const;

function mapValues<Key extends string, Value, Result>(
  values: Readonly<Record<Key, Value>>,
  change: (value: Value) => Result,
): Record<Key, Result> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value as Value)])) as Record<
    Key,
    Result
  >;
}

function cidr(name: keyof Subnets, subnets: Subnets): Cidr {
  const block = parseCidr(subnets[name]);
  if (block === undefined) throw new RangeError(`${name} network: ${subnets[name]} is no subnet such as 10.5.0.0/24`);
  return block;
}

function dynamicRange(name: keyof Subnets, { first, last, prefix }: Cidr): Cidr {
  const share = dynamicShare[name];
  return { first: last + 1 - (last + 1 - first) / share, last, prefix: prefix + Math.log2(share) };
}
