import { production } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerReadonlyWithoutUploads = containerRule(
  {
    name: "container-readonly-without-uploads",
    displayName: "Read-only root or uploads, not both",
    description:
      "A container with a read-only root takes no uploads: the engine copies them through the root filesystem and refuses, so the deployment would fail half way.",
    level: "mandatory",
    severity: "medium",
    framework: production("mounted-files", "Every container's configuration is mounted as files"),
    tags: ["docker", "correctness"],
    remediationSteps: "Fill a named volume with a one-shot job and mount it read-only.",
  },
  (container, _settings, report) => {
    const count = container.uploads().length;
    if (count > 0 && container.props.boolean("readOnly") === true) {
      report(`The root filesystem is read-only, and ${count} file(s) are to be uploaded.`);
    }
  },
);
