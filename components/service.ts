import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import {
  attachments,
  hardened,
  labels,
  replaceOnChanges,
  serviceLog,
  volumeMounts,
  type Attachment,
  type ContainerDefaults,
  type Plane,
  type VolumeMount,
} from "./container.ts";

/** A port of a service that the host publishes. */
export interface PublishedPort {
  /** Port inside the container. */
  readonly internal: number;
  /** Port on the host. */
  readonly external: number;
  readonly protocol: "tcp" | "udp";
  /** The one host address that it is published on. */
  readonly ip: string;
}

/** A long-running container. A change of any value replaces the container, unless it says otherwise. */
export interface ServiceArgs {
  readonly defaults: ContainerDefaults;
  /** What it is, e.g. `kamailio`: label `sbc.role`. */
  readonly role: string;
  readonly plane: Plane;
  readonly image: docker.RemoteImage;
  /** Numeric user; never root. */
  readonly uid: number;
  /** Numeric group. */
  readonly gid: number;
  /** Program instead of the image's entrypoint. Default: the image's own. */
  readonly entrypoint?: readonly string[];
  /** Settings that are no secret, as environment variables. Default: none. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Arguments of the image's entrypoint. Default: the image's own. */
  readonly command?: readonly string[];
  /** Volumes; read-only unless they say otherwise. */
  readonly mounts: readonly VolumeMount[];
  /** Where it starts. Default: where the image says. */
  readonly workingDir?: string;
  /** Writable folders in memory: path → mount options. */
  readonly tmpfs: Readonly<Record<string, string>>;
  /** Networks in the order of their importance; empty with `hostNetwork`. */
  readonly networks: readonly Attachment[];
  /** Default: none. */
  readonly ports?: readonly PublishedPort[];
  /** Exec form: `["CMD", …]`. */
  readonly healthcheck: readonly string[];
  /** Seconds between two health checks, also while it starts. Default 3. */
  readonly healthSeconds?: number;
  /** Seconds that a start may take until the first good health check. Default 60. */
  readonly startSeconds?: number;
  /** Memory limit in MiB, swap included. Changed in place. */
  readonly memoryMb: number;
  /** Processor limit in cores. */
  readonly cpus: number;
  /** Seconds between the request to stop and SIGKILL. */
  readonly graceSeconds: number;
  /** The host's network instead of networks of its own. A written reason is all that allows it. */
  readonly hostNetwork?: { readonly reason: string };
}

/** Resource options of a service: what must be ready before it starts. */
export type ServiceOptions = Pick<pulumi.CustomResourceOptions, "parent" | "dependsOn">;

/**
 * Runs one hardened container: own user, read-only root, no capability, no new privileges, limits on memory, processor, processes and
 * files, rotated logs, a health check that the deployment waits for, and a clean stop.
 */
export function service(name: string, args: ServiceArgs, options: ServiceOptions): docker.Container {
  const { defaults, hostNetwork, networks, ports = [], startSeconds = 60 } = args;
  if (hostNetwork !== undefined && networks.length + ports.length > 0) {
    throw new pulumi.ResourceError(
      `${name} is on the host's network: it can have no other network and no published port`,
      options.parent,
    );
  }
  return new docker.Container(
    name,
    {
      ...hardened(defaults, args.memoryMb),
      ...serviceLog(defaults.logs, name),
      name: `${defaults.prefix}-${name}`,
      image: args.image.imageId,
      user: `${args.uid}:${args.gid}`,
      ...(args.entrypoint !== undefined && { entrypoints: [...args.entrypoint] }),
      // Sorted, as the engine reads them back.
      ...(args.environment !== undefined && {
        envs: Object.entries(args.environment)
          .map(([name, value]) => `${name}=${value}`)
          .toSorted(),
      }),
      ...(args.workingDir !== undefined && { workingDir: args.workingDir }),
      ...(args.command !== undefined && args.command.length > 0 && { command: [...args.command] }),
      // Set although networks follow: read back so. The name of a network here would lose the fixed address.
      networkMode: hostNetwork === undefined ? "bridge" : "host",
      ...(hostNetwork === undefined && { networksAdvanced: attachments(networks) }),
      ...(ports.length > 0 && { ports: sortedPorts(ports) }),
      readOnly: true,
      capabilities: { drops: ["ALL"] },
      tmpfs: { ...args.tmpfs },
      volumes: volumeMounts(args.mounts),
      cpus: String(args.cpus),
      restart: "unless-stopped",
      healthcheck: {
        tests: [...args.healthcheck],
        interval: `${args.healthSeconds ?? 3}s`,
        timeout: "5s",
        retries: 3,
      },
      wait: true,
      waitTimeout: startSeconds,
      destroyGraceSeconds: args.graceSeconds,
      labels: labels({
        "sbc.stack": defaults.prefix,
        "sbc.role": args.role,
        "sbc.plane": args.plane,
        ...(hostNetwork !== undefined && { "sbc.reason.host-network": hostNetwork.reason }),
      }),
    },
    {
      ...options,
      // Name, addresses and ports are fixed: two cannot be there at once.
      deleteBeforeReplace: true,
      replaceOnChanges,
      customTimeouts: { create: `${startSeconds + 60}s` },
    },
  );
}

/** In the order in which the engine reads them back. */
function sortedPorts(ports: readonly PublishedPort[]): PublishedPort[] {
  return ports.toSorted((left, right) => left.internal - right.internal || left.protocol.localeCompare(right.protocol));
}
