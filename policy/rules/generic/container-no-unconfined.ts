import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";
import { securityOption } from "../../lib/security-options.ts";

const OFF: Readonly<Record<string, string>> = {
  seccomp: "unconfined",
  apparmor: "unconfined",
  systempaths: "unconfined",
  label: "disable",
};

export const containerNoUnconfined = containerRule(
  {
    name: "container-no-unconfined",
    displayName: "Confinement stays on",
    description:
      "A container keeps Docker's seccomp, AppArmor and SELinux confinement: they close the kernel calls that break-outs use.",
    level: "mandatory",
    severity: "high",
    framework: cisDocker(
      "5.22",
      "Ensure that the default seccomp profile is not disabled (with 5.2 AppArmor and 5.3 SELinux)",
    ),
    tags: ["docker", "privilege", "seccomp"],
    remediationSteps:
      "Remove the option from `securityOpts`; give a profile of your own where the default one is too narrow.",
  },
  (container, _settings, report) => {
    for (const option of container.props.strings("securityOpts").items) {
      const { name, value } = securityOption(option);
      if (OFF[name] === value) report(`The security option ${name}=${value} turns confinement off.`);
    }
  },
);
