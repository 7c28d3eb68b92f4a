import { UNKNOWN } from "../../lib/properties.ts";
import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerRestartPolicy = containerRule(
  {
    name: "container-restart-policy",
    displayName: "Services come back",
    description:
      "A service restarts by itself after a crash or a reboot: a telephone exchange that waits for a person is down.",
    level: "mandatory",
    severity: "medium",
    framework: cisDocker(
      "5.15",
      "Ensure that the on-failure container restart policy is set to 5 (we deviate, see the rule's page)",
    ),
    tags: ["docker", "reliability"],
    remediationSteps: 'Set `restart: "unless-stopped"`, or `"on-failure"` with `maxRetryCount` from 1 to 5.',
  },
  (container, _settings, report) => {
    if (container.oneShot) return;
    const restart = container.props.string("restart");
    if (restart === UNKNOWN || restart === "unless-stopped" || restart === "always") return;
    if (restart !== "on-failure") {
      report(`The restart policy is ${restart === undefined ? "not set" : `"${restart}"`}.`);
      return;
    }
    const count = container.props.number("maxRetryCount");
    if (count !== UNKNOWN && !(Number(count) >= 1 && Number(count) <= 5)) {
      report('The restart policy is "on-failure" without a count from 1 to 5.');
    }
  },
);
