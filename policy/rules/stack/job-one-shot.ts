import { JOB } from "../../lib/docker.ts";
import { UNKNOWN } from "../../lib/properties.ts";
import { production } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const jobOneShot = containerRule(
  {
    name: "job-one-shot",
    displayName: "Jobs run once",
    description:
      "A container with the role job runs once to its end, waited for, and publishes nothing: that role is freed from the rules for services, so nothing that stays may hide behind it.",
    level: "mandatory",
    severity: "high",
    framework: production(
      "mounted-files",
      "Every container's configuration is mounted as files (by jobs that stage them)",
    ),
    tags: ["jobs", "correctness"],
    remediationSteps:
      'Set `mustRun: false, attach: true, restart: "no"` and no ports, or give the container a role of its own.',
  },
  (container, _settings, report) => {
    if (container.role !== JOB) return;
    const { props } = container;
    const mustRun = props.boolean("mustRun");
    const attach = props.boolean("attach");
    const restart = props.string("restart");
    if (mustRun !== UNKNOWN && mustRun !== false) report("mustRun is not false, so the provider starts it again.");
    if (attach !== UNKNOWN && attach !== true)
      report("attach is not true, so nobody waits for its end or sees its exit code.");
    if (restart !== UNKNOWN && restart !== undefined && restart !== "no")
      report(`It restarts by itself ("${restart}").`);
    if (container.ports().items.length > 0) report("It publishes ports.");
  },
);
