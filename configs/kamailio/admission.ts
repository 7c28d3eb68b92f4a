import { defaultClass, type Policy } from "../mariadb/rows.ts";

/** What subscribers of a class may do; 0 switches a limit off. */
export interface ClassRules {
  readonly name: string;
  /** Calls at once. */
  readonly maxCalls: number;
  /** Calls begun in a second. */
  readonly callsPerSecond: number;
  /** Longest call in seconds. Default: that of the edge. */
  readonly callMaxSeconds?: number | undefined;
  /** Beginnings of the international numbers that may be called by a trunk, or `any`. */
  readonly destinations: readonly string[];
  /** Calls by a trunk begun in a day. */
  readonly dailyCalls: number;
  /** Minutes by a trunk in a day. */
  readonly dailyMinutes: number;
}

/** What the edge admits. */
export interface Admission {
  readonly classes: readonly ClassRules[];
  readonly protection: {
    /** Calls of all subscribers at once. */
    readonly maxCalls: number;
    /** Calls of all subscribers begun in a second. */
    readonly callsPerSecond: number;
    /** Beginnings of the international numbers that nobody may call. */
    readonly premiumPrefixes: readonly string[];
    /** Networks that are answered; empty: all. */
    readonly allowed: readonly string[];
  };
}

/**
 * A subscriber gets far with these, a thief does not: nothing leaves by a trunk until the operator lists where to. The premium ranges are
 * those that belong to no country (ITU-T E.164 assignments): global satellite (870, 881), international networks (882, 883), universal
 * premium rate (979). Those of a country are for the operator to add.
 */
export const admissionDefaults = {
  maxCalls: 10,
  callsPerSecond: 10,
  dailyCalls: 200,
  dailyMinutes: 600,
  allCalls: 1000,
  allCallsPerSecond: 100,
  premiumPrefixes: ["870", "881", "882", "883", "979"],
  internationalPrefix: "00",
  nationalPrefix: "0",
} as const;

/** Rules of a class that nobody lists. */
const defaultRules: ClassRules = { ...admissionDefaults, name: defaultClass, destinations: [] };

/** The rows that admission.cfg looks up: live by a reload of table `policy`. */
export function admissionPolicy({ classes, protection }: Admission): Policy {
  const rules = classes.some(({ name }) => name === defaultClass) ? classes : [...classes, defaultRules];
  return Object.fromEntries([
    ["edge.max_calls", protection.maxCalls],
    ["edge.calls_per_second", protection.callsPerSecond],
    ["edge.allow_only", protection.allowed.length > 0 ? 1 : 0],
    ...protection.premiumPrefixes.map((prefix) => [`premium.${prefix}`, 1]),
    ...rules.flatMap(({ name, destinations, ...rule }) => [
      [`class.${name}.max_calls`, rule.maxCalls],
      [`class.${name}.calls_per_second`, rule.callsPerSecond],
      [`class.${name}.call_seconds`, rule.callMaxSeconds ?? 0],
      [`class.${name}.daily_calls`, rule.dailyCalls],
      [`class.${name}.daily_minutes`, rule.dailyMinutes],
      ...destinations.map((prefix) => [`class.${name}.to.${prefix}`, 1]),
    ]),
  ]) as Policy;
}
