import { z } from "zod";
import type { Rule } from "../lib/rule.ts";

const exemption = z.strictObject({ role: z.string().min(1), reason: z.string().min(20) });
const level = z.enum(["advisory", "mandatory", "remediate", "disabled"]);
const ruleConfig = z.looseObject({ enforcementLevel: level.optional(), exemptions: z.array(exemption).optional() });

/** What is wrong with the text of a policy config, one sentence each. */
export function configTextProblems(rules: readonly Rule[], text: string): readonly string[] {
  try {
    return configProblems(rules, JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return [`this is no JSON: ${error.message}`];
  }
}

/**
 * What is wrong with a policy config, one sentence each. The engine checks the shape of each setting when it loads the pack; a
 * rule or setting that does not exist it would let pass without a word.
 */
export function configProblems(rules: readonly Rule[], config: unknown): readonly string[] {
  const byName = new Map(rules.map((rule) => [rule.name, rule]));
  const parsed = z.record(z.string(), z.unknown()).safeParse(config);
  if (!parsed.success) return ["the policy config is no object of rules"];
  return Object.entries(parsed.data).flatMap(([name, value]) => {
    const rule = byName.get(name);
    if (rule === undefined && name !== "all") return [`${name}: there is no rule of that name`];
    const result = (typeof value === "string" ? level : ruleConfig).safeParse(value);
    if (!result.success) {
      return result.error.issues.map(
        ({ path, message }) => `${[name, path.join(".")].filter(Boolean).join(": ")}: ${message}`,
      );
    }
    if (typeof result.data === "string") return [];
    const known = Object.keys(rule?.configSchema?.properties ?? {});
    return Object.keys(result.data)
      .filter((key) => key !== "enforcementLevel" && !known.includes(key))
      .map((key) => `${name}: there is no setting "${key}"; there are ${["enforcementLevel", ...known].join(", ")}`);
  });
}
