import * as pulumi from "@pulumi/pulumi";
import { foundation, service } from "./hardened.ts";
import { scenarios } from "./scenarios.ts";

// One program for all of them: `SCENARIOS=rule,rule` says which rules this run breaks.
const wanted = (process.env["SCENARIOS"] ?? "").split(",").filter((name) => name !== "");
const nodes = Math.min(2, ...wanted.map((name) => scenarios[name]?.nodes ?? 2));

foundation(nodes);
// The bench wants a stack of a realistic size.
for (let index = 0; index < Number(process.env["SCENARIO_SERVICES"] ?? 0); index += 1) service(`service-${index}`);
for (const name of wanted) {
  const scenario = scenarios[name];
  if (scenario === undefined) throw new pulumi.RunError(`there is no scenario "${name}"`);
  scenario.add(name);
}
