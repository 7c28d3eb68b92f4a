import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../../scripts/run.ts";
import { highestRate } from "./figures.ts";
import type { LoadOptions } from "./load.ts";
import { checked, holds, idleTime, kib, processorTime, sharedMemory, subscribers, type Side } from "./sides.ts";
import { inTurn, load, type Figure } from "./turns.ts";

/** Each subscriber once: each registration is one row to be written back, on both sides. */
const fixed = { scenario: "register", rate: 2000, seconds: subscribers / 2000 } as const satisfies LoadOptions;
const range = { low: 500, high: 12_000, step: 250 };

interface Readings {
  cpu: number[];
  rate: number[];
  idle: number;
}

/** Figures of registrations with digest. */
export async function benchRegistrations(ours: Side, other: Side): Promise<Figure[]> {
  const sides = [ours, other];
  const readings = new Map<Side, Readings>();
  for (const side of sides) {
    const empty = await sharedMemory(side);
    // Not counted: it makes every subscriber's contact, fills caches, and starts what starts late.
    await checked(side, fixed);
    const each = ((await sharedMemory(side)) - empty) / (subscribers / 1000);
    console.log(`${side.name}: 1,000 registrations take ${kib(each)} of shared memory`);
    await sleep(side.writeBackMs);
    readings.set(side, { cpu: [], rate: [], idle: await idleTime(side) });
  }
  const of = (side: Side) => readings.get(side) ?? { cpu: [], rate: [], idle: 0 };
  await inTurn(sides, async (side, round) => {
    const own = of(side);
    const { kamailio, mariadb, seconds } = await processorTime(side, async () => {
      await checked(side, fixed);
      // What is written back later belongs to it.
      await sleep(side.writeBackMs);
    });
    const age = Math.ceil(seconds) + 1;
    const written = await side.registrationsWritten(age);
    if (written < subscribers) throw new UserError(`bench: ${written} of ${subscribers} rows written (${side.name})`);
    own.cpu.push((kamailio + mariadb - own.idle * seconds) / subscribers);
    const rate = await highestRate(range, (tried) => holds(side, { scenario: "register", rate: tried, seconds: 4 }));
    own.rate.push(rate);
    console.log(
      `registrations, round ${round + 1}, ${side.name.padEnd(7)} Kamailio ${(kamailio / subscribers).toFixed(0)} + MariaDB ${(mariadb / subscribers).toFixed(0)} − idle ${((own.idle * seconds) / subscribers).toFixed(0)} µs, ${rate}/s; load ${load()}`,
    );
  });
  const [own, def] = [of(ours), of(other)];
  const [cpu, rate] = ["registration: processor µs", "registrations/s at 0 failures"];
  return [
    { what: cpu, own: own.cpu, other: def.cpu, unit: "µs", digits: 0, most: 0.5 },
    { what: rate, own: own.rate, other: def.rate, unit: "/s", digits: 0, least: 1.8 },
  ];
}
