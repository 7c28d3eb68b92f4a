import { cpus, loadavg } from "node:os";
import { UserError } from "../../scripts/run.ts";
import { waitFor } from "../sip/agent.ts";
import { highestRate, median, pairedRatios, percentile, spread } from "./sip/figures.ts";
import type { LoadOptions, LoadResult } from "./sip/load.ts";
import { measureRelay } from "./sip/relay.ts";
import {
  control,
  processorTime,
  settled,
  startDefault,
  startOurs,
  subscribers,
  usage,
  type Side,
} from "./sip/sides.ts";
import { soak } from "./sip/soak.ts";

/** Runs of each side, in turn. */
const rounds = 3;
const fixed = {
  register: { scenario: "register", rate: 800, seconds: 8 },
  call: { scenario: "call", rate: 120, seconds: 10 },
} as const satisfies Record<string, LoadOptions>;
const range = {
  register: { low: 500, high: 12_000, step: 500 },
  call: { low: 50, high: 1600, step: 50 },
};

type Figure = {
  what: string;
  own: number[];
  other: number[];
  unit: string;
  digits?: number;
  most?: number;
  least?: number;
};
type Readings = Record<"registerCpu" | "registerRate" | "callCpu" | "callRate" | "delay", number[]> & {
  detail: string[];
};

export interface BenchOptions {
  /** End non-zero when a bar is missed. */
  check: boolean;
  /** Also ten minutes of steady load, for memory. */
  soak: boolean;
}

/**
 * Measures the edge against Kamailio's own default configuration with the features of ours that it has: same images, same database, same load,
 * same memory, in turn. Resolves to the exit code.
 */
export async function benchSip({ check, soak: withSoak }: BenchOptions): Promise<number> {
  console.log(`${cpus().length} cores (${cpus()[0]?.model.trim()}), load before: ${load()}`);
  console.log(
    `${rounds} rounds of each side in turn; ${subscribers} subscribers; far end, phones, database and Kamailio share the cores\n`,
  );
  await using ours = await startOurs();
  await using other = await startDefault();
  const sides = [ours, other];
  const readings = new Map<Side, Readings>(sides.map((side) => [side, emptyReadings()]));
  const of = (side: Side) => readings.get(side) ?? emptyReadings();

  // Not counted: it makes every subscriber's contact, fills caches, and starts what starts late.
  const empty = await sharedMemory(ours);
  for (const side of sides) {
    await side.load.run({ scenario: "register", rate: 1000, seconds: subscribers / 1000 });
    if (side === ours)
      console.log(
        `memory of 1,000 registrations: ${kib(((await sharedMemory(ours)) - empty) / (subscribers / 1000))} of shared memory`,
      );
    await side.load.run({ scenario: "call", rate: 50, seconds: 4 });
    await settled(side);
  }
  for (let round = 0; round < rounds; round++) {
    // Each side is the first one now and then.
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      await measureCpu(side, of(side));
      await measureRates(side, of(side));
      console.log(`round ${round + 1}, ${side.name.padEnd(7)} ${last(of(side))}  load ${load()}`);
    }
  }
  const half = Math.max(10, Math.round(median(of(other).callRate) / 2));
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const run = await checked(side, { scenario: "call", rate: half, seconds: 8 });
      of(side).delay.push(percentile(run.delays, 0.95));
      await settled(side);
    }
  }
  const relay = await measureRelay(rounds);
  const [own, def] = [of(ours), of(other)];
  const figures: Figure[] = [
    {
      what: "registration: processor µs",
      own: own.registerCpu,
      other: def.registerCpu,
      unit: "µs",
      digits: 0,
      most: 0.5,
    },
    {
      what: "registrations/s at 0 failures",
      own: own.registerRate,
      other: def.registerRate,
      unit: "/s",
      digits: 0,
      least: 1.8,
    },
    { what: "call: processor µs", own: own.callCpu, other: def.callCpu, unit: "µs", digits: 0, most: 0.8 },
    { what: "calls/s at 0 failures", own: own.callRate, other: def.callRate, unit: "/s", digits: 0, least: 1.2 },
    { what: `set-up delay p95 at ${half} calls/s`, own: own.delay, other: def.delay, unit: "ms", digits: 1, most: 1 },
    { what: "RTP: processor µs per packet", own: relay.stack, other: relay.bare, unit: "µs", digits: 2, most: 1.05 },
  ];
  console.log(`\n       what                               ratio            ours (median, spread)         default`);
  const missed = figures.filter((figure) => !print(figure));
  console.log(`\nevery call record found: ${own.detail.join(" ")}; the default's: ${def.detail.join(" ")}`);
  await printCallMemory(ours);
  const level = !withSoak || (await soak(ours));
  console.log(`load after: ${load()}`);
  return check && (missed.length > 0 || !level) ? 1 : 0;
}

const load = () => loadavg()[0]?.toFixed(2);
const emptyReadings = (): Readings => ({
  registerCpu: [],
  registerRate: [],
  callCpu: [],
  callRate: [],
  delay: [],
  detail: [],
});
const last = (readings: Readings) =>
  (["registerCpu", "registerRate", "callCpu", "callRate"] as const)
    .map((key) => `${key} ${readings[key].at(-1)?.toFixed(0)}`)
    .join(", ");

/** Ratio of the medians of paired runs, printed with its bar. */
function print({ what, own, other, unit, digits, most, least }: Figure): boolean {
  const ratios = pairedRatios(own, other);
  const ratio = median(ratios);
  const met = (most === undefined || ratio <= most) && (least === undefined || ratio >= least);
  const bar = most === undefined ? `≥ ${least}` : `≤ ${most}`;
  const column = (values: number[]) => `${median(values).toFixed(digits)} ${unit} (${spread(values, digits)})`;
  console.log(
    `${met ? "met   " : "MISSED"} ${what.padEnd(34)} ${ratio.toFixed(2)} × (${bar}; ${spread(ratios)})  ${column(own).padEnd(30)} ${column(other)}`,
  );
  return met;
}

/** A run in which nothing may fail. */
async function checked(side: Side, options: LoadOptions): Promise<LoadResult> {
  const run = await side.load.run(options);
  if (run.failed > 0) {
    throw new UserError(
      `bench: ${run.failed} of ${options.rate * options.seconds} ${options.scenario}s failed at ${options.rate}/s (${side.name})`,
    );
  }
  return run;
}

async function measureCpu(side: Side, readings: Readings): Promise<void> {
  const registrations = await processorTime(side, async () => {
    const run = await checked(side, fixed.register);
    // What is written back later belongs to it.
    await control(side, "ul.flush");
    return run;
  });
  readings.registerCpu.push((registrations.kamailio + registrations.mariadb) / registrations.result.successful);
  await settled(side);
  const calls = await processorTime(side, async () => {
    const run = await checked(side, fixed.call);
    await allRecords(side, run);
    return run;
  });
  readings.callCpu.push((calls.kamailio + calls.mariadb) / calls.result.successful);
  readings.detail.push(`${calls.result.successful}/${calls.result.successful}`);
  await settled(side);
}

/** Waits for the records of a run. @throws when one is missing. */
async function allRecords(side: Side, run: LoadResult): Promise<void> {
  const wanted = run.successful * side.recordsPerCall;
  let found = 0;
  await waitFor(`${wanted} records of ${side.name}`, async () => (found = await side.records(run)) >= wanted, 20_000);
  if (found > wanted) throw new UserError(`bench: ${found} records of ${run.successful} calls (${side.name})`);
}

async function measureRates(side: Side, readings: Readings): Promise<void> {
  const holds = (scenario: LoadOptions["scenario"]) => async (rate: number) => {
    const run = await side.load.run({ scenario, rate, seconds: 4 });
    await settled(side);
    return run.failed === 0 && run.achieved >= 0.9 * rate;
  };
  readings.registerRate.push(await highestRate(range.register, holds("register")));
  readings.callRate.push(await highestRate(range.call, holds("call")));
}

/** Bytes of shared memory that are in use. */
export async function sharedMemory(side: Side): Promise<number> {
  const used = Number(/used: (\d+)/.exec(await control(side, "core.shmmem"))?.[1]);
  if (!Number.isFinite(used)) throw new Error("Kamailio does not say how much shared memory is in use");
  return used;
}

const kib = (bytes: number) => `${(bytes / 1024).toFixed(0)} KiB`;

async function printCallMemory(side: Side): Promise<void> {
  const calls = 200;
  const both = async () => [await sharedMemory(side), (await usage(side.kamailio)).memory] as const;
  const before = await both();
  const run = side.load.run({ scenario: "call", rate: 100, seconds: calls / 100, holdMs: 10_000 });
  await waitFor(
    `${calls} calls`,
    async () => /^\s*ongoing: 200$/m.test(await control(side, "dlg.stats_active")),
    20_000,
  );
  const during = await both();
  await run;
  await settled(side);
  const [shared, container] = during.map((value, index) => kib(((value - (before[index] ?? 0)) / calls) * 100));
  console.log(`memory of 100 calls: ${shared} of shared memory; the container grew by ${container} for them`);
}
