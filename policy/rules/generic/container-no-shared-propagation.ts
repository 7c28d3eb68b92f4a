import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerNoSharedPropagation = containerRule(
  {
    name: "container-no-shared-propagation",
    displayName: "Mounts do not propagate",
    description:
      "A bind mount's propagation is private: a shared one makes what is mounted inside appear on the host, and the other way round.",
    level: "mandatory",
    severity: "high",
    framework: cisDocker("5.20", "Ensure mount propagation mode is not set to shared"),
    tags: ["docker", "isolation", "mounts"],
    remediationSteps: "Remove `bindOptions.propagation`, or set it to `rprivate`.",
  },
  (container, _settings, report) => {
    for (const { propagation, target } of container.mounts().items) {
      if (typeof propagation === "string" && /^r?(shared|slave)$/.test(propagation)) {
        report(
          `The mount at ${typeof target === "string" ? target : "an unknown path"} has propagation "${propagation}".`,
        );
      }
    }
  },
);
