import { cpus, loadavg } from "node:os";
import { environments, readConfig } from "../../policy/configuration.ts";
import { rules } from "../../policy/registry.ts";
import { recordEnvironment } from "../../policy/tools/program.ts";
import { ScenarioStack } from "../policy/cli.ts";
import { PackProcess } from "../policy/pack-process.ts";

const rounds = 5;
/** The kernel counts processor time in steps of 10 ms, so several runs are counted together. */
const runs = 10;
const bars = { addedSeconds: 1.5, millisecondsPer100: 50, falsePositives: 0 };

/**
 * Measures what the policy pack costs: seconds that it adds to a preview of 100 resources by the real CLI (with and without it in turn,
 * median of the differences), milliseconds of processor time per 100 resources of this repository's program once the pack is loaded, and
 * findings over that program as dev and as prod, which keep every rule. Resolves to the exit code.
 */
export async function benchPolicy(check: boolean): Promise<number> {
  console.log(`${cpus().length} cores (${cpus()[0]?.model.trim()}), load before: ${loadavg()[0]?.toFixed(2)}`);
  const added = await addedToPreview();
  const judged = await judging();
  const figures = [
    {
      what: "added to a preview of 100 resources",
      value: median(added) / 1000,
      unit: "s",
      bar: bars.addedSeconds,
      all: added,
    },
    {
      what: "judging 100 resources, processor",
      value: median(judged),
      unit: "ms",
      bar: bars.millisecondsPer100,
      all: judged,
    },
  ];
  const wrong = await falsePositives();
  for (const { what, value, unit, bar, all } of figures) {
    const spread = `${Math.min(...all).toFixed(0)} to ${Math.max(...all).toFixed(0)} ms`;
    console.log(
      `${value <= bar ? "met   " : "MISSED"} ${what.padEnd(36)} ${`${value.toFixed(2)} ${unit}`.padEnd(10)} ≤ ${bar} ${unit.padEnd(3)} ${spread}`,
    );
  }
  const none = wrong.length <= bars.falsePositives;
  console.log(`${none ? "met   " : "MISSED"} ${"false positives, dev and prod".padEnd(36)} ${wrong.length}`);
  for (const text of wrong) console.log(`       ${text}`);
  console.log(`load after: ${loadavg()[0]?.toFixed(2)}`);
  return check && !(none && figures.every(({ value, bar }) => value <= bar)) ? 1 : 0;
}

async function falsePositives(): Promise<string[]> {
  const pack = await PackProcess.start();
  const found: string[] = [];
  try {
    for (const environment of environments) {
      await pack.configure(rules, readConfig(environment));
      for (const { rule, urn } of await pack.analyze(await recordEnvironment(environment, "full")))
        found.push(`${environment}: ${rule} at ${urn?.split("::").at(-1) ?? "the stack"}`);
    }
  } finally {
    await pack.stop();
  }
  return found;
}

async function addedToPreview(): Promise<number[]> {
  const stack = await ScenarioStack.create();
  const differences: number[] = [];
  try {
    process.env["SCENARIO_SERVICES"] = "94";
    // Not counted: it fills the caches of the file system.
    await stack.preview([]);
    for (let round = 0; round < rounds; round += 1) {
      const without = await stack.preview([], null);
      const under = await stack.preview([]);
      for (const { code, output } of [without, under])
        if (code !== 0) throw new Error(`the preview failed:\n${output}`);
      differences.push(under.milliseconds - without.milliseconds);
    }
  } finally {
    delete process.env["SCENARIO_SERVICES"];
    await stack.remove();
  }
  return differences;
}

async function judging(): Promise<number[]> {
  const resources = await recordEnvironment("dev");
  const pack = await PackProcess.start();
  const times: number[] = [];
  try {
    await pack.configure(rules, readConfig("dev"));
    await pack.analyze(resources);
    for (let round = 0; round < rounds; round += 1) {
      const before = pack.processorTime();
      for (let run = 0; run < runs; run += 1) await pack.analyze(resources);
      times.push(((pack.processorTime() - before) / runs / resources.length) * 100);
    }
  } finally {
    await pack.stop();
  }
  return times;
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? NaN;
}
