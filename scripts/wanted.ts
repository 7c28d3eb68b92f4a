import { readFileSync } from "node:fs";
import { load } from "js-yaml";
import { parseConfig, type Config } from "../components/config-parse.ts";
import { isWatched, planMonitoring, publishedDashboards } from "../components/monitoring-tools.ts";
import type { Wanted } from "./preflight.ts";
import { stackFile } from "./stack.ts";

/** A stack's configuration; undefined when it has mistakes: the program lists them. */
export function readConfig(stack: string): Config | undefined {
  const file = load(readFileSync(stackFile(stack), "utf8")) as { config?: Record<string, unknown> } | undefined;
  const raw: Record<string, string> = {};
  for (const [key, value] of Object.entries(file?.config ?? {})) {
    if (key.startsWith("sbc:")) raw[key.slice(4)] = typeof value === "string" ? value : JSON.stringify(value);
  }
  const parsed = parseConfig(raw, stack);
  return "problems" in parsed ? undefined : parsed.config;
}

/** What the stack will take, by its configuration; nothing when that has mistakes. */
export function readWanted(stack: string): Wanted {
  const config = readConfig(stack);
  if (config === undefined) return { prefix: `sbc-${stack}`, subnets: [], ports: [] };
  const { bind, ports } = config.edge;
  const { monitoring } = config;
  const published = (
    [
      ["udp", "udp"],
      ["tcp", "tcp"],
      ["tls", "tcp"],
      ["mutualTls", "tcp"],
      ["wss", "tcp"],
      ["trunkUdp", "udp"],
      ["trunkTcp", "tcp"],
    ] as const
  ).filter(([name]) => ports[name] > 0);
  return {
    prefix: config.name,
    subnets: Object.entries(config.networks)
      .filter(([name]) => name !== "front" || isWatched(config))
      .map(([name, cidr]) => ({ key: `sbc:networks.${name}`, cidr })),
    ports: [
      ...(bind === ""
        ? []
        : published.map(([name, protocol]) => ({
            key: `sbc:edge.ports.${name}`,
            ip: bind,
            port: ports[name],
            protocol,
          }))),
      ...publishedDashboards(planMonitoring(config).tools, monitoring.ports).map(([name, port]) => ({
        key: `sbc:monitoring.ports.${name}`,
        ip: monitoring.bind,
        port,
        protocol: "tcp" as const,
      })),
    ],
  };
}
