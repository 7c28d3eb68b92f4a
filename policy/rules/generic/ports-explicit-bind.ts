import { enumerate } from "../../lib/text.ts";
import { containerRule } from "../../lib/rule.ts";
import { cisDocker } from "../../lib/frameworks.ts";
import { portName } from "../../lib/docker.ts";

const EVERY_ADDRESS = ["0.0.0.0", "::", "[::]", "*"];

export const portsExplicitBind = containerRule(
  {
    name: "ports-explicit-bind",
    displayName: "Ports are bound to an address",
    description:
      "A published port names the host address that it listens on: unset means every address of the host, past its firewall.",
    level: "mandatory",
    severity: "high",
    framework: cisDocker("5.14", "Ensure that incoming container traffic is bound to a specific host interface"),
    tags: ["docker", "network", "ports", "production:ports"],
    remediationSteps: "Set `ports[].ip` to one address of the host (127.0.0.1 for what only this machine uses).",
  },
  (container, _settings, report) => {
    const ports = container.ports().items;
    const unbound = ports.filter(({ ip }) => ip === undefined || ip === "");
    const everywhere = ports.filter(({ ip }) => typeof ip === "string" && EVERY_ADDRESS.includes(ip));
    if (unbound.length > 0) report(`Published without an address: host port ${enumerate(unbound.map(portName))}.`);
    if (everywhere.length > 0) report(`Listening on every address: host port ${enumerate(everywhere.map(portName))}.`);
  },
);
