import { enumerate } from "../../lib/text.ts";
import { containerRule } from "../../lib/rule.ts";
import { cisDocker } from "../../lib/frameworks.ts";
import { portName } from "../../lib/docker.ts";

interface Allowed {
  readonly role: string;
  readonly ports: readonly string[];
  readonly reason: string;
}

export const portsAllowlist = containerRule<{ allowed: readonly Allowed[] }>(
  {
    name: "ports-allowlist",
    displayName: "Published ports are on the list",
    description:
      "A container publishes only the ports that policy config allows its role: each one is an open door, and Docker opens it round the host's firewall.",
    level: "mandatory",
    severity: "high",
    framework: cisDocker("5.9", "Ensure that only needed ports are open on the container"),
    tags: ["docker", "network", "ports", "production:ports"],
    remediationSteps: "Remove the port, or allow it for this role, with the reason, under `allowed` in policy config.",
    settings: {
      allowed: {
        default: [],
        schema: {
          type: "array",
          description: "Host ports per role, as 5061/tcp or 30000-30019/udp, each with the reason.",
          items: {
            type: "object",
            properties: {
              role: { type: "string", minLength: 1 },
              ports: {
                type: "array",
                items: { type: "string", pattern: "^[0-9]+(-[0-9]+)?/(tcp|udp|sctp)$" },
                minItems: 1,
              },
              reason: { type: "string", minLength: 20 },
            },
            required: ["role", "ports", "reason"],
            additionalProperties: false,
          },
        },
      },
    },
  },
  (container, { allowed }, report) => {
    if (container.props.boolean("publishAllPorts") === true)
      report("publishAllPorts opens every port that the image names.");
    const ranges = allowed.filter((entry) => entry.role === container.role).flatMap((entry) => entry.ports);
    const published = container
      .ports()
      .items.filter((port) => typeof port.protocol === "string" && typeof port.external !== "symbol");
    const unlisted = published.filter(
      ({ external, protocol }) =>
        external !== undefined && !ranges.some((range) => inRange(range, Number(external), String(protocol))),
    );
    if (published.some((port) => port.external === undefined)) report("A port is published without a fixed host port.");
    if (unlisted.length > 0) {
      report(`Not allowed for the role "${container.role}": host port ${enumerate(unlisted.map(portName))}.`);
    }
  },
);

function inRange(range: string, port: number, protocol: string): boolean {
  const [numbers = "", wanted = ""] = range.split("/");
  const [from, to = from] = numbers.split("-").map(Number);
  return protocol === wanted && port >= Number(from) && port <= Number(to);
}
