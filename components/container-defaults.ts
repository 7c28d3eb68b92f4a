import type { AddressPlan } from "./addresses.ts";
import type { Config } from "./config-parse.ts";
import type { ContainerDefaults } from "./container.ts";
import { logCollector } from "./log-pipeline.ts";
import { planMonitoring } from "./monitoring-tools.ts";

/** What all containers of a stack have in common, by its configuration. */
export function containerDefaults(config: Config, addresses: AddressPlan): ContainerDefaults {
  const collector = logCollector(addresses, planMonitoring(config).tools);
  return {
    prefix: config.name,
    logs: { ...config.logs, ...(collector !== undefined && { collector }) },
    limits: config.limits,
  };
}
