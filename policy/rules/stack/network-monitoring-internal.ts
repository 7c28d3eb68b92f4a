import { NETWORK, PLANE_LABEL, labelOf } from "../../lib/docker.ts";
import { UNKNOWN } from "../../lib/properties.ts";
import { production } from "../../lib/frameworks.ts";
import { resourceRule } from "../../lib/rule.ts";

export const networkMonitoringInternal = resourceRule<{ planes: readonly string[] }>(
  [NETWORK],
  {
    name: "network-monitoring-internal",
    displayName: "Monitoring and data networks are internal",
    description:
      "The networks of monitoring and data are internal: what is on them holds every call's record and must neither reach the world nor be reached.",
    level: "mandatory",
    severity: "high",
    framework: production("monitoring-network", "Monitoring on a separate internal network"),
    tags: ["network", "monitoring", "production:monitoring-network"],
    remediationSteps: "Set `internal: true` on the network.",
    settings: {
      planes: {
        default: ["monitoring", "data"],
        schema: {
          type: "array",
          items: { type: "string" },
          description: "Planes (label sbc.plane) whose networks are internal.",
        },
      },
    },
  },
  ({ props, name }, { planes }, report) => {
    const plane = labelOf(props, PLANE_LABEL) ?? planeByName(props.aside.string("name")) ?? planeByName(name);
    if (plane === undefined || !planes.includes(plane)) return;
    const internal = props.boolean("internal");
    if (internal !== UNKNOWN && internal !== true) report(`The ${plane} network is not internal.`);
  },
);

/** `sbc-prod-monitoring-net` and `monitoring_net` are networks of the plane `monitoring`. */
function planeByName(name: unknown): string | undefined {
  return typeof name === "string" ? /(?:^|[-_])([a-z]+)[-_]net$/.exec(name)?.[1] : undefined;
}
