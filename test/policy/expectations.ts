import { readFileSync } from "node:fs";
import type { CliRun } from "./cli.ts";
import { scenarios } from "./scenarios/scenarios.ts";

/** Policy config of the scenarios: prod's, with ports for the scenarios that publish others. */
export const scenarioConfig = JSON.parse(
  readFileSync(new URL("scenarios/policy.json", import.meta.url), "utf8"),
) as Record<string, object>;

/** What a preview reported, as `rule at resource`. */
export function broken({ violations }: CliRun): readonly string[] {
  return [...new Set(violations.map(({ rule, resource }) => `${rule} at ${resource}`))].toSorted();
}

/** What it has to report for scenarios. */
export function expected(group: readonly string[]): readonly string[] {
  return group.map((name) => `${name} at ${scenarios[name]?.at ?? name}`).toSorted();
}

/** Does breaking the rule let a preview pass? */
export function isAdvisory(name: string): boolean {
  return name === "container-process-limits";
}
