import { UNKNOWN } from "../../lib/properties.ts";
import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerHealthcheck = containerRule(
  {
    name: "container-healthcheck",
    displayName: "Health check",
    description:
      "A service has a health check with interval, timeout and retries: without one, a process that hangs counts as up and a deployment cannot wait for it.",
    level: "mandatory",
    severity: "medium",
    framework: cisDocker("5.27", "Ensure that container health is checked at runtime"),
    tags: ["docker", "reliability"],
    remediationSteps:
      "Set `healthcheck: { tests, interval, timeout, retries }` with a command that proves that the service answers.",
  },
  (container, _settings, report) => {
    if (container.oneShot) return;
    const check = container.props.object("healthcheck");
    if (check === UNKNOWN) return;
    if (check === undefined) {
      report("There is no health check.");
      return;
    }
    const tests = check.strings("tests");
    if (tests.complete && tests.items.length === 0) report("The health check has no command.");
    if (tests.items[0] === "NONE") report("The health check is switched off.");
    for (const duration of ["interval", "timeout"]) {
      const value = check.string(duration);
      if (value !== UNKNOWN && !/[1-9]/.test(value ?? "")) report(`The health check has no ${duration}.`);
    }
    const retries = check.number("retries");
    if (retries !== UNKNOWN && !(Number(retries) > 0)) report("The health check has no retries.");
  },
);
