import { UNKNOWN } from "../../lib/properties.ts";
import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerMemoryAndCpuLimit = containerRule(
  {
    name: "container-memory-and-cpu-limit",
    displayName: "Memory and CPU limits",
    description:
      "A container has a memory limit and a CPU share: one that runs wild otherwise takes the calls of all others with it.",
    level: "mandatory",
    severity: "medium",
    framework: cisDocker("5.11", "Ensure that the memory usage for containers is limited (with 5.12 CPU priority)"),
    tags: ["docker", "limits"],
    remediationSteps: "Set `memory` (MiB), `memorySwap` to the same number, and `cpus` or `cpuShares`.",
  },
  (container, _settings, report) => {
    const { props } = container;
    const memory = props.number("memory");
    if (memory !== UNKNOWN && !(Number(memory) > 0)) report("There is no memory limit.");
    if (props.number("memorySwap") === -1) report("Swap is unlimited, which undoes the memory limit.");
    const limits = [props.number("cpus"), props.number("cpuShares"), props.number("cpuQuota")];
    if (!limits.includes(UNKNOWN) && !limits.some((limit) => Number(limit) > 0))
      report("There is no CPU limit or share.");
  },
);
