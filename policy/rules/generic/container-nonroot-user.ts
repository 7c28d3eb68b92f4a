import { UNKNOWN } from "../../lib/properties.ts";
import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerNonrootUser = containerRule(
  {
    name: "container-nonroot-user",
    displayName: "Not root",
    description:
      "A container states a user other than root: root inside is root for the kernel, one break-out away from the host.",
    level: "mandatory",
    severity: "high",
    framework: cisDocker("4.1", "Ensure that a user for the container has been created"),
    tags: ["docker", "privilege"],
    remediationSteps:
      "Set `user` to the image's own user id, such as `4101:4101`; exempt an image that steps down by itself by its role.",
  },
  (container, _settings, report) => {
    const user = container.props.string("user");
    if (user === UNKNOWN) return;
    if (user === undefined || user === "") report("No user is set, so the image decides, and most images say root.");
    else if (/^(root|0+)(:|$)/.test(user)) report("The container runs as root.");
  },
);
