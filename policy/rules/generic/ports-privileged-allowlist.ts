import { containerRule } from "../../lib/rule.ts";
import { cisDocker } from "../../lib/frameworks.ts";
import { portName } from "../../lib/docker.ts";

export const portsPrivilegedAllowlist = containerRule<{ ports: readonly number[] }>(
  {
    name: "ports-privileged-allowlist",
    displayName: "Privileged host ports",
    description:
      "Host ports below 1024 are for the web server alone: others there stand in for services that people trust by their number.",
    level: "mandatory",
    severity: "medium",
    framework: cisDocker("5.8", "Ensure privileged ports are not mapped within containers"),
    tags: ["docker", "network", "ports", "production:ports"],
    remediationSteps: "Publish on a port from 1024 up, or add the port to `ports` in policy config.",
    settings: {
      ports: {
        default: [80, 443],
        schema: {
          type: "array",
          items: { type: "integer", minimum: 1, maximum: 1023 },
          description: "Ports below 1024 that may be published.",
        },
      },
    },
  },
  (container, { ports }, report) => {
    for (const port of container.ports().items) {
      if (typeof port.external === "number" && port.external < 1024 && !ports.includes(port.external)) {
        report(`Host port ${portName(port)} is a privileged port.`);
      }
    }
  },
);
