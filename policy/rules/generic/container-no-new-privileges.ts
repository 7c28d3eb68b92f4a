import type { ResourceValidationArgs } from "@pulumi/policy";
import { CONTAINER } from "../../lib/docker.ts";
import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";
import { Properties } from "../../lib/properties.ts";
import { securityOption } from "../../lib/security-options.ts";

export const containerNoNewPrivileges = {
  ...containerRule(
    {
      name: "container-no-new-privileges",
      displayName: "No new privileges",
      description: "A container sets no-new-privileges: otherwise a set-uid program inside lifts an attacker to root.",
      level: "mandatory",
      severity: "high",
      framework: cisDocker("5.26", "Ensure that the container is restricted from acquiring additional privileges"),
      tags: ["docker", "privilege", "remediable"],
      remediationSteps:
        'Set `securityOpts: ["no-new-privileges:true"]`, or set this rule\'s level to `remediate`, which adds it.',
    },
    (container, _settings, report) => {
      const options = container.props.strings("securityOpts");
      if (options.complete && !options.items.some(isSet)) report("no-new-privileges is not set.");
    },
  ),
  /** Runs only where policy config sets the level to `remediate`. */
  remediateResource: (args: ResourceValidationArgs): Record<string, unknown> | undefined => {
    if (args.type !== CONTAINER) return undefined;
    const options = new Properties(args.props).strings("securityOpts");
    if (!options.complete || options.items.some(isSet)) return undefined;
    const others = options.items.filter((option) => securityOption(option).name !== "no-new-privileges");
    return { ...args.props, securityOpts: [...others, "no-new-privileges:true"] };
  },
};

function isSet(option: string): boolean {
  const { name, value } = securityOption(option);
  return name === "no-new-privileges" && (value === "" || value === "true");
}
