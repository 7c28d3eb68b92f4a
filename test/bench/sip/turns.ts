import { loadavg } from "node:os";
import type { Side } from "./sides.ts";

/** Runs of each side, in turn. */
export const rounds = 3;

/** A figure of two sides, round by round, and the bar for its ratio. */
export interface Figure {
  what: string;
  own: number[];
  other: number[];
  unit: string;
  digits: number;
  most?: number;
  least?: number;
}

export const load = () => loadavg()[0]?.toFixed(2);

/** All sides of each round; who is the first one changes. */
export async function inTurn(sides: readonly Side[], measure: (side: Side, round: number) => Promise<void>) {
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) await measure(side, round);
  }
}
