import { owaspDocker } from "../../lib/frameworks.ts";
import { UNKNOWN } from "../../lib/properties.ts";
import { containerRule } from "../../lib/rule.ts";

const CREDENTIAL_URL = /[a-z][a-z0-9+.-]*:\/\/[^\s/:@]+:[^\s/@]+@/i;

export const envNoCredentialUrl = containerRule(
  {
    name: "env-no-credential-url",
    displayName: "No credentials in URLs",
    description:
      "No variable, argument or label holds a URL with user and password: process lists, logs and `docker inspect` show it.",
    level: "mandatory",
    severity: "high",
    framework: owaspDocker("Rule 12", "Utilize Docker Secrets for Sensitive Data Management"),
    tags: ["docker", "secrets"],
    remediationSteps: "Keep the URL without credentials and read the password from a mounted file.",
  },
  (container, _settings, report) => {
    const { aside } = container.props;
    for (const { key, value } of container.environment()) {
      if (CREDENTIAL_URL.test(value)) report(`The environment variable ${key} holds a URL with a password.`);
    }
    for (const list of ["command", "entrypoints"]) {
      if (aside.strings(list).items.some((argument) => CREDENTIAL_URL.test(argument)))
        report(`An argument in ${list} holds a URL with a password.`);
    }
    const check = aside.object("healthcheck");
    if (
      check !== undefined &&
      check !== UNKNOWN &&
      check.strings("tests").items.some((part) => CREDENTIAL_URL.test(part))
    ) {
      report("The health check holds a URL with a password.");
    }
    for (const label of aside.objects("labels").items) {
      const value = label.string("value");
      if (typeof value === "string" && CREDENTIAL_URL.test(value))
        report(`The label ${String(label.string("label"))} holds a URL with a password.`);
    }
  },
);
