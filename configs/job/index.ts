import { readFileSync } from "node:fs";

const script = readFileSync(new URL("run.sh", import.meta.url), "utf8");

/** Entrypoint of every job, in any image with bash and coreutils. */
export const jobEntrypoint = ["/bin/bash"] as const;

/** The command line that runs a job and empties what was staged for it, whatever comes of it; the exit code is the job's. */
export function jobCommand(stagedFolders: readonly string[], command: readonly string[]): string[] {
  return ["-c", script, "job", String(stagedFolders.length), ...stagedFolders, ...command];
}
