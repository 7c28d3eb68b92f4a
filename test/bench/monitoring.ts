import assert from "node:assert/strict";
import { cpus, loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { prometheusDefaults } from "../../configs/prometheus/index.ts";
import { prometheusBars } from "../support/front-door.ts";
import { costBar, isMet, renderBar, type Bar } from "./monitoring/cost.ts";
import { WatchedEdge } from "./monitoring/edges.ts";
import { measureLight } from "./monitoring/light.ts";
import { median, percentile, spread } from "./sip/figures.ts";
import type { LoadOptions } from "./sip/load.ts";
import { checked, settled, subscribers, usage } from "./sip/sides.ts";

const calls = { scenario: "call", rate: 120, seconds: 120 } as const satisfies LoadOptions;
/** Milliseconds of each reading with copies, and of each without. */
const windowMs = 2000;
/** Scrapes whose processor time is counted, and those whose time is taken. */
const scrapes = { counted: 300, timed: 20 };

/**
 * Measures what monitoring costs the edge, and what it takes itself. Resolves to the exit code: 1 when a bar is missed and `check` is set.
 */
export async function benchMonitoring(check: boolean): Promise<number> {
  const load = () => loadavg()[0]?.toFixed(2);
  console.log(`${cpus().length} cores (${cpus()[0]?.model.trim()}), load before: ${load()}\n`);
  let met = true;
  for (const measure of [edgeBars, lightBars]) {
    for (const bar of await measure()) {
      console.log(renderBar(bar));
      met &&= isMet(bar);
    }
  }
  console.log(`load after: ${load()}`);
  return check && !met ? 1 : 0;
}

/** One edge under steady calls. Two edges would differ by more than what watching costs, wherever their memory lies. */
async function edgeBars(): Promise<Bar[]> {
  console.log(
    `one edge on a loopback device, ${calls.rate} calls/s without media for ${calls.seconds} s; copies are switched on and off every ${windowMs / 1000} s.\n` +
      "The collector of HEP is a stand-in that reads and counts.",
  );
  await using edge = await WatchedEdge.start();
  await edge.copy(false);
  // Not counted: it fills caches, and starts what starts late.
  await checked(edge, { ...calls, seconds: 5 });
  await settled(edge);
  const scrapeCpu = await edge.scrapesCpu(scrapes.counted);
  const { off, copied, copies } = await callCosts(edge);
  console.log(`${copies.toFixed(1)} copies of a call arrived at the collector`);
  const between = prometheusDefaults.scrapeSeconds * calls.rate * median(off);
  return [
    {
      what: "scrapes, without HEP: processor of Kamailio",
      value: 1 + scrapeCpu / between,
      most: 1.03,
      unit: "×",
      digits: 4,
      detail: `${scrapes.counted} scrapes, ${scrapeCpu.toFixed(0)} µs each, one for the calls of ${prometheusDefaults.scrapeSeconds} s`,
    },
    costBar("HEP of every message: processor of Kamailio", copied, off, 1.1),
    await scrapeBar(edge),
  ];
}

/** Processor microseconds of a call with copies and without, in readings that take turns while the calls go on. */
async function callCosts(edge: WatchedEdge): Promise<{ off: number[]; copied: number[]; copies: number }> {
  const readings = { off: [] as number[], copied: [] as number[] };
  const before = await edge.copies();
  let seconds = 0;
  const started = performance.now();
  let over = false;
  const run = checked(edge, calls).finally(() => (over = true));
  // SIPp begins a little later, and has to be still at it at the end of a reading.
  await sleep(3000);
  while (!over && performance.now() - started < calls.seconds * 1000 - 2 * (windowMs + 1000)) {
    const first = readings.off.length % 2 === 0;
    for (const copy of first ? [false, true] : [true, false]) {
      await edge.copy(copy);
      const [from, cpu] = [performance.now(), (await usage(edge.kamailio)).cpu];
      await sleep(windowMs);
      const spent = (await usage(edge.kamailio)).cpu - cpu;
      const took = (performance.now() - from) / 1000;
      (copy ? readings.copied : readings.off).push(spent / (took * calls.rate));
      if (copy) seconds += took;
    }
    await edge.copy(false);
  }
  const { achieved } = await run;
  assert.ok(Math.abs(achieved / calls.rate - 1) < 0.05, `${achieved} calls/s instead of ${calls.rate}`);
  const copies = ((await edge.copies()) - before) / (seconds * calls.rate);
  assert.ok(copies > 10, `${copies} copies of a call: not every message is copied`);
  return { ...readings, copies };
}

async function scrapeBar(edge: WatchedEdge): Promise<Bar> {
  await checked(edge, { scenario: "register", rate: 1000, seconds: subscribers / 1000 });
  await settled(edge);
  const times: number[] = [];
  for (let scrape = 0; scrape < scrapes.timed; scrape++) times.push(await edge.scrape());
  return {
    what: `scrape of Kamailio, ${subscribers} registrations, p95`,
    value: percentile(times, 0.95),
    most: 50,
    unit: "ms",
    digits: 1,
    detail: `${scrapes.timed} scrapes, ${spread(times, 1)}`,
  };
}

async function lightBars(): Promise<Bar[]> {
  console.log("\na stack with two nodes and the light profile, without Grafana, whose image is not there everywhere");
  const { idleMb, perTool, ruleMs, activeSeries } = await measureLight();
  const tools = Object.entries(perTool)
    .toSorted(([, left], [, right]) => right - left)
    .map(([tool, memory]) => `${tool} ${memory.toFixed(0)}`);
  console.log(`idle, MiB without file cache: ${tools.join(", ")}`);
  return [
    {
      what: "light profile without Grafana, idle",
      value: median(idleMb),
      most: 300,
      unit: "MiB",
      digits: 0,
      detail: `${idleMb.length} readings, ${spread(idleMb, 0)}`,
    },
    {
      what: "one evaluation of all rules, the slowest",
      value: Math.max(...ruleMs),
      most: prometheusBars.ruleSeconds.most * 1000,
      unit: "ms",
      digits: 1,
      detail: `${ruleMs.length} evaluations, ${spread(ruleMs, 1)}`,
    },
    {
      what: "active series, two nodes, after calls",
      value: activeSeries,
      most: prometheusBars.activeSeries.most,
      unit: "",
      digits: 0,
      detail: "one reading",
    },
  ];
}
