import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ScenarioStack } from "../policy/cli.ts";
import { broken, expected, isAdvisory, scenarioConfig } from "../policy/expectations.ts";
import { scenarios } from "../policy/scenarios/scenarios.ts";

describe("a preview by the real CLI of one violating program", { timeout: 1_200_000 }, () => {
  let stack: ScenarioStack;

  before(async () => {
    stack = await ScenarioStack.create();
  });
  after(async () => {
    await stack.remove();
  });

  for (const [name, { refusedByStandIn }] of Object.entries(scenarios)) {
    it(`fails with exactly ${name}`, async (test) => {
      const run = await stack.preview([name], "policy", scenarioConfig);
      if (refusedByStandIn !== undefined && run.output.includes("stand-in")) {
        test.skip(`the Docker plugin is a stand-in and ${refusedByStandIn}`);
        return;
      }
      assert.deepEqual(broken(run), expected([name]), run.output);
      assert.equal(run.code, isAdvisory(name) ? 0 : 1, run.output);
    });
  }
});
