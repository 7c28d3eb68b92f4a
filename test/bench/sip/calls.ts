import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../../scripts/run.ts";
import { waitFor } from "../../sip/agent.ts";
import { highestRate, median, percentile } from "./figures.ts";
import type { LoadResult } from "./load.ts";
import {
  checked,
  control,
  holds,
  idleTime,
  kib,
  processorTime,
  settled,
  sharedMemory,
  usage,
  type Side,
} from "./sides.ts";
import { inTurn, load, type Figure } from "./turns.ts";

/**
 * Calls a second at which processor time is taken: few, where much of it goes into waking processes on every side, and about the share of the
 * default's highest rate (four tenths) at which it is taken of registrations.
 */
const fixedRates = [120, 500] as const;
const range = { low: 200, high: 2000, step: 100 };
/** Until the last records of a run are in the database: the edge writes four times a second, the default before it answers. */
const recordsMs = 1000;

interface Readings {
  /** By the rate of {@link fixedRates}. */
  cpu: Map<number, number[]>;
  rate: number[];
  delay: number[];
  records: number;
  idle: number;
}

/**
 * Figures of calls with digest, dialog and records, without media.
 * @param lean the edge without `edge.trunkLogins`, which the default has nothing like: its processor time is measured beside the others'.
 */
export async function benchCalls(ours: Side, other: Side, lean: Side): Promise<Figure[]> {
  const sides = [ours, other];
  const readings = new Map<Side, Readings>();
  for (const side of [...sides, lean]) {
    await checked(side, { scenario: "call", rate: 50, seconds: 4 });
    await settled(side);
    readings.set(side, {
      cpu: new Map(fixedRates.map((rate) => [rate, []])),
      rate: [],
      delay: [],
      records: 0,
      idle: await idleTime(side),
    });
  }
  const of = (side: Side) => readings.get(side) ?? assert.fail(side.name);
  for (const rate of fixedRates) {
    await inTurn([...sides, lean], async (side, round) => {
      const own = of(side);
      const { kamailio, mariadb, seconds, result } = await processorTime(side, async () => {
        const run = await checked(side, { scenario: "call", rate, seconds: 10 });
        await sleep(recordsMs);
        return run;
      });
      const calls = result.successful;
      own.cpu.get(rate)?.push((kamailio + mariadb - own.idle * seconds) / calls);
      own.records += await allRecords(side, result);
      await settled(side);
      console.log(
        `calls at ${rate}/s, round ${round + 1}, ${side.name.padEnd(7)} Kamailio ${(kamailio / calls).toFixed(0)} + MariaDB ${(mariadb / calls).toFixed(0)} − idle ${((own.idle * seconds) / calls).toFixed(0)} µs; load ${load()}`,
      );
    });
  }
  await inTurn(sides, async (side, round) => {
    const own = of(side);
    const rate = await highestRate(range, (tried) =>
      holds(side, { scenario: "call", rate: tried, seconds: 4 }, async (run) => {
        own.records += await allRecords(side, run);
      }),
    );
    own.rate.push(rate);
    console.log(`calls, round ${round + 1}, ${side.name.padEnd(7)} ${rate}/s; load ${load()}`);
  });
  const [own, def] = [of(ours), of(other)];
  const half = Math.max(10, Math.round(median(def.rate) / 2));
  await inTurn([ours, other], async (side) => {
    const run = await checked(side, { scenario: "call", rate: half, seconds: 8 });
    of(side).delay.push(percentile(run.delays, 0.95));
    of(side).records += await allRecords(side, run);
    await settled(side);
  });
  console.log(`every record of an ended call found: ${own.records} of ours, ${def.records} of the default's`);
  await printMemory(ours);
  const cpu = (what: string, side: Side, rate: number) => ({
    what: `call: processor µs at ${rate}/s${what}`,
    own: of(side).cpu.get(rate) ?? [],
    other: def.cpu.get(rate) ?? [],
    ...{ unit: "µs", digits: 0, most: 0.8 },
  });
  return [
    ...fixedRates.flatMap((rate) => [cpu("", ours, rate), cpu(", no trunk log-ins", lean, rate)]),
    { what: "calls/s at 0 failures", own: own.rate, other: def.rate, unit: "/s", digits: 0, least: 1.2 },
    {
      what: `set-up delay p95 at ${half} calls/s`,
      own: own.delay,
      other: def.delay,
      ...{ unit: "ms", digits: 1, most: 1 },
    },
  ];
}

/** Waits for the records of a run, and resolves to how many there are. @throws when one is missing, or there are more. */
async function allRecords(side: Side, run: LoadResult): Promise<number> {
  const wanted = run.successful * side.recordsPerCall;
  let found = 0;
  await waitFor(`${wanted} records of ${side.name}`, async () => (found = await side.records(run)) >= wanted, 20_000);
  if (found > wanted) throw new UserError(`bench: ${found} records of ${run.successful} calls (${side.name})`);
  return found;
}

async function printMemory(side: Side): Promise<void> {
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
  console.log(`100 calls take ${shared} of shared memory; the container grew by ${container} for them`);
}
