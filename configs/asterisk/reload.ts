import { readFileSync } from "node:fs";
import type { FileMap } from "../files.ts";

/** How the one-shot container runs that makes a changed database password live: in the Asterisk image, without any network. */
export const reloadJobRuntime = {
  command: ["/bin/bash", "/etc/sbc/job/reload.sh"],
  folder: "/etc/sbc/job",
  /** Where `/run/asterisk` of each node is mounted, by the node's name. */
  nodes: "/run/nodes",
  memoryMb: 64,
} as const;

/** The files of the job, for its folder. */
export function renderReloadJob(): FileMap {
  return { "reload.sh": readFileSync(new URL("jobs/reload.sh", import.meta.url), "utf8") };
}
