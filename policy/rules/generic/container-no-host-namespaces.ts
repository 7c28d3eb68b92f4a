import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerNoHostNamespaces = containerRule(
  {
    name: "container-no-host-namespaces",
    displayName: "Own namespaces",
    description:
      "A container has process, IPC, user and cgroup namespaces of its own: the host's would show and expose every process of the host.",
    level: "mandatory",
    severity: "high",
    framework: cisDocker(
      "5.16",
      "Ensure that the host's process namespace is not shared (with 5.17 IPC and 5.31 user namespaces)",
    ),
    tags: ["docker", "isolation"],
    remediationSteps: "Remove the mode, or set it to `private`.",
  },
  (container, _settings, report) => {
    for (const mode of ["pidMode", "ipcMode", "usernsMode", "cgroupnsMode"]) {
      if (container.props.string(mode) === "host") report(`${mode} is "host".`);
    }
  },
);
