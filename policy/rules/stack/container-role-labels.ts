import { PLANE_LABEL, ROLE_LABEL, labelOf } from "../../lib/docker.ts";
import { production } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerRoleLabels = containerRule<{ planes: readonly string[] }>(
  {
    name: "container-role-labels",
    displayName: "Role and plane are labelled",
    description:
      "A container carries the labels sbc.role and sbc.plane: every rule about relations is keyed on them, so a container without them would escape.",
    level: "mandatory",
    severity: "medium",
    framework: production("labels", "Relations are keyed on labels"),
    tags: ["labels", "correctness"],
    remediationSteps: "Create the container through `Service` or `Job` in components/, which set both labels.",
    settings: {
      planes: {
        default: ["edge", "voice", "media", "data", "monitoring"],
        schema: { type: "array", items: { type: "string" }, description: "The planes that exist." },
      },
    },
  },
  ({ props }, { planes }, report) => {
    const labels = props.objects("labels");
    if (!labels.complete && labels.items.length === 0) return;
    const role = labelOf(props, ROLE_LABEL);
    const plane = labelOf(props, PLANE_LABEL);
    if (role === undefined) report(`The label ${ROLE_LABEL} is not set.`);
    if (plane === undefined) report(`The label ${PLANE_LABEL} is not set.`);
    else if (!planes.includes(plane)) report(`The plane "${plane}" does not exist.`);
  },
);
