import { readFileSync } from "node:fs";

/** Arguments of the job that fills a volume. */
export interface FillVolumeArgs {
  /** Folder in the job's container that holds the files. */
  staging: string;
  /** Where the volume is mounted in the job's container. */
  volume: string;
  /** Numeric owner of files and folders. */
  uid: number;
  /** Numeric group of files and folders. */
  gid: number;
  /** Octal mode of files, e.g. `0440`; folders may be entered by whoever may read. */
  mode: string;
}

const script = readFileSync(new URL("fill.sh", import.meta.url), "utf8");

/** The command line of the job, for any image with bash and coreutils. */
export function fillVolumeCommand({ staging, volume, uid, gid, mode }: FillVolumeArgs): string[] {
  const folderMode = mode.replaceAll("4", "5").replaceAll("6", "7");
  return ["/bin/bash", "-c", script, "fill-volume", staging, volume, `${uid}:${gid}`, mode, folderMode];
}
