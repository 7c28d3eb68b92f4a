import { readFileSync } from "node:fs";
import { load } from "js-yaml";
import { parseConfig } from "../components/config-parse.ts";
import type { Wanted } from "./preflight.ts";
import { stackFile } from "./stack.ts";

/** What the stack will take, by its configuration; nothing when that has mistakes: the program lists them. */
export function readWanted(stack: string): Wanted {
  const file = load(readFileSync(stackFile(stack), "utf8")) as { config?: Record<string, unknown> } | undefined;
  const raw: Record<string, string> = {};
  for (const [key, value] of Object.entries(file?.config ?? {})) {
    if (key.startsWith("sbc:")) raw[key.slice(4)] = typeof value === "string" ? value : JSON.stringify(value);
  }
  const parsed = parseConfig(raw, stack);
  if ("problems" in parsed) return { prefix: `sbc-${stack}`, subnets: [], ports: [] };
  const { config } = parsed;
  const { bind, ports } = config.edge;
  const published = (
    [
      ["udp", "udp"],
      ["tcp", "tcp"],
      ["tls", "tcp"],
      ["mutualTls", "tcp"],
      ["trunkUdp", "udp"],
      ["trunkTcp", "tcp"],
    ] as const
  ).filter(([name]) => ports[name] > 0);
  return {
    prefix: config.name,
    subnets: Object.entries(config.networks).map(([name, cidr]) => ({ key: `sbc:networks.${name}`, cidr })),
    ports:
      bind === ""
        ? []
        : published.map(([name, protocol]) => ({
            key: `sbc:edge.ports.${name}`,
            ip: bind,
            port: ports[name],
            protocol,
          })),
  };
}
