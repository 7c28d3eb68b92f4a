import assert from "node:assert/strict";
import { accessSync, constants, existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { load } from "js-yaml";

const root = join(import.meta.dirname, "../..");
const folder = join(root, ".github/workflows");
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}
interface Job {
  permissions?: Record<string, string>;
  concurrency?: { group: string };
  "timeout-minutes"?: number;
  steps: Step[];
}
interface Workflow {
  on: Record<string, unknown>;
  permissions?: Record<string, string>;
  concurrency?: { group: string };
  jobs: Record<string, Job>;
}

for (const file of readdirSync(folder)) {
  const text = readFileSync(join(folder, file), "utf8");
  const workflow = load(text) as Workflow;
  const jobs = Object.values(workflow.jobs);
  const steps = jobs.flatMap((job) => job.steps);

  describe(`workflow ${file}`, () => {
    it("pins every action by commit, with its version beside it", () => {
      const lines = text.split("\n").filter((line) => /^\s*(- )?uses:/.test(line));
      assert.equal(lines.length, steps.filter(({ uses }) => uses !== undefined).length);
      for (const line of lines) assert.match(line, /uses: [\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    });

    it("may only read, unless a job says what else it needs", () => {
      assert.deepEqual(workflow.permissions, { contents: "read" });
      for (const { permissions = {} } of jobs) {
        for (const [scope, level] of Object.entries(permissions)) {
          assert.ok(level === "read" || scope === "pull-requests", `${scope}: ${level}`);
        }
      }
    });

    it("runs no code of a pull request with the rights of the repository", () => {
      for (const event of ["pull_request_target", "workflow_run", "issue_comment"]) {
        assert.ok(!(event in workflow.on), event);
      }
    });

    it("leaves no token in the working tree", () => {
      for (const step of steps.filter(({ uses }) => uses?.startsWith("actions/checkout@"))) {
        assert.equal(step.with?.["persist-credentials"], false);
      }
    });

    it("runs only what can be run here as well", () => {
      for (const { run } of steps) {
        for (const line of run?.trim().split("\n") ?? []) {
          const [, script] = /^npm run ([\w:-]+)( -- .*)?$/.exec(line) ?? [];
          if (script === undefined) {
            assert.equal(line, ".ci/run");
            accessSync(join(root, line), constants.X_OK);
          } else {
            assert.ok(scripts[script] !== undefined, `npm run ${script}`);
          }
        }
      }
    });

    it("puts nothing into a command that others may choose", () => {
      for (const { run = "" } of steps) {
        for (const [, expression] of run.matchAll(/\$\{\{\s*(.*?)\s*\}\}/g)) assert.equal(expression, "matrix.stack");
      }
    });

    it("names stacks that exist, ends in time, and is not run twice at once", () => {
      for (const [, list = ""] of text.matchAll(/^\s+stack: \[(.*)\]$/gm)) {
        for (const stack of list.split(", ")) assert.ok(existsSync(join(root, `Pulumi.${stack}.yaml`)), stack);
      }
      for (const job of jobs) {
        assert.ok((job["timeout-minutes"] ?? 0) > 0);
        assert.ok(job.concurrency ?? workflow.concurrency);
      }
    });
  });
}
