import { spawn } from "node:child_process";

export interface DockerResult {
  exitCode: number;
  stdout: Buffer;
  stderr: string;
}

/**
 * Runs the Docker command line tool; a non-zero exit code is a result, not an error.
 * @throws when it takes longer than the limit (milliseconds), or cannot be started.
 */
export function tryDocker(
  args: readonly string[],
  { input = "", timeout = 60_000 }: { input?: string; timeout?: number } = {},
): Promise<DockerResult> {
  return new Promise((resolve, reject) => {
    const child = spawn("docker", args, { stdio: ["pipe", "pipe", "pipe"] });
    const stdout: Buffer[] = [];
    let stderr = "";
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`docker ${args.join(" ")}: no end after ${timeout} ms\n${stderr}`));
    }, timeout);
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ exitCode: code ?? 1, stdout: Buffer.concat(stdout), stderr });
    });
    // A command that ends without reading its input is told apart by its exit code.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

/** Runs the Docker command line tool and returns what it printed. @throws when it fails. */
export async function docker(args: readonly string[], options?: { input?: string; timeout?: number }): Promise<string> {
  const { exitCode, stdout, stderr } = await tryDocker(args, options);
  if (exitCode !== 0) throw new Error(`docker ${args.join(" ")}: exit code ${exitCode}\n${stderr}${stdout}`);
  return stdout.toString("utf8").trimEnd();
}
