import { production } from "../../lib/frameworks.ts";
import { stackRule } from "../../lib/rule.ts";

export const stackMonitoringIsolated = stackRule<{ required: boolean }>(
  {
    name: "stack-monitoring-isolated",
    displayName: "Monitoring tools see internal networks only",
    description:
      "A monitoring container is on internal networks of this stack alone: it holds every number that was dialled, and needs the outside for nothing.",
    level: "mandatory",
    severity: "high",
    framework: production("monitoring-network", "Monitoring on a separate internal network"),
    tags: ["network", "monitoring", "production:monitoring-network"],
    remediationSteps: "Attach it to monitoring_net (and data_net) only; the front door is exempted by its role.",
    settings: {
      required: { default: false, schema: { type: "boolean", description: "Must the stack have a monitoring plane?" } },
    },
  },
  (stack, { required }, report) => {
    const tools = stack.services.filter((container) => container.plane === "monitoring");
    if (required && tools.length === 0)
      report("The stack has no monitoring container, and policy config requires the plane.");
    for (const tool of tools) {
      for (const name of tool.networks().items) {
        const network = stack.networks.get(name);
        if (network === undefined)
          report(`The network ${name} is not one of this stack, so nobody can vouch for it.`, tool.member);
        else if (!network.internal) report(`The network ${name} is not internal.`, tool.member);
      }
    }
  },
);
