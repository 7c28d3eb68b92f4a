import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerNoDevices = containerRule(
  {
    name: "container-no-devices",
    displayName: "No host device, no foreign cgroup",
    description:
      "A container gets no host device and stays in Docker's own cgroup: a device goes round every other isolation, a foreign cgroup round its limits.",
    level: "mandatory",
    severity: "high",
    framework: cisDocker(
      "5.18",
      "Ensure that host devices are not directly exposed to containers (with 5.25 cgroup usage)",
    ),
    tags: ["docker", "isolation"],
    remediationSteps: "Remove `devices`, `deviceCgroupRules`, `deviceRequests`, `gpus` and `cgroupParent`.",
  },
  (container, _settings, report) => {
    for (const list of ["devices", "deviceRequests"]) {
      if (container.props.objects(list).items.length > 0) report(`${list} is not empty.`);
    }
    if (container.props.strings("deviceCgroupRules").items.length > 0) report("deviceCgroupRules is not empty.");
    for (const single of ["gpus", "cgroupParent"]) {
      const value = container.props.string(single);
      if (typeof value === "string" && value !== "") report(`${single} is set.`);
    }
  },
);
