import { production } from "../../lib/frameworks.ts";
import { stackRule } from "../../lib/rule.ts";
import { volumeAt } from "./stack-db-private-and-persistent.ts";

export const stackCdrPersistent = stackRule<{ paths: Readonly<Record<string, string>> }>(
  {
    name: "stack-cdr-persistent",
    displayName: "Call records persist, one writer each",
    description:
      "Call detail records lie on a named volume, and no two services write to one volume: records are money, and two databases on one volume destroy both.",
    level: "mandatory",
    severity: "critical",
    framework: production("persistence", "Persistent volumes for CDRs and databases"),
    tags: ["data", "volumes", "cdr", "production:persistence"],
    remediationSteps:
      "Mount a docker.Volume of this program where the records are written, one for each writer; all others mount it `readOnly: true`.",
    settings: {
      paths: {
        // The edge writes its records to MariaDB; Asterisk writes none.
        default: { mariadb: "/var/lib/mysql" },
        schema: {
          type: "object",
          additionalProperties: { type: "string", pattern: "^/" },
          description: "Role → path where it keeps call records.",
        },
      },
    },
  },
  (stack, { paths }, report) => {
    if (!stack.labelled) return;
    for (const [role, path] of Object.entries(paths)) {
      for (const container of stack.withRole(role)) {
        if (volumeAt(stack, container, path) === undefined)
          report(`Call records at ${path} are not on a volume of this stack.`, container.member);
      }
    }
    const writers = new Map<string, string>();
    // By name: the engine hands the resources over in any order, and the report should not move.
    for (const service of stack.services.toSorted((a, b) => a.member.name.localeCompare(b.member.name))) {
      for (const mount of service.mounts().items) {
        if (mount.kind !== "volume" || typeof mount.source !== "string" || mount.readOnly === true) continue;
        const other = writers.get(mount.source);
        if (other !== undefined && other !== service.member.name)
          report(`The volume ${mount.source} is written by ${other} as well.`, service.member);
        writers.set(mount.source, service.member.name);
      }
    }
  },
);
