import { median, pairedRatios, spread } from "../sip/figures.ts";

/** A bar, and what was measured. */
export interface Bar {
  what: string;
  /** The figure that is judged. */
  value: number;
  most: number;
  unit: string;
  digits: number;
  /** How many readings, their range, what is behind them. */
  detail: string;
}

/** @returns whether the figure keeps its bar; what is no number does not. */
export const isMet = ({ value, most }: Pick<Bar, "value" | "most">): boolean => value <= most;

/** One line of the result. */
export function renderBar(bar: Bar): string {
  const { what, value, most, unit, digits, detail } = bar;
  const text = `${value.toFixed(digits)} ${unit}`;
  return `${isMet(bar) ? "met   " : "MISSED"} ${what.padEnd(44)} ${text.padEnd(12)} ≤ ${`${most} ${unit}`.padEnd(10)} ${detail}`;
}

/** Processor microseconds of Kamailio's container for a call, with what is to be judged and without it, of readings that took turns. */
export function costBar(what: string, own: readonly number[], off: readonly number[], most: number): Bar {
  const ratios = pairedRatios(own, off);
  return {
    what,
    value: median(ratios),
    most,
    unit: "×",
    digits: 2,
    detail: `${ratios.length} pairs, ${spread(ratios)}; ${median(own).toFixed(0)} µs, without ${median(off).toFixed(0)} µs`,
  };
}
