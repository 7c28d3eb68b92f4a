import { cisDocker } from "../../lib/frameworks.ts";
import { capabilities } from "../../lib/capabilities.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerDropAllCapabilities = containerRule(
  {
    name: "container-drop-all-capabilities",
    displayName: "All capabilities dropped first",
    description:
      "A container drops ALL capabilities and adds back what it needs: Docker's default set holds 14, of which a service needs none or one.",
    level: "mandatory",
    severity: "high",
    framework: cisDocker("5.4", "Ensure that Linux kernel capabilities are restricted within containers"),
    tags: ["docker", "privilege", "capabilities"],
    remediationSteps: 'Set `capabilities: { drops: ["ALL"] }`.',
  },
  (container, _settings, report) => {
    const drops = capabilities(container, "drops");
    if (drops.complete && !drops.items.includes("ALL")) report("Not all capabilities are dropped.");
  },
);
