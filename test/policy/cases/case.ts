import type { Rule } from "../../../policy/lib/rule.ts";
import type { TestResource } from "../helpers.ts";

/** Settings of the rule under test, as in policy config. */
export type Settings = Record<string, unknown>;

/** A small stack that a rule judges. */
export interface Case {
  readonly stack: readonly TestResource[];
  /** Settings of the rule; the rule's own defaults when absent. */
  readonly settings?: Settings;
}

/** A small stack that breaks a rule. */
export interface Violation extends Case {
  /** What each violation says, in their order. */
  readonly says: readonly RegExp[];
}

/** All that is tested about one rule, keyed by the sentence that says what each case is. */
export interface RuleCases {
  readonly rule: Rule;
  readonly passes: Readonly<Record<string, Case>>;
  readonly fails: Readonly<Record<string, Violation>>;
  /** Cases with unknown values that a rule cannot decide; a resource rule says so, a stack rule is silent. */
  readonly undecided: Readonly<Record<string, Case>>;
}

/** A stack of these resources that passes. */
export function stack(...resources: TestResource[]): Case {
  return { stack: resources };
}

/** A case under settings. */
export function under(settings: Settings, ...resources: TestResource[]): Case {
  return { stack: resources, settings };
}

/** A stack that fails, with what the violations say. */
export function fails(says: RegExp | readonly RegExp[], ...resources: TestResource[]): Violation {
  return { stack: resources, says: says instanceof RegExp ? [says] : says };
}

/** A case that fails under settings. */
export function failsUnder(
  settings: Settings,
  says: RegExp | readonly RegExp[],
  ...resources: TestResource[]
): Violation {
  return { ...fails(says, ...resources), settings };
}
