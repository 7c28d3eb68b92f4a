const unitNanoseconds: Readonly<Record<string, number>> = { h: 3600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3, ns: 1 };

/** Nanoseconds of a duration as Go writes it (`30s`, `1m0s`, `500ms`); `undefined` when it is none. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(\d+(\.\d+)?(h|ms|m|s|us|ns))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|ns)/g)];
  return parts.reduce((sum, [, count, unit = "ns"]) => sum + Number(count) * (unitNanoseconds[unit] ?? 0), 0);
}
