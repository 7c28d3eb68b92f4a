import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineFiles } from "../../scripts/engine.ts";
import { capture } from "../../scripts/run.ts";

/** Why no second daemon can run here, if so. */
export const engineSkipReason =
  process.getuid?.() === 0 && capture("dockerd", ["--version"]).code === 0 ? false : "needs root and dockerd";

/** A daemon with files of its own and no network, beside the one that everything else uses. */
export interface TestEngine {
  folder: string;
  /** Its data root. */
  data: string;
  files: EngineFiles;
}

/** Places for such a daemon; starts nothing. */
export async function testEngine(): Promise<TestEngine> {
  const folder = await mkdtemp(join(tmpdir(), "sbc-engine-"));
  const [data, execRoot, socket] = [join(folder, "data"), join(folder, "exec"), join(folder, "docker.sock")];
  const files: EngineFiles = {
    pidFile: join(folder, "own/dockerd.pid"),
    logFile: join(folder, "own/dockerd.log"),
    execRoot,
    foreignPidFile: join(folder, "docker.pid"),
    socket,
    // A daemon without a bridge deletes docker0, whosever it is: let it be in a network namespace of its own.
    launcher: ["unshare", "--net"],
    args: [
      ...["--host", `unix://${socket}`, "--data-root", data, "--exec-root", execRoot],
      ...["--bridge=none", "--iptables=false", "--ip6tables=false"],
    ],
  };
  return { folder, data, files };
}
