/**
 * The numbers of a version: `mr13.4.1.1` → 13, 4, 1, 1; Debian's `1:22.10.1~dfsg-2` → 22, 10, 1. Undefined for what is no
 * version, such as the hash of a build context or `latest`.
 */
export function parseVersion(text: string): readonly number[] | undefined {
  const match = /^(?:\d+:)?(?:v|mr)?(\d+(?:\.\d+)+)(?![0-9a-f])/.exec(text);
  return match?.[1]?.split(".").map(Number);
}

/** Is a version below the floor of its line? A line is a major number; below the lowest line everything is too old. */
export function isBelowFloor(version: readonly number[], floors: readonly string[]): boolean {
  const lines = floors.map((floor) => floor.split(".").map(Number)).sort(compareVersions);
  const line = lines.findLast((floor) => (floor[0] ?? 0) <= (version[0] ?? 0));
  if (line === undefined) return true;
  // Between two maintained lines (21 of 20 and 22) no fix was published; above the highest one all fixes are in.
  if (line[0] !== version[0]) return line !== lines.at(-1);
  return compareVersions(version, line) < 0;
}

/** Negative when `a` is older than `b`; missing numbers count as 0. */
export function compareVersions(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
