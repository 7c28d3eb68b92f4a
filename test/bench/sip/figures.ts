/** Arithmetic of the benchmarks: no clock, no process. */

/** Middle value; of an even count the mean of the two in the middle. @throws when there is none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new Error("no values to take the median of");
  return (upper + lower) / 2;
}

/** The value that a share (0 … 1) of all values does not exceed (nearest rank). @throws when there is none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new Error("no values to take a percentile of");
  return value;
}

/** Smallest and largest value, as text. */
export function spread(values: readonly number[], digits = 2): string {
  return `${Math.min(...values).toFixed(digits)} … ${Math.max(...values).toFixed(digits)}`;
}

/** Ratios of runs that were made in turn, one of each side per round: what disturbs a round disturbs both. */
export function pairedRatios(own: readonly number[], other: readonly number[]): number[] {
  if (own.length !== other.length) throw new Error("the two sides have not run equally often");
  return own.map((value, round) => value / (other[round] ?? NaN));
}

/**
 * The highest rate that `holds`, between `low` (which has to hold, or 0 is returned) and `high`, to within `step`: by halves, so the number of
 * tries is bounded by the logarithm of the range.
 */
export async function highestRate(
  { low, high, step }: { low: number; high: number; step: number },
  holds: (rate: number) => Promise<boolean>,
): Promise<number> {
  if (!(await holds(low))) return 0;
  let [good, bad] = [low, high + step];
  while (bad - good > step) {
    const rate = Math.round((good + bad) / 2 / step) * step;
    if (rate === good || rate === bad) break;
    if (await holds(rate)) good = rate;
    else bad = rate;
  }
  return good;
}

/**
 * Whether readings taken at equal distances stay level: the mean of their last quarter against that of the second (the first is the warm-up), which
 * may be higher by a share and, for what is small, by a constant.
 */
export function isFlat(readings: readonly number[], { share, least }: { share: number; least: number }): boolean {
  const quarter = Math.floor(readings.length / 4);
  if (quarter === 0) throw new Error("too few readings to tell whether they are flat");
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const early = mean(readings.slice(quarter, 2 * quarter));
  return mean(readings.slice(-quarter)) <= Math.max(early * (1 + share), early + least);
}
