import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { baseImage } from "../../scripts/base-image.ts";
import type { Cli } from "../../scripts/cli.ts";
import { root } from "../../scripts/paths.ts";
import { capture, UserError } from "../../scripts/run.ts";
import { setUp } from "../../scripts/setup.ts";
import { pulumiEnvironment } from "../../scripts/stack.ts";
import { runUnderMonitor } from "./monitor.ts";
import { testPrefix } from "../../scripts/sweep.ts";

const rounds = 3;
const nodeArgs = ["--stack-trace-limit=1", "--disable-warning=ExperimentalWarning"];

/** One line of the result. */
interface Figure {
  what: string;
  /** Median, with its unit. */
  value: string;
  spread: string;
  bar: string;
  met: boolean;
}

/**
 * Measures the deployment of a stack of its own (names, subnets and state that nobody else has) against a floor program that registers
 * as many resources of the same kinds and does nothing else. Median of 3; what is compared alternates. Resolves to the exit code.
 */
export async function benchDeploy(check: boolean): Promise<number> {
  const cli = await setUp("dev");
  console.log(`\n${cpus().length} cores (${cpus()[0]?.model.trim()}), load before: ${loadavg()[0]?.toFixed(2)}`);
  const prefix = testPrefix("sbc-bench", "deploy");
  const config: Record<string, unknown> = {
    "sbc:name": prefix,
    "sbc:domain": "sip.example.test",
    "sbc:subscribers": [{ name: "alice" }, { name: "bob" }],
    "sbc:networks": { sbc: "10.86.0.0/24", monitoring: "10.87.0.0/24", data: "10.88.0.0/24" },
    "sbc:edge": { ports: { udp: 0, tcp: 0, tls: 0 } },
  };
  const texts = Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
  const { types } = await runUnderMonitor({
    directory: root,
    node: process.execPath,
    nodeArgs,
    config: texts,
    stack: "bench",
  });
  const floorConfig = { "floor:image": baseImage, "floor:kinds": Object.fromEntries(types) };
  const floorTexts = { "floor:image": baseImage, "floor:kinds": JSON.stringify(Object.fromEntries(types)) };
  const floorFolder = join(import.meta.dirname, "floor");
  console.log(`${[...types.values()].reduce((sum, count) => sum + count, 0)} resources\n`);

  await using sbc = BenchStack.create(cli, root, "bench", config);
  await using floor = BenchStack.create(cli, floorFolder, "floor", floorConfig);
  const times = {
    sbcProgram: [],
    floorProgram: [],
    sbcPreview: [],
    floorPreview: [],
    up: [],
    sbcSame: [],
    floorSame: [],
  } as Record<string, number[]>;
  const measure = async (name: string, action: () => Promise<number>) => void times[name]?.push(await action());

  for (let round = 0; round < rounds; round++) {
    const run = (directory: string, values: Record<string, string>) => async () =>
      (await runUnderMonitor({ directory, node: process.execPath, nodeArgs, config: values, stack: "bench" }))
        .lastRegistrationMs;
    await measure("sbcProgram", run(root, texts));
    await measure("floorProgram", run(floorFolder, floorTexts));
  }
  for (let round = 0; round < rounds; round++) {
    await measure("sbcPreview", () => sbc.pulumi("preview"));
    await measure("floorPreview", () => floor.pulumi("preview"));
  }
  // Images are built by the first, which is not counted.
  await sbc.pulumi("up", "--yes", "--skip-preview");
  for (let round = 0; round < rounds; round++) {
    await sbc.pulumi("destroy", "--yes", "--skip-preview");
    await measure("up", () => sbc.pulumi("up", "--yes", "--skip-preview"));
  }
  await floor.pulumi("up", "--yes", "--skip-preview");
  for (let round = 0; round < rounds; round++) {
    await measure("sbcSame", () => sbc.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes"));
    await measure("floorSame", () => floor.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes"));
  }
  await sleep(10_000);
  const memory = memoryOf(`${prefix}-`);

  const up = times["up"] ?? [];
  const figures: Figure[] = [
    {
      what: "up from nothing, images built",
      value: `${seconds(median(up))} s`,
      spread: spread(up),
      bar: "≤ 30 s",
      met: median(up) <= 30_000,
    },
    ratio("preview of the new stack", times["sbcPreview"] ?? [], times["floorPreview"] ?? [], 1.3),
    ratio("up with no change", times["sbcSame"] ?? [], times["floorSame"] ?? [], 1.3),
    ratio("program to its last registration", times["sbcProgram"] ?? [], times["floorProgram"] ?? [], 1.2),
    {
      what: "idle memory of all containers",
      value: `${memory.toFixed(0)} MiB`,
      spread: "one reading",
      bar: "≤ 400 MiB",
      met: memory <= 400,
    },
  ];
  for (const { what, value, spread: range, bar, met } of figures) {
    console.log(`${met ? "met   " : "MISSED"} ${what.padEnd(34)} ${value.padEnd(26)} ${bar.padEnd(11)} ${range}`);
  }
  console.log(`load after: ${loadavg()[0]?.toFixed(2)}`);
  return check && figures.some(({ met }) => !met) ? 1 : 0;
}

function ratio(what: string, own: readonly number[], floor: readonly number[], bar: number): Figure {
  const value = median(own) / median(floor);
  return {
    what,
    value: `${value.toFixed(2)} × (${seconds(median(own))} s / ${seconds(median(floor))} s)`,
    spread: `${spread(own)} / ${spread(floor)}`,
    bar: `≤ ${bar} ×`,
    met: value <= bar,
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? NaN;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}

function spread(values: readonly number[]): string {
  return `${seconds(Math.min(...values))}–${seconds(Math.max(...values))} s`;
}

/** MiB of all running containers whose names start so, without the page cache. */
function memoryOf(prefix: string): number {
  const { stdout } = capture("docker", ["stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}"]);
  const factors: Record<string, number> = { B: 1 / 1024 ** 2, KiB: 1 / 1024, MiB: 1, GiB: 1024 };
  return stdout
    .split("\n")
    .filter((line) => line.startsWith(prefix))
    .reduce((sum, line) => {
      const [, amount = "0", unit = "MiB"] = / ([\d.]+)([KMG]?i?B) /.exec(line) ?? [];
      return sum + Number(amount) * (factors[unit] ?? 1);
    }, 0);
}

/** A stack with a back end and a configuration in a temporary folder. */
class BenchStack implements AsyncDisposable {
  readonly #cli: Cli;
  readonly #project: string;
  readonly #name: string;
  readonly #folder: string;

  private constructor(cli: Cli, project: string, name: string, folder: string) {
    this.#cli = cli;
    this.#project = project;
    this.#name = name;
    this.#folder = folder;
  }

  static create(cli: Cli, project: string, name: string, config: Record<string, unknown>): BenchStack {
    const stack = new BenchStack(cli, project, name, mkdtempSync(join(tmpdir(), "sbc-bench-")));
    mkdirSync(join(stack.#folder, "state"));
    copyFileSync(join(project, "Pulumi.yaml"), join(stack.#folder, "Pulumi.yaml"));
    // JSON is YAML; init adds the salt.
    writeFileSync(stack.#configFile, JSON.stringify({ config }));
    const made = capture(cli.path, ["stack", "init", name, "--no-select", "--cwd", stack.#folder], {
      env: stack.#environment,
    });
    if (made.code !== 0) throw new UserError(`bench: pulumi stack init failed: ${made.stderr}`);
    return stack;
  }

  get #configFile(): string {
    return join(this.#folder, `Pulumi.${this.#name}.yaml`);
  }

  get #environment(): Record<string, string | undefined> {
    return {
      ...pulumiEnvironment(this.#cli, this.#name),
      PULUMI_BACKEND_URL: `file://${join(this.#folder, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "bench",
      PULUMI_CONFIG_PASSPHRASE_FILE: undefined,
    };
  }

  /** Runs a command and resolves to its milliseconds. */
  async pulumi(command: string, ...flags: string[]): Promise<number> {
    const where = [
      "--stack",
      this.#name,
      "--cwd",
      this.#project,
      "--config-file",
      this.#configFile,
      "--non-interactive",
    ];
    const started = performance.now();
    const child = spawn(this.#cli.path, [command, ...flags, ...where], {
      env: { ...process.env, ...this.#environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    if (code !== 0) throw new UserError(`bench: pulumi ${command} of ${this.#name} ended with ${code}:\n${output}`);
    return performance.now() - started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pulumi("destroy", "--yes", "--skip-preview");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
