import { isDeepStrictEqual } from "node:util";
import type { AnyProperties } from "./properties.ts";
import { hasUnknown } from "./unknown.ts";

/** One difference between two sets of inputs, at the deepest place where they differ. */
export interface Difference {
  /** Property path in the engine's syntax, such as `labels[0].value`. */
  readonly path: string;
  readonly kind: "add" | "delete" | "update";
  readonly replace: boolean;
}

type Values = Readonly<Record<string, unknown>>;

/** What changed from `olds` to `news`, by the rules in `properties`. A value that is unknown counts as changed. */
export function difference(properties: AnyProperties, olds: Values, news: Values): Difference[] {
  return Object.entries(properties).flatMap(([name, property]) => {
    if (property === false) return [];
    const before = effective(olds[name], property.default);
    const after = effective(news[name], property.default);
    if (after === undefined && property.computed) return [];
    if (property.set && sameMembers(before, after)) return [];
    return leaves(name, before, after).map((leaf) => ({ ...leaf, replace: property.change === "replace" }));
  });
}

/** An empty list or map means the same as none, as in the official schema. */
function effective(value: unknown, fallback: unknown): unknown {
  const isEmpty = typeof value === "object" && (value === null || Object.keys(value).length === 0);
  return value === undefined || isEmpty ? fallback : value;
}

function sameMembers(before: unknown, after: unknown): boolean {
  if (!Array.isArray(before) || !Array.isArray(after) || hasUnknown(after)) return false;
  return isDeepStrictEqual(sorted(before), sorted(after));
}

function sorted(list: readonly unknown[]): unknown[] {
  return list
    .map((item) => ({ item, key: JSON.stringify(item, sortKeys) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ item }) => item);
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function leaves(path: string, before: unknown, after: unknown): Omit<Difference, "replace">[] {
  if (before === undefined) return after === undefined ? [] : [{ path, kind: "add" }];
  if (after === undefined) return [{ path, kind: "delete" }];
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }).flatMap((_, index) => leaves(`${path}[${index}]`, before[index], after[index]));
  }
  if (isRecord(before) && isRecord(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => leaves(`${path}${segment(key)}`, before[key], after[key]));
  }
  return !hasUnknown(after) && isDeepStrictEqual(before, after) ? [] : [{ path, kind: "update" }];
}

function isRecord(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function segment(key: string): string {
  return /^[A-Za-z_]\w*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
