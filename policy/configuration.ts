import { readFileSync } from "node:fs";
import type { PolicyPackConfig } from "@pulumi/policy";
import type { Rule } from "./lib/rule.ts";

/** Environments with a committed policy config. */
export const environments = ["dev", "prod"] as const;
export type Environment = (typeof environments)[number];

/** Where an environment's policy config lies: the argument of `--policy-pack-config`. */
export function configFile(environment: Environment): URL {
  return new URL(`config/${environment}.json`, import.meta.url);
}

/** An environment's policy config as the engine reads it. */
export function readConfig(environment: Environment): PolicyPackConfig {
  return JSON.parse(readFileSync(configFile(environment), "utf8")) as PolicyPackConfig;
}

/**
 * Policy config of prod, which is also the pack's own when it is run without one. Each entry says its level: the SDK's wire format
 * has no "unset", so an entry without one would arrive as advisory.
 */
export function prodConfig(rules: readonly Rule[]): PolicyPackConfig {
  const { all, ...config } = readConfig("prod");
  for (const [name, entry] of Object.entries(config)) {
    const declared = rules.find((rule) => rule.name === name)?.enforcementLevel;
    const general = typeof all === "string" ? all : all?.enforcementLevel;
    if (typeof entry === "object") config[name] = { enforcementLevel: general ?? declared, ...entry };
  }
  return all === undefined ? config : { all, ...config };
}
