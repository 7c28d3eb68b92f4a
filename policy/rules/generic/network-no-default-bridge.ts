import { UNKNOWN } from "../../lib/properties.ts";
import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const networkNoDefaultBridge = containerRule(
  {
    name: "network-no-default-bridge",
    displayName: "Named networks, explicit mode",
    description:
      "A container joins a network of its own stack and states its network mode: on Docker's default bridge all stacks of the host see one another, and an unset mode shows a change at every run.",
    level: "mandatory",
    severity: "medium",
    framework: cisDocker("5.30", 'Ensure that Docker\'s default bridge "docker0" is not used'),
    tags: ["docker", "network"],
    remediationSteps:
      'Set `networkMode: "bridge"` and at least one `networksAdvanced` entry; `networkMode: "none"` for a job without a network.',
  },
  (container, _settings, report) => {
    const mode = container.props.string("networkMode");
    const networks = container.props.objects("networksAdvanced");
    // Sharing the host's or another container's network is container-no-host-network's matter.
    if (mode === UNKNOWN || mode === "none" || mode === "host" || mode?.startsWith("container:") === true) return;
    if (mode === undefined) report("No network mode is set.");
    if (networks.complete && networks.items.length === 0)
      report("The container joins no network, so it is on Docker's default bridge.");
  },
);
