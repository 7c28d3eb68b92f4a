import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { policyArguments } from "../../scripts/policy.ts";

const root = join(import.meta.dirname, "../..");

describe("npm run up and preview", () => {
  for (const stack of ["dev", "prod"]) {
    it(`load the pack with the levels of ${stack}`, () => {
      const [packFlag, pack = "", configFlag, config = ""] = policyArguments(stack);
      assert.deepEqual([packFlag, configFlag], ["--policy-pack", "--policy-pack-config"]);
      assert.ok(existsSync(join(pack, "PulumiPolicy.yaml")));
      assert.equal(config, join(root, `policy/config/${stack}.json`));
    });
  }
});
