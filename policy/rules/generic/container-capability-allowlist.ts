import { capabilities, capabilityName } from "../../lib/capabilities.ts";
import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

interface Allowed {
  readonly role: string;
  readonly capabilities: readonly string[];
  readonly reason: string;
}

/** Each of these alone is a way to become root on the host. */
const NEVER = ["ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "SYS_PTRACE", "DAC_READ_SEARCH"];

export const containerCapabilityAllowlist = containerRule<{ allowed: readonly Allowed[] }>(
  {
    name: "container-capability-allowlist",
    displayName: "Added capabilities are on the list",
    description:
      "A container adds only the capabilities that policy config allows its role: each one is a piece of root's power.",
    level: "mandatory",
    severity: "high",
    framework: cisDocker("5.4", "Ensure that Linux kernel capabilities are restricted within containers"),
    tags: ["docker", "privilege", "capabilities"],
    remediationSteps:
      "Remove the capability, or allow it for this role, with the reason, under `allowed` in policy config.",
    settings: {
      allowed: {
        default: [],
        schema: {
          type: "array",
          description: "Capabilities per role, each with the reason.",
          items: {
            type: "object",
            properties: {
              role: { type: "string", minLength: 1 },
              capabilities: { type: "array", items: { type: "string" }, minItems: 1 },
              reason: { type: "string", minLength: 20 },
            },
            required: ["role", "capabilities", "reason"],
            additionalProperties: false,
          },
        },
      },
    },
  },
  (container, { allowed }, report) => {
    const mine = allowed
      .filter((entry) => entry.role === container.role)
      .flatMap((entry) => entry.capabilities.map(capabilityName));
    for (const added of capabilities(container, "adds").items) {
      if (NEVER.includes(added)) report(`Capability ${added} is as good as root on the host and never allowed.`);
      else if (!mine.includes(added)) report(`Capability ${added} is not allowed for the role "${container.role}".`);
    }
  },
);
