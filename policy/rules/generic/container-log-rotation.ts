import { UNKNOWN } from "../../lib/properties.ts";
import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerLogRotation = containerRule<{ drivers: readonly string[] }>(
  {
    name: "container-log-rotation",
    displayName: "Logs rotate",
    description:
      "A container's log is kept and rotated: Docker's json-file never rotates by itself and fills the disk, and a log that is not kept helps nobody.",
    level: "mandatory",
    severity: "medium",
    framework: cisDocker("2.13", "Ensure centralized and remote logging is configured"),
    tags: ["docker", "logs", "production:log-rotation"],
    remediationSteps:
      'Set `logDriver: "json-file"` with `logOpts: { "max-size", "max-file" }`, or `logDriver: "local"`.',
    settings: {
      drivers: {
        default: ["json-file", "local"],
        schema: {
          type: "array",
          items: { type: "string" },
          description:
            "Log drivers that may be used; a remote one must be non-blocking, or a stalled collector stalls the service. `none` never is.",
        },
      },
    },
  },
  (container, { drivers }, report) => {
    const driver = container.props.string("logDriver");
    const options = container.props.object("logOpts");
    if (driver === UNKNOWN) return;
    if (driver === undefined) report("No log driver is set, so the host's default decides.");
    else if (driver === "none" || !drivers.includes(driver)) report(`The log driver "${driver}" is not allowed.`);
    if (driver === undefined || driver === "local" || options === UNKNOWN) return;
    if (driver === "json-file") {
      for (const option of ["max-size", "max-file"]) {
        if (options?.string(option) === undefined) report(`The log option ${option} is not set.`);
      }
    } else if (options?.string("mode") === undefined || options.string("mode") === "blocking") {
      report('A remote log driver needs the log option mode "non-blocking".');
    }
  },
);
