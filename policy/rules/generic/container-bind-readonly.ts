import { owaspDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerBindReadonly = containerRule(
  {
    name: "container-bind-readonly",
    displayName: "Host folders are mounted read-only",
    description:
      "A bind mount is read-only: a writable one lets a container change the host's files, and its own configuration for the next start.",
    level: "mandatory",
    severity: "medium",
    framework: owaspDocker("Rule 8", "Set filesystem and volumes to read-only"),
    tags: ["docker", "isolation", "mounts"],
    remediationSteps: "Set `readOnly: true` on the mount; keep data that must be written in a named volume.",
  },
  (container, _settings, report) => {
    for (const { path, mount } of container.bindSources()) {
      if (mount.readOnly === undefined || mount.readOnly === false)
        report(`The host path ${path} is mounted writable.`);
    }
  },
);
