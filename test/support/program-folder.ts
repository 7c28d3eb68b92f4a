import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const repository = join(import.meta.dirname, "../..");

/** What one command of the CLI did; `output` is all that it wrote. */
export interface CliResult {
  readonly code: number | null;
  readonly output: string;
}

/** A Pulumi program in a temporary folder: the real CLI and whichever plugins are installed, with a back end, a passphrase and a home of its own. */
export class ProgramFolder {
  readonly path: string;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(path: string, environment: NodeJS.ProcessEnv) {
    this.path = path;
    this.#environment = environment;
  }

  /** Makes it; the caller puts the program in, and then calls {@link init}. */
  static async create(name: string, environment: NodeJS.ProcessEnv = {}): Promise<ProgramFolder> {
    const path = await mkdtemp(join(tmpdir(), `${name}-`));
    const home = join(path, "home");
    await Promise.all([mkdir(home), mkdir(join(path, "state"))]);
    await symlink(join(installedHome(), "plugins"), join(home, "plugins"));
    await symlink(join(repository, "node_modules"), join(path, "node_modules"));
    await writeFile(join(path, "package.json"), JSON.stringify({ name, type: "module" }));
    const installed = join(repository, ".sbc/toolchain/pulumi/bin");
    return new ProgramFolder(path, {
      ...process.env,
      PATH: [installed, join(process.execPath, ".."), process.env["PATH"]].join(delimiter),
      PULUMI_HOME: home,
      PULUMI_BACKEND_URL: `file://${join(path, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: name,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      // Without it the CLI hides --event-log.
      PULUMI_DEBUG_COMMANDS: "true",
      NODE_NO_WARNINGS: "1",
      ...environment,
    });
  }

  /** Makes its stack. */
  async init(): Promise<void> {
    const { code, output } = await this.run(["stack", "init", "test"]).finished;
    if (code !== 0) throw new Error(`pulumi stack init failed: ${output}`);
  }

  /** Starts the CLI. */
  run(
    args: readonly string[],
    environment: NodeJS.ProcessEnv = {},
  ): { process: ChildProcess; finished: Promise<CliResult> } {
    const child = spawn("pulumi", [...args, "--non-interactive"], {
      cwd: this.path,
      env: { ...this.#environment, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const finished = new Promise<CliResult>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, output }));
    });
    return { process: child, finished };
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }
}

/** Home of the installed plugins: the caller's, else the one that the set-up filled, else the CLI's default. */
function installedHome(): string {
  const candidates = [process.env["PULUMI_HOME"], join(repository, ".sbc/pulumi-home"), join(homedir(), ".pulumi")];
  const home = candidates.find((path) => path !== undefined && existsSync(join(path, "plugins")));
  if (home === undefined) throw new Error("no Pulumi plugins are installed; `npm test` sets them up");
  return home;
}
