import * as pulumi from "@pulumi/pulumi";
import { parseConfig, type Config } from "./config-parse.ts";

/**
 * The configuration of the current stack.
 * @throws RunError that lists every mistake at once.
 */
export function loadConfig(): Config {
  const prefix = `${pulumi.getProject()}:`;
  const values = Object.entries(pulumi.runtime.allConfig()).flatMap(([key, value]) =>
    key.startsWith(prefix) ? [[key.slice(prefix.length), value] as const] : [],
  );
  // Set by every language host; the SDK has no public way to ask.
  const secretKeys = JSON.parse(process.env["PULUMI_CONFIG_SECRET_KEYS"] ?? "[]") as string[];
  const isSecret = (key: string) => secretKeys.some((secret) => secret.replace(":config:", ":") === prefix + key);
  const result = parseConfig(Object.fromEntries(values), pulumi.getStack(), isSecret);
  if ("problems" in result) throw new pulumi.RunError(result.problems);
  for (const warning of result.warnings) void pulumi.log.warn(warning);
  return result.config;
}

export type { Config };
