import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerNoHostNetwork = containerRule(
  {
    name: "container-no-host-network",
    displayName: "No host network",
    description:
      "A container does not share the host's network, nor another container's: it would reach every local service and listen on every address.",
    level: "mandatory",
    severity: "high",
    framework: cisDocker("5.10", "Ensure that the host's network namespace is not shared"),
    tags: ["docker", "isolation", "network"],
    remediationSteps:
      'Set `networkMode: "bridge"` and `networksAdvanced`; a media relay with a large port range is exempted by role.',
  },
  (container, _settings, report) => {
    const mode = container.props.string("networkMode");
    if (typeof mode !== "string") return;
    if (mode === "host") report("The container uses the host's network.");
    else if (mode.startsWith("container:")) report("The container shares another container's network.");
  },
);
