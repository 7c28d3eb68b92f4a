import type { PolicyPackConfig } from "@pulumi/policy";
import { roleOf } from "./lib/docker.ts";
import { Properties } from "./lib/properties.ts";
import type { Exemption, Rule } from "./lib/rule.ts";
import { configured, evaluate } from "./tools/evaluate.ts";
import type { RecordedResource } from "./tools/evaluate.ts";

/** An exemption with the rule that it loosens. */
export interface ListedExemption extends Exemption {
  readonly rule: string;
}

/** Every exemption of a policy config, in the order of the rules. */
export function listExemptions(rules: readonly Rule[], config: PolicyPackConfig): readonly ListedExemption[] {
  return rules.flatMap((rule) => {
    const exemptions = (configured(rule, config).settings["exemptions"] ?? []) as readonly Exemption[];
    return exemptions.map((exemption) => ({ rule: rule.name, ...exemption }));
  });
}

/** The exemptions that no resource needs any more: without them the rule would find nothing in that role. */
export async function staleExemptions(
  rules: readonly Rule[],
  config: PolicyPackConfig,
  resources: readonly RecordedResource[],
): Promise<readonly ListedExemption[]> {
  const roles = new Map(
    resources.map((resource) => [resource.urn, roleOf(new Properties(resource.props), resource.name)]),
  );
  const stale: ListedExemption[] = [];
  for (const rule of rules) {
    const { level, settings } = configured(rule, config);
    const exemptions = listExemptions([rule], config);
    if (exemptions.length === 0 || level === "disabled") continue;
    const findings = await evaluate([rule], resources, { [rule.name]: { ...settings, exemptions: [] } });
    const violating = new Set(findings.filter((finding) => !finding.undecided).map(({ urn }) => roles.get(urn ?? "")));
    stale.push(...exemptions.filter(({ role }) => !violating.has(role)));
  }
  return stale;
}
