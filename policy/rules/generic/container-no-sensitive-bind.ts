import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

interface Allowed {
  readonly role: string;
  readonly path: string;
  readonly reason: string;
}

/** Folders that are sensitive with all that is in them. */
const TREES =
  "/bin /boot /dev /etc /lib /lib32 /lib64 /proc /root /run /sbin /sys /usr /var/lib/containerd /var/lib/docker /var/run".split(
    " ",
  );
/** Folders that are sensitive as a whole; what lies deeper in them is somebody's own. */
const FOLDERS = ["/", "/home", "/var", "/var/lib", "/var/log"];

export const containerNoSensitiveBind = containerRule<{ allowedReadOnly: readonly Allowed[] }>(
  {
    name: "container-no-sensitive-bind",
    displayName: "No sensitive host path",
    description:
      "A container does not mount the host's system folders: reading them shows the host's secrets, writing them takes the host over.",
    level: "mandatory",
    severity: "critical",
    framework: cisDocker("5.6", "Ensure sensitive host system directories are not mounted on containers"),
    tags: ["docker", "isolation", "mounts"],
    remediationSteps:
      "Mount a named volume, or a folder of your own; an exporter that must read a path gets it under `allowedReadOnly`.",
    settings: {
      allowedReadOnly: {
        default: [],
        schema: {
          type: "array",
          description: "Host paths that a role may mount read-only, each with the reason.",
          items: {
            type: "object",
            properties: {
              role: { type: "string", minLength: 1 },
              path: { type: "string", pattern: "^/" },
              reason: { type: "string", minLength: 20 },
            },
            required: ["role", "path", "reason"],
            additionalProperties: false,
          },
        },
      },
    },
  },
  (container, { allowedReadOnly }, report) => {
    for (const { path, mount } of container.bindSources()) {
      if (!FOLDERS.includes(path) && !TREES.some((tree) => path === tree || path.startsWith(`${tree}/`))) continue;
      const allowed = allowedReadOnly.some((entry) => entry.role === container.role && entry.path === path);
      if (!allowed) report(`The host path ${path} is mounted.`);
      else if (mount.readOnly !== true) report(`The host path ${path} is allowed read-only, but mounted writable.`);
    }
  },
);
