import { spawn, spawnSync, type ChildProcess } from "node:child_process";

/** A mistake or a lack that a person can mend: shown without a stack trace. */
export class UserError extends Error {}

/** What a captured command did. */
export interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  /** Added to this process's environment. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds after which the command is ended. */
  timeout?: number;
  input?: string;
}

/** Runs a command and captures what it prints. A command that is not there has code 127. */
export function capture(command: string, args: readonly string[], options: RunOptions = {}): Result {
  const { env, ...rest } = options;
  const result = spawnSync(command, args, {
    ...rest,
    env: { ...process.env, ...env },
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
  });
  const missing = (result.error as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
  const late = (result.error as NodeJS.ErrnoException | undefined)?.code === "ETIMEDOUT";
  return {
    code: missing ? 127 : (result.status ?? 1),
    stdout: result.stdout ?? "",
    stderr: missing ? `${command}: not found` : late ? `${command}: ended after ${options.timeout} ms` : result.stderr,
  };
}

/**
 * Runs a command and captures what it prints.
 * @throws UserError with the end of its output when it fails.
 */
export function must(command: string, args: readonly string[], options: RunOptions = {}): string {
  const result = capture(command, args, options);
  if (result.code !== 0) {
    const output = `${result.stdout}\n${result.stderr}`.trim().split("\n").slice(-20).join("\n");
    throw new UserError(`${command} ${args.join(" ")} ended with code ${result.code}:\n${output}`);
  }
  return result.stdout.trim();
}

/** Runs a command in the foreground; `onOutput` sees what passes through. Resolves to its exit code. */
export function foreground(
  command: string,
  args: readonly string[],
  options: RunOptions & { onOutput?: (text: string) => void } = {},
): Promise<number> {
  const { onOutput } = options;
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", onOutput ? "pipe" : "inherit", onOutput ? "pipe" : "inherit"],
    // A group of its own: Ctrl-C reaches it once, through us, and not once more from the terminal and from npm. A second
    // signal makes the CLI stop without waiting for the operation that it is in.
    detached: true,
  });
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    from?.on("data", (chunk: Buffer) => {
      to.write(chunk);
      onOutput?.(chunk.toString());
    });
  }
  const stop = forwardSignals(child);
  return new Promise((resolve, reject) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      stop();
      reject(error.code === "ENOENT" ? new UserError(`${command}: not found`) : error);
    });
    child.on("close", (code, signal) => {
      stop();
      resolve(code ?? (signal === "SIGINT" ? 130 : 1));
    });
  });
}

function forwardSignals(child: ChildProcess): () => void {
  let last = 0;
  const forward = (signal: NodeJS.Signals) => {
    const now = Date.now();
    if (now - last > 1000) child.kill(signal);
    last = now;
  };
  process.on("SIGINT", forward);
  process.on("SIGTERM", forward);
  return () => {
    process.off("SIGINT", forward);
    process.off("SIGTERM", forward);
  };
}

/** Does one step of a set-up and says on stderr how long it took, and what came of it when that is a text. */
export async function step<T>(title: string, action: () => T | Promise<T>, started = performance.now()): Promise<T> {
  const result = await action();
  const seconds = (performance.now() - started) / 1000;
  const detail = typeof result === "string" ? ` (${result})` : "";
  console.error(`  ${title}${detail}: ${seconds.toFixed(seconds < 10 ? 1 : 0)} s`);
  return result;
}
