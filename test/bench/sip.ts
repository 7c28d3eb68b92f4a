import { cpus } from "node:os";
import { benchCalls } from "./sip/calls.ts";
import { median, pairedRatios, spread } from "./sip/figures.ts";
import { measureRelay } from "./sip/relay.ts";
import { benchRegistrations } from "./sip/registrations.ts";
import { startDefault, startLean, startOurs, subscribers } from "./sip/sides.ts";
import { soak } from "./sip/soak.ts";
import { load, rounds, type Figure } from "./sip/turns.ts";

export const benchParts = ["registrations", "calls", "media", "soak"] as const;
export type BenchPart = (typeof benchParts)[number];

export interface BenchOptions {
  /** End non-zero when a bar is missed. */
  check: boolean;
  /** What to measure; nothing: all but the soak. */
  parts: readonly BenchPart[];
}

/**
 * Measures the edge against Kamailio's own default configuration with the features of ours that it has: same images, same database, same load,
 * same memory, in turn. Resolves to the exit code.
 */
export async function benchSip({ check, parts }: BenchOptions): Promise<number> {
  const wanted = (part: BenchPart) => (parts.length === 0 ? part !== "soak" : parts.includes(part));
  console.log(`${cpus().length} cores (${cpus()[0]?.model.trim()}), load before: ${load()}`);
  console.log(
    `${rounds} rounds of each side in turn; ${subscribers} subscribers; Kamailio and database have the first core, phones and far end the others\n`,
  );
  const figures: Figure[] = [];
  // Each part with edges of its own: what the default does once a minute for thousands of contacts is no part of a call, and too uneven to be taken off.
  if (wanted("registrations")) {
    await using ours = await startOurs();
    await using other = await startDefault();
    figures.push(...(await benchRegistrations(ours, other)));
  }
  if (wanted("calls")) {
    await using ours = await startOurs();
    await using other = await startDefault();
    await using lean = await startLean();
    figures.push(...(await benchCalls(ours, other, lean)));
  }
  if (wanted("media")) {
    const { stack, bare } = await measureRelay(rounds);
    figures.push({ what: "RTP: processor µs per packet", own: stack, other: bare, unit: "µs", digits: 2, most: 1.05 });
  }
  console.log(
    `\n       what                                     ratio            ours (median, spread)         default`,
  );
  const missed = figures.filter((figure) => !print(figure));
  let level = true;
  if (wanted("soak")) {
    await using ours = await startOurs();
    level = await soak(ours);
  }
  console.log(`load after: ${load()}`);
  return check && (missed.length > 0 || !level) ? 1 : 0;
}

/** Ratio of the medians of paired runs, printed with its bar. */
function print({ what, own, other, unit, digits, most, least }: Figure): boolean {
  const ratios = pairedRatios(own, other);
  const ratio = median(ratios);
  const met = (most === undefined || ratio <= most) && (least === undefined || ratio >= least);
  const bar = most === undefined ? `≥ ${least}` : `≤ ${most}`;
  const column = (values: number[]) => `${median(values).toFixed(digits)} ${unit} (${spread(values, digits)})`;
  console.log(
    `${met ? "met   " : "MISSED"} ${what.padEnd(40)} ${ratio.toFixed(2)} × (${bar}; ${spread(ratios)})  ${column(own).padEnd(30)} ${column(other)}`,
  );
  return met;
}
