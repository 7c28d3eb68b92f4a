import { UNKNOWN } from "../../lib/properties.ts";
import { production } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

interface Settings {
  readonly seconds: number;
  readonly secondsByRole: Readonly<Record<string, number>>;
}

export const containerGracePeriod = containerRule<Settings>(
  {
    name: "container-grace-period",
    displayName: "Time to stop",
    description:
      "A service gets time to stop: unset, the provider kills it at once, which corrupts databases and cuts calls without a BYE.",
    level: "mandatory",
    severity: "high",
    framework: production("persistence", "Databases are stopped, not killed"),
    tags: ["docker", "reliability", "production:persistence"],
    remediationSteps:
      "Set `destroyGraceSeconds`, which is the longest wait: a service that stops sooner costs nothing.",
    settings: {
      seconds: { default: 10, schema: { type: "number", minimum: 1, description: "Least grace for any service." } },
      secondsByRole: {
        default: { mariadb: 60 },
        schema: {
          type: "object",
          additionalProperties: { type: "number", minimum: 1 },
          description: "Least grace by role, where more is needed.",
        },
      },
    },
  },
  (container, settings, report) => {
    if (container.oneShot) return;
    const least = settings.secondsByRole[container.role] ?? settings.seconds;
    const grace = container.props.number("destroyGraceSeconds");
    if (grace === UNKNOWN) return;
    if (grace === undefined) report(`No grace period is set; the role "${container.role}" needs ${least} seconds.`);
    else if (grace < least)
      report(`The grace period is ${grace} seconds; the role "${container.role}" needs ${least}.`);
  },
);
