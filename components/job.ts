import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { FileMap } from "../configs/files.ts";
import { jobCommand, jobEntrypoint } from "../configs/job/index.ts";
import {
  attachments,
  hardened,
  labels,
  replaceOnChanges,
  volumeMounts,
  type Attachment,
  type ContainerDefaults,
  type Plane,
  type VolumeMount,
} from "./container.ts";

/** Files that are put into a job's container before it starts. */
export interface StagedFiles {
  /** Folder that the files go to. */
  readonly path: string;
  readonly files: FileMap | pulumi.Output<FileMap>;
  /** Octal mode. */
  readonly mode: "0400" | "0444";
  /** Numeric owner. Default root. */
  readonly uid?: number;
  /** Numeric group. Default root. */
  readonly gid?: number;
}

/** A container that does one thing and ends. A change of any value runs it again. */
export interface JobArgs {
  readonly defaults: ContainerDefaults;
  readonly plane: Plane;
  readonly image: docker.RemoteImage;
  /** Numeric user and group, `4101:4101`. */
  readonly user: string;
  /** Program and arguments; the image's own entrypoint plays no part. */
  readonly command: readonly string[];
  /** Files that it finds when it starts; emptied when it ends. */
  readonly staged: readonly StagedFiles[];
  /** Volumes that it works on. Default: none. */
  readonly mounts?: readonly VolumeMount[];
  /** Default: no network at all. */
  readonly networks?: readonly Attachment[];
  /** Capabilities that it needs, as `CAP_CHOWN`, sorted. Default: none. */
  readonly capabilities?: readonly string[];
  /** Memory limit in MiB, swap included. */
  readonly memoryMb: number;
  /** Stands for all that the job acts on and that is not in its files: a change runs it again. */
  readonly trigger?: pulumi.Input<string>;
}

/** A job that has been registered. */
export interface Job {
  readonly container: docker.Container;
  /**
   * The container, once it has ended well: what may only start then takes it as `dependsOn`. Rejects when the exit code is not 0,
   * and so fails the deployment even if nobody takes it.
   */
  readonly done: pulumi.Output<docker.Container>;
}

/** How much of a failed job's log the error shows. */
const shownLogLines = 20;

/**
 * Runs a one-shot container and waits for its end. Its root is writable, for Docker refuses uploads otherwise; it is the only kind of
 * container that takes uploads.
 */
export function job(
  name: string,
  args: JobArgs,
  options: Pick<pulumi.CustomResourceOptions, "parent" | "dependsOn">,
): Job {
  const { defaults, capabilities = [], networks = [] } = args;
  const container = new docker.Container(
    name,
    {
      ...hardened(defaults, args.memoryMb),
      name: `${defaults.prefix}-${name}`,
      image: args.image.imageId,
      user: args.user,
      entrypoints: [...jobEntrypoint],
      command: jobCommand(
        args.staged.map(({ path }) => path),
        args.command,
      ),
      networkMode: networks.length > 0 ? "bridge" : "none",
      ...(networks.length > 0 && { networksAdvanced: attachments(networks) }),
      capabilities: { ...(capabilities.length > 0 && { adds: [...capabilities] }), drops: ["ALL"] },
      volumes: volumeMounts(args.mounts ?? []),
      uploads: uploads(args.staged),
      cpus: "1",
      restart: "no",
      mustRun: false,
      attach: true,
      logs: true,
      labels: labels({
        "sbc.stack": defaults.prefix,
        "sbc.role": "job",
        "sbc.plane": args.plane,
        ...(args.trigger !== undefined && { "sbc.trigger": args.trigger }),
      }),
    },
    { ...options, deleteBeforeReplace: true, replaceOnChanges, customTimeouts: { create: "3m" } },
  );
  return { container, done: endedWell(name, container) };
}

/** All files of a job, as one list: one secret among them makes the whole list secret. */
function uploads(staged: readonly StagedFiles[]): NonNullable<docker.ContainerArgs["uploads"]> {
  const plain = staged.flatMap((part) => (pulumi.Output.isInstance(part.files) ? [] : uploadsOf(part, part.files)));
  const secret = staged.filter((part) => pulumi.Output.isInstance(part.files));
  if (secret.length === 0) return plain;
  return pulumi
    .all(secret.map(({ files }) => files))
    .apply((maps) => [...plain, ...secret.flatMap((part, index) => uploadsOf(part, maps[index] ?? {}))]);
}

function uploadsOf({ path, mode, uid, gid }: StagedFiles, files: FileMap) {
  return Object.entries(files).map(([file, content]) => ({
    file: `${path}/${file}`,
    // The provider refuses an empty file; a line end is as good as nothing to every program here.
    content: content === "" ? "\n" : content,
    permissions: mode,
    ...(uid !== undefined && { owner: String(uid) }),
    ...(gid !== undefined && { group: String(gid) }),
  }));
}

/** The exit code is no error to the provider. */
function endedWell(name: string, container: docker.Container): pulumi.Output<docker.Container> {
  return pulumi.all([container.exitCode, container.containerLogs, container.urn]).apply(([exitCode, log, urn]) => {
    if (exitCode === 0) return container;
    // Shown under the job's own name; what waits for it fails with the short sentence.
    void pulumi.log.error(failure(exitCode, log, urn), container);
    throw new pulumi.RunError(`job ${name} failed with exit code ${exitCode}`);
  });
}

/** What is said about a job that failed. The engine has recorded its container, so the job does not run again by itself. */
export function failure(exitCode: number, log: string | undefined, urn: string): string {
  const lines = (log ?? "").trimEnd().split("\n").slice(-shownLogLines);
  return [
    `the job failed with exit code ${exitCode}; the end of its log:`,
    ...lines.map((line) => `  | ${line}`),
    "Mend the cause. If that takes no change of the configuration, run the job again with:",
    `  pulumi up --replace '${urn}'`,
  ].join("\n");
}
