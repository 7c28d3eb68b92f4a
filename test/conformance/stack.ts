import { spawn, type ChildProcess } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const repository = join(import.meta.dirname, "../..");
const installed = join(repository, ".sbc/toolchain/pulumi/bin");

/** What one command of the CLI did. */
export interface Run {
  readonly code: number | null;
  readonly output: string;
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

/**
 * A stack of its own: the real CLI and whichever plugins are installed, with a back end, a passphrase and a home of its
 * own in a temporary folder. The program is a file of `programs/`; what it builds depends on a variant (plain JSON).
 */
export class Stack {
  readonly #directory: string;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(directory: string, environment: NodeJS.ProcessEnv) {
    this.#directory = directory;
    this.#environment = environment;
  }

  static async create(program: string): Promise<Stack> {
    const directory = await mkdtemp(join(tmpdir(), "conformance-"));
    const home = join(directory, "home");
    await Promise.all([mkdir(home), mkdir(join(directory, "state"))]);
    await symlink(join(installedHome(), "plugins"), join(home, "plugins"));
    await symlink(join(repository, "node_modules"), join(directory, "node_modules"));
    await copyFile(join(import.meta.dirname, "programs", `${program}.ts`), join(directory, "index.ts"));
    await writeFile(join(directory, "package.json"), JSON.stringify({ name: "conformance", type: "module" }));
    await writeFile(
      join(directory, "Pulumi.yaml"),
      "name: conformance\nruntime: { name: nodejs, options: { typescript: false } }\nmain: index.ts\n",
    );
    const stack = new Stack(directory, {
      ...process.env,
      PATH: [installed, join(process.execPath, ".."), process.env.PATH].join(delimiter),
      PULUMI_HOME: home,
      PULUMI_BACKEND_URL: `file://${join(directory, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "conformance",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      // Without it the CLI hides --event-log.
      PULUMI_DEBUG_COMMANDS: "true",
      NODE_NO_WARNINGS: "1",
    });
    const initialised = await stack.#pulumi(["stack", "init", "test"], {}).finished;
    if (initialised.code !== 0) throw new Error(`pulumi stack init failed: ${initialised.output}`);
    return stack;
  }

  /** Puts a file beside the program. */
  async write(path: string, content: string): Promise<void> {
    const target = join(this.#directory, path);
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
    const { output } = await this.#pulumi(["stack", "export"], {}).finished;
    const { deployment } = JSON.parse(output) as { deployment: { resources?: StateResource[] } };
    return { text: output, resources: new Map((deployment.resources ?? []).map((item) => [nameOf(item.urn), item])) };
  }

  /** The stack's outputs, secrets in plain. */
  async outputs(): Promise<Readonly<Record<string, unknown>>> {
    const { output } = await this.#pulumi(["stack", "output", "--json", "--show-secrets"], {}).finished;
    return JSON.parse(output) as Record<string, unknown>;
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  #operation(
    args: readonly string[],
    variant: object,
    environment: NodeJS.ProcessEnv = {},
  ): { process: ChildProcess; finished: Promise<Run> } {
    const log = join(this.#directory, `events-${Date.now()}.json`);
    const { process, finished } = this.#pulumi([...args, "--color", "never", "--event-log", log], {
      ...environment,
      CONFORMANCE_VARIANT: JSON.stringify(variant),
    });
    return { process, finished: finished.then(async (run) => ({ ...run, steps: await readSteps(log) })) };
  }

  #pulumi(args: readonly string[], environment: NodeJS.ProcessEnv): { process: ChildProcess; finished: Promise<Run> } {
    const child = spawn("pulumi", [...args, "--non-interactive"], {
      cwd: this.#directory,
      env: { ...this.#environment, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const finished = new Promise<Run>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, output, steps: new Map() }));
    });
    return { process: child, finished };
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

/** Home of the installed plugins: the caller's, else the one that the set-up filled, else the CLI's default. */
function installedHome(): string {
  const candidates = [process.env.PULUMI_HOME, join(repository, ".sbc/pulumi-home"), join(homedir(), ".pulumi")];
  const home = candidates.find((path) => path !== undefined && existsSync(join(path, "plugins")));
  if (home === undefined) throw new Error("no Pulumi plugins are installed; `npm test` sets them up");
  return home;
}
