import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerProcessLimits = containerRule<{ nofileRoles: readonly string[] }>(
  {
    name: "container-process-limits",
    displayName: "Process and file limits",
    description:
      "A service has a limit on processes, and where many sockets are its work, on open files: a fork bomb otherwise stops the whole host.",
    level: "advisory",
    severity: "medium",
    framework: cisDocker("5.29", "Ensure that the PIDs cgroup limit is used (with 5.19 default ulimit)"),
    tags: ["docker", "limits"],
    remediationSteps:
      "Add `ulimits` entries `nproc` (Docker's provider has no pids limit) and, for these roles, `nofile`.",
    settings: {
      nofileRoles: {
        default: ["kamailio", "rtpengine", "elasticsearch"],
        schema: { type: "array", items: { type: "string" }, description: "Roles that must also limit open files." },
      },
    },
  },
  (container, { nofileRoles }, report) => {
    if (container.oneShot) return;
    const limits = container.props.objects("ulimits");
    if (!limits.complete) return;
    const wanted = nofileRoles.includes(container.role) ? ["nproc", "nofile"] : ["nproc"];
    for (const name of wanted) {
      const limit = limits.items.find((item) => item.string("name") === name);
      if (limit === undefined) report(`There is no ${name} limit.`);
      else if (Number(limit.number("hard")) < 0) report(`The ${name} limit is unlimited.`);
    }
  },
);
