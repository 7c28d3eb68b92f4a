import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ProgramFolder, type CliResult } from "../support/program-folder.ts";

/** What one command of the CLI did. */
export interface Run extends CliResult {
  /** Operations by resource name, in the order in which the engine began them; resources left as they are: none. */
  readonly steps: ReadonlyMap<string, readonly string[]>;
}

/** A resource in an exported state. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly initErrors?: readonly string[];
}

/** A stack of its own. The program is a file of `programs/`; what it builds depends on a variant (plain JSON). */
export class Stack {
  readonly #folder: ProgramFolder;

  private constructor(folder: ProgramFolder) {
    this.#folder = folder;
  }

  static async create(program: string): Promise<Stack> {
    const folder = await ProgramFolder.create("conformance");
    await copyFile(join(import.meta.dirname, "programs", `${program}.ts`), join(folder.path, "index.ts"));
    await writeFile(
      join(folder.path, "Pulumi.yaml"),
      "name: conformance\nruntime: { name: nodejs, options: { typescript: false } }\nmain: index.ts\n",
    );
    await folder.init();
    return new Stack(folder);
  }

  /** Puts a file beside the program. */
  async write(path: string, content: string): Promise<void> {
    const target = join(this.#folder.path, path);
    await mkdir(join(target, ".."), { recursive: true });
    await writeFile(target, content);
  }

  up(variant: object, ...flags: string[]): Promise<Run> {
    return this.#operation(["up", "--yes", "--skip-preview", ...flags], variant).finished;
  }

  /** Like `up`, for a caller that wants to interrupt it, or with environment variables of its own. */
  start(variant: object, environment: NodeJS.ProcessEnv = {}): { process: ChildProcess; finished: Promise<Run> } {
    return this.#operation(["up", "--yes", "--skip-preview"], variant, environment);
  }

  preview(variant: object, ...flags: string[]): Promise<Run> {
    return this.#operation(["preview", ...flags], variant).finished;
  }

  destroy(): Promise<Run> {
    return this.#operation(["destroy", "--yes", "--skip-preview"], {}).finished;
  }

  /** The state as it is stored, by resource name; the text is the whole of it. */
  async state(): Promise<{ text: string; resources: ReadonlyMap<string, StateResource> }> {
    const { output } = await this.#folder.run(["stack", "export"]).finished;
    const { deployment } = JSON.parse(output) as { deployment: { resources?: StateResource[] } };
    return { text: output, resources: new Map((deployment.resources ?? []).map((item) => [nameOf(item.urn), item])) };
  }

  /** The stack's outputs, secrets in plain. */
  async outputs(): Promise<Readonly<Record<string, unknown>>> {
    const { output } = await this.#folder.run(["stack", "output", "--json", "--show-secrets"]).finished;
    return JSON.parse(output) as Record<string, unknown>;
  }

  remove(): Promise<void> {
    return this.#folder.remove();
  }

  #operation(
    args: readonly string[],
    variant: object,
    environment: NodeJS.ProcessEnv = {},
  ): { process: ChildProcess; finished: Promise<Run> } {
    const log = join(this.#folder.path, `events-${Date.now()}.json`);
    const { process, finished } = this.#folder.run([...args, "--color", "never", "--event-log", log], {
      ...environment,
      CONFORMANCE_VARIANT: JSON.stringify(variant),
    });
    return { process, finished: finished.then(async (run) => ({ ...run, steps: await readSteps(log) })) };
  }
}

async function readSteps(log: string): Promise<Map<string, string[]>> {
  const steps = new Map<string, string[]>();
  if (!existsSync(log)) return steps;
  for (const line of (await readFile(log, "utf8")).split("\n").filter((text) => text !== "")) {
    const event = JSON.parse(line) as { resourcePreEvent?: { metadata: { op: string; urn: string } } };
    if (event.resourcePreEvent === undefined) continue;
    const { op, urn } = event.resourcePreEvent.metadata;
    if (op === "same" || op === "refresh") continue;
    const name = nameOf(urn);
    steps.set(name, [...(steps.get(name) ?? []), op]);
  }
  return steps;
}

function nameOf(urn: string): string {
  return urn.slice(urn.lastIndexOf("::") + 2);
}
