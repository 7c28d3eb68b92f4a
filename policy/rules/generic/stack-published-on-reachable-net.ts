import { production } from "../../lib/frameworks.ts";
import { stackRule } from "../../lib/rule.ts";

export const stackPublishedOnReachableNet = stackRule(
  {
    name: "stack-published-on-reachable-net",
    displayName: "Published ports can be reached",
    description:
      "A container that publishes ports is on at least one network that is not internal: Docker publishes nothing from internal networks, and says nothing about it.",
    level: "mandatory",
    severity: "medium",
    framework: production(
      "monitoring-network",
      "Monitoring on a separate internal network; the front door has a leg outside",
    ),
    tags: ["docker", "network", "ports", "correctness"],
    remediationSteps: "Give the container a leg on a network without `internal: true`, or remove its ports.",
  },
  (stack, _settings, report) => {
    for (const container of stack.containers) {
      const networks = container.networks();
      if (container.ports().items.length === 0 || networks.items.length === 0 || !networks.complete) continue;
      if (networks.items.every((name) => stack.networks.get(name)?.internal === true)) {
        report("It publishes ports, and all its networks are internal.", container.member);
      }
    }
  },
);
