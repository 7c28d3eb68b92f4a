import { production } from "../../lib/frameworks.ts";
import { stackRule } from "../../lib/rule.ts";

interface Leg {
  readonly role: string;
  readonly planes: readonly string[];
  readonly reason: string;
}

interface Settings {
  readonly legs: readonly Leg[];
  readonly required: boolean;
}

export const stackMonitoringIsolated = stackRule<Settings>(
  {
    name: "stack-monitoring-isolated",
    displayName: "Monitoring tools see internal networks only",
    description:
      "A monitoring container is on internal networks of this stack, and on no other but those that policy config allows its role: it holds every number that was dialled.",
    level: "mandatory",
    severity: "high",
    framework: production("monitoring-network", "Monitoring on a separate internal network"),
    tags: ["network", "monitoring", "production:monitoring-network"],
    remediationSteps:
      "Attach it to monitoring_net (and data_net) only, or allow its role the one other network that its work is on, with the reason, under `legs` in policy config.",
    settings: {
      legs: {
        default: [],
        schema: {
          type: "array",
          description: "Planes (label sbc.plane) of the networks outside per role, each with the reason.",
          items: {
            type: "object",
            properties: {
              role: { type: "string", minLength: 1 },
              planes: { type: "array", items: { type: "string", minLength: 1 }, minItems: 1 },
              reason: { type: "string", minLength: 20 },
            },
            required: ["role", "planes", "reason"],
            additionalProperties: false,
          },
        },
      },
      required: { default: false, schema: { type: "boolean", description: "Must the stack have a monitoring plane?" } },
    },
  },
  (stack, { legs, required }, report) => {
    const tools = stack.services.filter((container) => container.plane === "monitoring");
    if (required && tools.length === 0)
      report("The stack has no monitoring container, and policy config requires the plane.");
    for (const tool of tools) {
      const planes = legs.filter(({ role }) => role === tool.role).flatMap((leg) => leg.planes);
      for (const name of tool.networks().items) {
        const network = stack.networks.get(name);
        if (network === undefined)
          report(`The network ${name} is not one of this stack, so nobody can vouch for it.`, tool.member);
        else if (!network.internal && !(network.plane !== undefined && planes.includes(network.plane)))
          report(`The network ${name} is not internal.`, tool.member);
      }
    }
  },
);
