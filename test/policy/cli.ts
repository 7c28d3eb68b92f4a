import { existsSync } from "node:fs";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ProgramFolder, type CliResult } from "../support/program-folder.ts";

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
export interface CliRun extends CliResult {
  readonly violations: readonly PolicyEvent[];
  readonly milliseconds: number;
}

/** The real CLI with one of the programs beside this file. */
export class ScenarioStack {
  readonly #folder: ProgramFolder;

  private constructor(folder: ProgramFolder) {
    this.#folder = folder;
  }

  static async create(program: "scenarios" | "foreign" = "scenarios"): Promise<ScenarioStack> {
    const folder = await ProgramFolder.create("policy", {
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? join(repository, ".sbc/node-cache"),
    });
    await cp(join(import.meta.dirname, program), folder.path, { recursive: true });
    await folder.init();
    return new ScenarioStack(folder);
  }

  /** Previews the scenarios of these names together, under the pack unless `pack` is null. */
  async preview(names: readonly string[], pack: string | null = "policy", config?: unknown): Promise<CliRun> {
    const log = join(this.#folder.path, `events-${Date.now()}.json`);
    const configFile = join(this.#folder.path, "config.json");
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
    const state = join(this.#folder.path, "state.json");
    await writeFile(state, JSON.stringify({ version: 3, deployment }));
    const pack = ["--policy-pack", join(repository, "policy")];
    const config = ["--policy-pack-config", join(repository, "policy/config/nightly.json")];
    return this.#pulumi(["policy", "analyze", ...pack, ...config, "--file", state, "--json"], {});
  }

  remove(): Promise<void> {
    return this.#folder.remove();
  }

  async #pulumi(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<CliRun> {
    const started = performance.now();
    const { code, output } = await this.#folder.run(args, environment).finished;
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
