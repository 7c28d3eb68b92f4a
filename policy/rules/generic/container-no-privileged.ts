import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerNoPrivileged = containerRule(
  {
    name: "container-no-privileged",
    displayName: "No privileged container",
    description:
      "A container must not be privileged: it would have every capability and device, and so be root on the host.",
    level: "mandatory",
    severity: "critical",
    framework: cisDocker("5.5", "Ensure that privileged containers are not used"),
    tags: ["docker", "privilege"],
    remediationSteps:
      "Remove `privileged: true`; add the one capability that is needed and allow it in container-capability-allowlist.",
  },
  (container, _settings, report) => {
    if (container.props.boolean("privileged") === true) report("The container is privileged.");
  },
);
