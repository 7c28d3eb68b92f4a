import { UNKNOWN } from "../../lib/properties.ts";
import type { Upload } from "../../lib/docker.ts";
import { owaspDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

/** Names that hold a secret whatever the content. */
const SECRET_NAME = /(\.key|key\.pem|htpasswd[^/]*|\.p12|\.pfx|\/\.pgpass)$/;
/** Names that mostly hold one: a known content without a password is taken at its word. */
const LIKELY_NAME = /(\.cnf|\/manager\.conf|\/ari\.conf)$/;
const PASSWORD_LINE = /^\s*(password|passwd|secret)\s*=\s*\S/im;
const SECRET_FOLDER = /(^|\/)(secrets?|private)\//;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;
const CLOSED_MODES = ["0400", "0440", "0600", "0640"];

export const uploadsSecretMode = containerRule(
  {
    name: "uploads-secret-mode",
    displayName: "Secret files are closed",
    description:
      "An uploaded key or password file is readable by its owner and group only: the provider's default mode is 0644, open to every process in the container.",
    level: "mandatory",
    severity: "high",
    framework: owaspDocker("Rule 12", "Utilize Docker Secrets for Sensitive Data Management"),
    tags: ["docker", "secrets", "files"],
    remediationSteps: 'Set `uploads[].permissions` to "0400" or "0440".',
  },
  (container, _settings, report) => {
    for (const upload of container.uploads()) {
      if (!isSecret(upload) || upload.permissions === UNKNOWN) continue;
      if (!CLOSED_MODES.includes(upload.permissions ?? "0644")) {
        report(`The secret file ${String(upload.file)} has mode ${upload.permissions ?? "0644, the default"}.`);
      }
    }
  },
);

function isSecret({ file, content }: Upload): boolean {
  if (typeof content === "string" && PRIVATE_KEY.test(content)) return true;
  if (typeof file !== "string") return false;
  if (LIKELY_NAME.test(file)) return typeof content !== "string" || PASSWORD_LINE.test(content);
  return SECRET_NAME.test(file) || SECRET_FOLDER.test(file);
}
