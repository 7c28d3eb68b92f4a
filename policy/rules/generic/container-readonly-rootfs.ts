import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerReadonlyRootfs = containerRule(
  {
    name: "container-readonly-rootfs",
    displayName: "Read-only root filesystem",
    description:
      "A service's root filesystem is read-only: an attacker then has no place to leave a program, and a state that was forgotten shows at once.",
    level: "mandatory",
    severity: "medium",
    framework: cisDocker("5.13", "Ensure that the container's root filesystem is mounted as read only"),
    tags: ["docker", "hardening"],
    remediationSteps: "Set `readOnly: true` and give the paths that are written a `tmpfs` or a volume.",
  },
  (container, _settings, report) => {
    // A job takes uploads, which a read-only root refuses, and is gone when it has run.
    if (container.oneShot) return;
    const readOnly = container.props.boolean("readOnly");
    if (readOnly === undefined || readOnly === false) report("The root filesystem is writable.");
  },
);
