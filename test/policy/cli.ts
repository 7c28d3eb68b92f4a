import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const repository = join(import.meta.dirname, "../..");

/** A violation as the engine reports it. */
export interface PolicyEvent {
  readonly rule: string;
  readonly level: string;
  /** Name of the resource. */
  readonly resource: string;
  readonly message: string;
}

/** What one command of the CLI did. */
export interface CliRun {
  readonly code: number | null;
  readonly output: string;
  readonly violations: readonly PolicyEvent[];
  readonly milliseconds: number;
}

/** The real CLI with one of the programs beside this file in a temporary folder, and a back end and a home of its own. */
export class ScenarioStack {
  readonly #directory: string;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(directory: string, environment: NodeJS.ProcessEnv) {
    this.#directory = directory;
    this.#environment = environment;
  }

  static async create(program: "scenarios" | "foreign" = "scenarios"): Promise<ScenarioStack> {
    const directory = await mkdtemp(join(tmpdir(), "policy-"));
    const home = join(directory, "home");
    await Promise.all([mkdir(home), mkdir(join(directory, "state"))]);
    await symlink(installedPlugins(), join(home, "plugins"));
    await symlink(join(repository, "node_modules"), join(directory, "node_modules"));
    await cp(join(import.meta.dirname, program), directory, { recursive: true });
    await writeFile(join(directory, "package.json"), JSON.stringify({ name: program, type: "module" }));
    const stack = new ScenarioStack(directory, {
      ...process.env,
      PATH: [join(repository, ".sbc/toolchain/pulumi/bin"), join(process.execPath, ".."), process.env["PATH"]].join(
        delimiter,
      ),
      PULUMI_HOME: home,
      PULUMI_BACKEND_URL: `file://${join(directory, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "policy",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? join(repository, ".sbc/node-cache"),
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      // Without it the CLI hides --event-log.
      PULUMI_DEBUG_COMMANDS: "true",
      NODE_NO_WARNINGS: "1",
    });
    const { code, output } = await stack.#pulumi(["stack", "init", "test"], {});
    if (code !== 0) throw new Error(`pulumi stack init failed: ${output}`);
    return stack;
  }

  /** Previews the scenarios of these names together, under the pack unless `pack` is null. */
  async preview(names: readonly string[], pack: string | null = "policy", config?: unknown): Promise<CliRun> {
    const log = join(this.#directory, `events-${Date.now()}.json`);
    const configFile = join(this.#directory, "config.json");
    if (config !== undefined) await writeFile(configFile, JSON.stringify(config));
    const policy = pack === null ? [] : ["--policy-pack", join(repository, pack)];
    if (pack !== null && config !== undefined) policy.push("--policy-pack-config", configFile);
    const run = await this.#pulumi(["preview", "--color", "never", "--event-log", log, ...policy], {
      SCENARIOS: names.join(","),
    });
    return { ...run, violations: await readViolations(log) };
  }

  /** `pulumi policy analyze` of a state file, as `pulumi stack export` writes it, at the levels of the nightly check. */
  async analyze(deployment: object): Promise<CliRun> {
    const state = join(this.#directory, "state.json");
    await writeFile(state, JSON.stringify({ version: 3, deployment }));
    const pack = ["--policy-pack", join(repository, "policy")];
    const config = ["--policy-pack-config", join(repository, "policy/config/nightly.json")];
    return this.#pulumi(["policy", "analyze", ...pack, ...config, "--file", state, "--json"], {});
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #pulumi(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<CliRun> {
    const started = performance.now();
    const child = spawn("pulumi", [...args, "--non-interactive"], {
      cwd: this.#directory,
      env: { ...this.#environment, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    return { code, output, violations: [], milliseconds: performance.now() - started };
  }
}

async function readViolations(log: string): Promise<readonly PolicyEvent[]> {
  if (!existsSync(log)) return [];
  const lines = (await readFile(log, "utf8")).split("\n").filter((text) => text !== "");
  return lines.flatMap((line) => {
    const { policyEvent } = JSON.parse(line) as {
      policyEvent?: { policyName: string; enforcementLevel: string; resourceUrn?: string; message: string };
    };
    if (policyEvent === undefined) return [];
    const { policyName: rule, enforcementLevel: level, resourceUrn = "", message } = policyEvent;
    return [{ rule, level, resource: resourceUrn.slice(resourceUrn.lastIndexOf("::") + 2), message }];
  });
}

/** The plugins that the caller uses, else those that the set-up installed, else the CLI's own. */
function installedPlugins(): string {
  const homes = [process.env["PULUMI_HOME"], join(repository, ".sbc/pulumi-home"), join(homedir(), ".pulumi")];
  const home = homes.find((path) => path !== undefined && existsSync(join(path, "plugins")));
  if (home === undefined) throw new Error("no Pulumi plugins are installed; `npm test` sets them up");
  return join(home, "plugins");
}
