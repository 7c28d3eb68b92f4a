import type { Unwrap } from "@pulumi/pulumi";
import { isUnknown } from "./unknown.ts";

/** Arguments of an SDK class as a provider receives them: every `Input` resolved. */
export type Plain<Args> = Unwrap<Args>;

/**
 * Which parts of a property a stand-in handles: `true` for a value without known parts (scalar, list of scalars, map),
 * else one entry per field of the official type, `false` where it is not covered. A field that the SDK adds, drops or
 * renames is a compile error here.
 */
export type Coverage<T> = T extends readonly (infer Item)[]
  ? Coverage<Item>
  : T extends object
    ? string extends keyof T
      ? true
      : { readonly [K in keyof T]-?: Coverage<NonNullable<T[K]>> | false }
    : true;

/** How one property of a resource behaves. */
export interface Property<T> {
  /** What a changed value does to a resource that exists. */
  readonly change: "replace" | "update";
  readonly covers: Coverage<T>;
  /** A list whose order means nothing. */
  readonly set?: true;
  /** Value that stands for a missing one. */
  readonly default?: T;
  /** A value that the program leaves out later is kept, not unset ("optional and computed" in the official schema). */
  readonly computed?: true;
}

/** One entry per property of the official type; `false`: not covered, so that using it is an error. */
export type Properties<Inputs> = { readonly [K in keyof Inputs]-?: Property<NonNullable<Inputs[K]>> | false };

/** Properties with their types erased, as the protocol side handles them. */
export type AnyProperties = Readonly<Record<string, AnyProperty | false>>;
type AnyProperty = Omit<Property<unknown>, "covers"> & { readonly covers: AnyCoverage };
type AnyCoverage = boolean | { readonly [field: string]: AnyCoverage };

/** Paths of the values that are set but not covered, such as `mounts[0].volumeOptions.subpath`. */
export function uncoveredPaths(properties: AnyProperties, inputs: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(inputs).flatMap(([name, value]) => {
    const property = properties[name];
    return property ? uncovered(property.covers, value, name) : [name];
  });
}

function uncovered(covers: AnyCoverage, value: unknown, path: string): string[] {
  if (covers === false) return [path];
  if (covers === true || isUnknown(value) || typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => uncovered(covers, item, `${path}[${index}]`));
  return Object.entries(value).flatMap(([field, part]) => uncovered(covers[field] ?? false, part, `${path}.${field}`));
}
