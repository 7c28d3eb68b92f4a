import { production } from "../../lib/frameworks.ts";
import { stackRule } from "../../lib/rule.ts";

interface Settings {
  readonly role: string;
  readonly minimum: number;
}

export const stackMinRedundancy = stackRule<Settings>(
  {
    name: "stack-min-redundancy",
    displayName: "More than one voice node",
    description:
      "The stack has at least two Asterisk nodes, each in the dispatcher's list: with one, every restart is an outage, and a node that is not listed takes no calls.",
    level: "mandatory",
    severity: "high",
    framework: production("redundancy", "Two Asterisk servers, internal only"),
    tags: ["voice", "reliability"],
    remediationSteps:
      "Set `sbc:asterisk` to two nodes or more, and let the dispatcher's rows follow from the same list.",
    settings: {
      role: { default: "asterisk", schema: { type: "string", minLength: 1, description: "Role of the voice nodes." } },
      minimum: { default: 2, schema: { type: "integer", minimum: 0, description: "Least number of them." } },
    },
  },
  (stack, { role, minimum }, report) => {
    if (!stack.labelled) return;
    const nodes = stack.withRole(role);
    if (nodes.length < minimum)
      report(
        `The stack has ${nodes.length} container(s) with the role "${role}", fewer than ${minimum}.`,
        nodes[0]?.member,
      );
    const listed = new Set(stack.texts().filter(isDispatcherList).flatMap(destinations));
    // Rows that stem from unknown values, or that nobody staged, cannot be judged.
    if (listed.size === 0) return;
    for (const node of nodes) {
      const addresses = node.addresses();
      if (addresses.length > 0 && !addresses.some((address) => listed.has(address))) {
        report("The node is not in the dispatcher's list.", node.member);
      }
    }
  },
);

function isDispatcherList(text: string): boolean {
  return /\bdispatcher\b/i.test(text);
}

function destinations(text: string): readonly string[] {
  return [...text.matchAll(/\bsips?:(\d+\.\d+\.\d+\.\d+)/g)].map((match) => match[1] ?? "");
}
