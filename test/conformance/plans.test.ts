import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { planProblem } from "../../scripts/plan.ts";
import { advise } from "../../scripts/stack.ts";
import { Stack } from "./stack.ts";

describe("a saved plan", () => {
  let stack: Stack;
  let folder: string;
  let plan: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "plans-"));
    plan = join(folder, "plan.json");
    stack = await Stack.create("plans");
  });
  after(async () => {
    await stack.destroy();
    await stack.remove();
    await rm(folder, { recursive: true });
  });

  it("is what up does, when nothing has changed since", async () => {
    const preview = await stack.preview({ length: 20 }, "--save-plan", plan);
    assert.equal(preview.code, 0, preview.output);
    const up = await stack.up({ length: 20 }, "--plan", plan);
    assert.equal(up.code, 0, up.output);
    assert.deepEqual([up.steps.get("first"), up.steps.get("second")], [["create"], ["create"]]);
  });

  it("holds no secret in plain text", async () => {
    const preview = await stack.preview({ length: 21 }, "--save-plan", plan);
    assert.equal(preview.code, 0, preview.output);
    const { secret } = await stack.outputs();
    assert.ok(typeof secret === "string" && secret.length === 20);
    assert.ok(!(await readFile(plan, "utf8")).includes(JSON.stringify(secret).slice(1, -1)));
  });

  it("stops up when the program has changed since, with what to do", async () => {
    const up = await stack.up({ length: 22 }, "--plan", plan);
    assert.notEqual(up.code, 0);
    assert.match(advise(up.output) ?? `no advice for\n${up.output}`, /save it again/);
    assert.equal(String((await stack.outputs())["secret"]).length, 20);
  });

  it("stops up when the stack has changed since", async () => {
    assert.equal((await stack.up({ length: 23 })).code, 0);
    const preview = await stack.preview({ length: 24 }, "--save-plan", plan);
    assert.equal(preview.code, 0, preview.output);
    assert.equal((await stack.destroy()).code, 0);
    const up = await stack.up({ length: 24 }, "--plan", plan);
    assert.notEqual(up.code, 0, up.output);
    assert.match(advise(up.output) ?? `no advice for\n${up.output}`, /save it again/);
  });

  it("is taken by its own stack only", () => {
    assert.equal(planProblem(plan, "test"), undefined);
    assert.match(planProblem(plan, "prod") ?? "", /plan for the stack test; .* npm run preview -- prod --save-plan/);
  });

  it("is told from other files", async () => {
    const other = join(folder, "other.json");
    for (const content of ["", "{}", "null", '{"resourcePlans":{}}', "plan"]) {
      await writeFile(other, content);
      assert.match(planProblem(other, "test") ?? "", /this is no plan/, content);
    }
    assert.match(planProblem(join(folder, "none.json"), "test") ?? "", /no such file/);
  });
});
