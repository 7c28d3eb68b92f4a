import type * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";

/** What a container belongs to; rules, exemptions and dashboards are keyed on it. */
export type Plane = "edge" | "voice" | "media" | "data" | "monitoring" | "front";

/** Where logs go, for all services of a stack. */
export interface LogSettings {
  /** Size at which the engine rotates the log that it keeps. */
  readonly maxSizeMb: number;
  /** Files that it keeps. */
  readonly maxFiles: number;
  /** `address:port` that the engine sends every line to as well, by UDP and without ever waiting. Default: nowhere. */
  readonly collector?: string;
}

/** What all containers of a stack have in common. */
export interface ContainerDefaults {
  /** First part of every name. */
  readonly prefix: string;
  /** What happens to what a container prints. A change replaces the container. */
  readonly logs: LogSettings;
  /** Limits per process and per user id. A change replaces the container. */
  readonly limits: { readonly openFiles: number; readonly processes: number };
}

/** A container's place on a network. */
export interface Attachment {
  /** The network's own resource: an edge by output makes the engine replace the container with its network. */
  readonly network: docker.Network;
  /** Fixed address; left out: the engine takes one from the dynamic range. */
  readonly address?: string;
  /** Fixed IPv6 address, where the network has such. */
  readonly address6?: string | undefined;
  /** Names under which others on the network find it. */
  readonly aliases?: readonly string[];
}

/** A named volume in a container. */
export interface VolumeMount {
  /** Name of the volume, as its resource says it. */
  readonly volume: pulumi.Input<string>;
  /** Where it is mounted. */
  readonly path: string;
  /** Default true. */
  readonly readOnly?: boolean;
}

/** Labels of a container, network or volume. */
export function labels(
  values: Readonly<Record<string, pulumi.Input<string>>>,
): { label: string; value: pulumi.Input<string> }[] {
  return Object.entries(values).map(([label, value]) => ({ label, value }));
}

/** The part of a container's arguments that services and jobs share; the values are spelled as the engine reads them back. */
export function hardened(defaults: ContainerDefaults, memoryMb: number) {
  const { limits, logs } = defaults;
  return {
    securityOpts: ["no-new-privileges:true"],
    // Without an equal memorySwap a container may take as much again in swap.
    memory: memoryMb,
    memorySwap: memoryMb,
    // The provider knows no limit on processes per container; the kernel counts these per user id, so every service has its own.
    ulimits: [
      { name: "nofile", soft: limits.openFiles, hard: limits.openFiles },
      { name: "nproc", soft: limits.processes, hard: limits.processes },
    ],
    ...localLog(logs),
  } satisfies Partial<docker.ContainerArgs>;
}

/** The engine keeps the log, and that is all. A disk that hangs costs lines; else it would stop calls at the next line. */
function localLog({ maxSizeMb, maxFiles }: LogSettings) {
  return {
    logDriver: "json-file",
    logOpts: { mode: "non-blocking", "max-size": `${maxSizeMb}m`, "max-file": String(maxFiles) },
  };
}

/**
 * The log of a service: kept by the engine, and sent to the collector where there is one. `docker logs` shows it either way. A container
 * starts and runs when nobody is at the collector's address; what is sent then is in the engine's copy only.
 * @param tag by which the collector knows whose lines they are
 */
export function serviceLog(logs: LogSettings, tag: string) {
  const { collector, maxSizeMb, maxFiles } = logs;
  if (collector === undefined) return localLog(logs);
  return {
    logDriver: "syslog",
    logOpts: {
      "syslog-address": `udp://${collector}`,
      // With microseconds, so that lines of one call stay in their order.
      "syslog-format": "rfc5424micro",
      tag,
      mode: "non-blocking",
      "cache-max-size": `${maxSizeMb}m`,
      "cache-max-file": String(maxFiles),
    },
  };
}

/** Mounts in the provider's words. */
export function volumeMounts(mounts: readonly VolumeMount[]): NonNullable<docker.ContainerArgs["volumes"]> {
  return mounts.map(({ volume, path, readOnly = true }) => ({ volumeName: volume, containerPath: path, readOnly }));
}

/** Networks in the provider's words. */
export function attachments(networks: readonly Attachment[]): NonNullable<docker.ContainerArgs["networksAdvanced"]> {
  return networks.map(({ network, address, address6, aliases }) => ({
    name: network.name,
    ...(address !== undefined && { ipv4Address: address }),
    ...(address6 !== undefined && { ipv6Address: address6 }),
    ...(aliases !== undefined && { aliases: [...aliases] }),
  }));
}

/**
 * What replaces a container beyond the provider's own list: properties that it says it updates in place and then does not
 * (kreuzwerker/terraform-provider-docker #988), and `#initerror`, a container that never became healthy: the next `up` would only clear
 * the mark.
 */
export const replaceOnChanges = ["healthcheck", "tmpfs", "init", "cpuPeriod", "cpuQuota", "#initerror"];
