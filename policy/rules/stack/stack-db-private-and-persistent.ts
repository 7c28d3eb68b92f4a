import { production } from "../../lib/frameworks.ts";
import { normalPath } from "../../lib/docker.ts";
import { stackRule } from "../../lib/rule.ts";
import type { Member, MemberContainer, Stack } from "../../lib/stack.ts";

interface Settings {
  readonly dataPaths: Readonly<Record<string, string>>;
  readonly required: readonly string[];
  readonly protect: boolean;
}

export const stackDbPrivateAndPersistent = stackRule<Settings>(
  {
    name: "stack-db-private-and-persistent",
    displayName: "Databases are private and persistent",
    description:
      "A database publishes nothing and keeps its data in a protected volume of this stack: call records and passwords must survive every replacement, and stay inside.",
    level: "mandatory",
    severity: "critical",
    framework: production("persistence", "Persistent volumes for CDRs and databases"),
    tags: ["data", "volumes", "production:persistence"],
    remediationSteps:
      "Mount a docker.Volume of this program at the data path (by its output), with `protect: true` in prod; publish no port.",
    settings: {
      dataPaths: {
        default: {
          mariadb: "/var/lib/mysql",
          "homer-db": "/var/lib/postgresql",
          elasticsearch: "/usr/share/elasticsearch/data",
          prometheus: "/var/lib/prometheus",
        },
        schema: {
          type: "object",
          additionalProperties: { type: "string", pattern: "^/" },
          description: "Role → path of its data.",
        },
      },
      required: {
        default: ["mariadb"],
        schema: { type: "array", items: { type: "string" }, description: "Roles that the stack must have." },
      },
      protect: {
        default: true,
        schema: { type: "boolean", description: "Must the volumes be protected from deletion?" },
      },
    },
  },
  (stack, { dataPaths, required, protect }, report) => {
    if (!stack.labelled) return;
    for (const role of required) {
      if (stack.withRole(role).length === 0) report(`The stack has no container with the role "${role}".`);
    }
    for (const [role, path] of Object.entries(dataPaths)) {
      for (const container of stack.withRole(role)) {
        if (container.ports().items.length > 0) report("The database publishes ports.", container.member);
        const volume = volumeAt(stack, container, path);
        if (volume === "undecided") continue;
        if (volume === undefined) report(`No volume of this stack is mounted at ${path}.`, container.member);
        else if (protect && !volume.options.protect)
          report("The volume that holds a database is not protected.", volume);
      }
    }
  },
);

/** The volume of this stack that a container mounts at a path, by its name or by the output that the mount was made from. */
export function volumeAt(stack: Stack, container: MemberContainer, path: string): Member | undefined | "undecided" {
  const mounts = container.mounts();
  for (const mount of mounts.items) {
    if (mount.kind !== "volume" || typeof mount.target !== "string" || normalPath(mount.target) !== path) continue;
    if (typeof mount.source === "string") return stack.volumeNamed(mount.source);
    // A name that only the engine knows after the deployment: the volumes that the mounts were made from must do.
    const sources = [
      ...(container.member.dependencies["volumes"] ?? []),
      ...(container.member.dependencies["mounts"] ?? []),
    ];
    return stack.volumes.find((volume) => sources.some((source) => source.urn === volume.urn));
  }
  return mounts.complete ? undefined : "undecided";
}
