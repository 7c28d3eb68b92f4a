import { production } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

export const containerReplaceOrder = containerRule(
  {
    name: "container-replace-order",
    displayName: "Delete before replace",
    description:
      "A container with a fixed name, address or host port is deleted before its replacement is made: the two cannot exist at once, so the replacement would fail.",
    level: "mandatory",
    severity: "medium",
    framework: production("addresses", "Static addresses and names survive a replacement"),
    tags: ["docker", "correctness"],
    remediationSteps: "Set the resource option `deleteBeforeReplace: true`.",
  },
  (container, _settings, report) => {
    if (container.subject.options.deleteBeforeReplace === true) return;
    const name = container.props.string("name");
    const fixed = [
      typeof name === "string" && !isGenerated(name, container.subject.name) ? "name" : "",
      container.addresses().length > 0 ? "address" : "",
      container.ports().items.some((port) => typeof port.external === "number") ? "host port" : "",
    ].filter((what) => what !== "");
    if (fixed.length > 0) report(`It has a fixed ${fixed.join(", ")}, and deleteBeforeReplace is not set.`);
  },
);

/** A name that the provider made, for the program gave none: the resource's, and seven digits that the replacement gets anew. */
function isGenerated(name: string, resource: string): boolean {
  return name.startsWith(`${resource}-`) && /^[0-9a-f]{7}$/.test(name.slice(resource.length + 1));
}
