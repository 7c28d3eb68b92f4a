import { owaspDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

const SECRET_KEY =
  /(^|_)(PASSWORD|PASSWD|PASSPHRASE|PWD|PASS|PW|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|ENCRYPTION_?KEY|CREDENTIALS?)(_|$)/i;
/** Settings about a secret, not the secret. */
const NOT_A_SECRET =
  /(_FILE|_PATH|_DIR|_LENGTH|_LIFETIME|_TTL|_TIMEOUT|_EXPIR[A-Z]*|_POLICY|_ALGORITHM)$|ALLOW_EMPTY|RANDOM/i;
const BOOLEAN_OR_QUANTITY = /^(true|false|yes|no|on|off|\d+(\.\d+)?\s*[a-z]{0,2})?$/i;

export const envNoPlaintextSecret = containerRule(
  {
    name: "env-no-plaintext-secret",
    displayName: "No secret in the environment",
    description:
      "No password, token or key is in an environment variable: `docker inspect`, /proc and crash reports show it to anybody on the host.",
    level: "mandatory",
    severity: "high",
    framework: owaspDocker("Rule 12", "Utilize Docker Secrets for Sensitive Data Management"),
    tags: ["docker", "secrets"],
    remediationSteps: "Mount the secret as a file and name it by the image's `…_FILE` variable.",
  },
  (container, _settings, report) => {
    for (const { key, value } of container.environment()) {
      if (!SECRET_KEY.test(key) || NOT_A_SECRET.test(key) || BOOLEAN_OR_QUANTITY.test(value)) continue;
      report(`The environment variable ${key} holds a secret.`);
    }
  },
);
