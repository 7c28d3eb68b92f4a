/** `v3.259.0-dev.1` → [3, 259, 0]; what is no version → undefined. */
export function parseVersion(text: string): [number, number, number] | undefined {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)] : undefined;
}

/** True when `version` is `floor` or newer. */
export function atLeast(version: string, floor: string): boolean {
  const [left, right] = [parseVersion(version), parseVersion(floor)];
  if (!left || !right) return false;
  for (const index of [0, 1, 2] as const) {
    if (left[index] !== right[index]) return left[index] > right[index];
  }
  return true;
}
