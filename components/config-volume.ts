import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { FileMap } from "../configs/files.ts";
import { fillVolumeCommand } from "../configs/volume/index.ts";
import { labels, type ContainerDefaults, type Plane, type VolumeMount } from "./container.ts";
import { contentHash } from "./content-hash.ts";
import { job, type Job } from "./job.ts";
import { componentType } from "./types.ts";

/** Files of a service in a volume of their own. */
export interface ConfigVolumeArgs {
  readonly defaults: ContainerDefaults;
  readonly plane: Plane;
  /** Image that the filling job runs in: any with bash; the service's own costs nothing. */
  readonly image: docker.RemoteImage;
  /** Where the service mounts it. */
  readonly path: string;
  /** Numeric owner of the files: the service's user. */
  readonly uid: number;
  /** Numeric group of the files. */
  readonly gid: number;
  /**
   * What is in it, and what a change does:
   * - `plain`: readable in a preview; a change makes a new volume and replaces the service.
   * - `secret`: mode 0400; a change replaces volume and service.
   * - `live`: secret as well, in a volume that stays; a change fills it again and a reload job has to follow. Nothing restarts.
   */
  readonly content:
    | { readonly kind: "plain"; readonly files: FileMap }
    | { readonly kind: "secret" | "live"; readonly files: pulumi.Output<FileMap> };
}

const target = "/volume";

/** A named volume that a one-shot job fills with files; services mount it read-only. */
export class ConfigVolume extends pulumi.ComponentResource {
  /** For the mounts of the service. */
  public readonly mount: VolumeMount;
  /** The service starts after it. */
  public readonly filled: Job["done"];
  /** Hash of the files. */
  public readonly hash: pulumi.Output<string>;

  constructor(name: string, args: ConfigVolumeArgs, options: pulumi.ComponentResourceOptions) {
    const { content, defaults } = args;
    // The plain content's hash is part of the name: the new volume is there and full before the service is touched.
    const hash =
      content.kind === "plain"
        ? contentHash([content.files, args.uid, args.gid])
        : // A hash of long random values tells nothing about them, and a secret one would hide the labels beside it.
          pulumi.unsecret(content.files.apply(contentHash));
    const fullName = content.kind === "plain" ? `${name}-${hash}` : name;
    super(componentType("ConfigVolume"), fullName, {}, options);

    this.hash = pulumi.output(hash);
    const volume = new docker.Volume(
      fullName,
      {
        name: `${defaults.prefix}-${fullName}`,
        labels: labels({
          "sbc.stack": defaults.prefix,
          "sbc.plane": args.plane,
          // Not known in a preview, so a change shows here, and replaces the volume and with it the service.
          ...(content.kind === "secret" && { "sbc.content": hash }),
        }),
      },
      { parent: this, deleteBeforeReplace: true },
    );
    const staging = `/staging${args.path}`;
    const mode = content.kind === "plain" ? "0444" : "0400";
    const fill = job(
      `${fullName}-fill`,
      {
        defaults,
        plane: args.plane,
        image: args.image,
        user: "0:0",
        command: fillVolumeCommand({ staging, volume: target, uid: args.uid, gid: args.gid, mode }),
        staged: [{ path: staging, files: content.files, mode }],
        mounts: [{ volume: volume.name, path: target, readOnly: false }],
        capabilities: ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"],
        memoryMb: 64,
      },
      { parent: this },
    );
    this.mount = { volume: volume.name, path: args.path };
    this.filled = fill.done;
    this.registerOutputs({ volume: volume.name });
  }
}
