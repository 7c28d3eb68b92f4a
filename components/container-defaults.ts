import type { AddressPlan } from "./addresses.ts";
import type { Config } from "./config-parse.ts";
import type { ContainerDefaults } from "./container.ts";
import { logCollector } from "./log-pipeline.ts";
import type { MonitoringPlan } from "./monitoring-tools.ts";

/** What all containers of a stack have in common, by its configuration. */
export function containerDefaults(
  config: Config,
  addresses: AddressPlan,
  tools: MonitoringPlan["tools"],
): ContainerDefaults {
  const collector = logCollector(addresses, tools);
  return {
    prefix: config.name,
    logs: { ...config.logs, ...(collector !== undefined && { collector }) },
    limits: config.limits,
  };
}
