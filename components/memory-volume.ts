import * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import { labels, type ContainerDefaults, type Plane } from "./container.ts";

/** A folder in memory that more than one container sees. */
export interface MemoryVolumeArgs {
  readonly defaults: ContainerDefaults;
  readonly plane: Plane;
  /** Mount options of the tmpfs: owner, mode and size. A change replaces the volume and the containers that mount it. */
  readonly options: string;
}

/**
 * A folder in memory with the control socket of a service, so that a job beside it can tell it to reload: no port, no password. Unlike
 * the tmpfs of a container a job can mount it; like one it is empty again when the service has stopped.
 */
export function memoryVolume(
  name: string,
  { defaults, plane, options }: MemoryVolumeArgs,
  parent: pulumi.Resource,
): docker.Volume {
  return new docker.Volume(
    name,
    {
      name: `${defaults.prefix}-${name}`,
      driver: "local",
      // What Docker adds to a container's own tmpfs by itself.
      driverOpts: { type: "tmpfs", device: "tmpfs", o: `${options},nosuid,nodev,noexec` },
      labels: labels({ "sbc.stack": defaults.prefix, "sbc.plane": plane }),
    },
    { parent, deleteBeforeReplace: true },
  );
}
