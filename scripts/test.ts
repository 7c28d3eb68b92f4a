import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ensureBrowser } from "./browser.ts";
import { lint } from "./lint.ts";
import { root } from "./paths.ts";
import { step, UserError } from "./run.ts";
import { setUp } from "./setup.ts";
import { pulumiEnvironment } from "./stack.ts";
import { sweepTests } from "./sweep.ts";

/** The suites in the order in which they run: the quick ones first. `long` runs with `npm run test:long` only. */
const suites = [
  "unit",
  "component",
  "architecture",
  "browser",
  "config",
  "policy",
  "conformance",
  "e2e",
  "long",
] as const;

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/** Suites that need neither Pulumi nor Docker. */
const pure = new Set<string>(["unit", "component", "architecture", "browser"]);

/** `npm test`. `wanted` names suites; without any all run. Resolves to the exit code. */
export async function test(wanted: readonly string[], long: boolean): Promise<number> {
  const unknown = wanted.filter((name) => !(suites as readonly string[]).includes(name));
  if (unknown.length > 0) throw new UserError(`no such suite: ${unknown.join(", ")}. There are: ${suites.join(", ")}`);
  const started = performance.now();
  const chosen = suites.filter((name) => (wanted.length > 0 ? wanted.includes(name) : name !== "long" || long));
  const environment = chosen.every((name) => pure.has(name)) ? {} : await prepare();
  if (chosen.includes("browser") || chosen.includes("e2e")) await step("browser", ensureBrowser);
  const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
  const table: string[] = [];
  if (wanted.length === 0) totals[(await lintPasses()) ? "passed" : "failed"] += 1;
  for (const suite of chosen) {
    const files = testFiles(join(root, "test", suite));
    if (files.length === 0) continue;
    console.log(`\n=== ${suite}`);
    const from = performance.now();
    const result = await runSuite(suite, files, environment);
    for (const key of ["passed", "failed", "skipped"] as const) totals[key] += result[key];
    const seconds = ((performance.now() - from) / 1000).toFixed(0);
    table.push(
      `  ${suite.padEnd(13)} ${String(result.passed).padStart(5)} passed ${String(result.failed).padStart(4)} failed ${String(result.skipped).padStart(4)} skipped ${seconds.padStart(5)} s`,
    );
  }
  console.log(`\n${table.join("\n")}\n  all of it took ${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
  const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : "";
  console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);
  // No test at all is no success.
  return totals.failed > 0 || totals.passed === 0 ? 1 : 0;
}

/** Everything that the suites use. Returns the environment for them: their stacks have back ends of their own, and no name from us. */
async function prepare(): Promise<NodeJS.ProcessEnv> {
  const cli = await setUp("dev");
  await step("left over from earlier tests, removed", sweepTests);
  return { ...pulumiEnvironment(cli, "dev"), PULUMI_STACK: undefined };
}

/** Counts as one check: what is wrong in the sources shall not keep the tests from telling what is wrong in the program. */
async function lintPasses(): Promise<boolean> {
  try {
    return (await lint()) === 0;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(`\n${error.message}`);
    return false;
  }
}

function testFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .toSorted()
    .map((file) => join(folder, file));
}

/** Suites that build images, or measure, take one file at a time: two cores would only make both slow. Calls mostly wait. */
const serial = new Set<string>(["config", "policy", "conformance", "long"]);

function runSuite(suite: string, files: readonly string[], environment: NodeJS.ProcessEnv): Promise<Totals> {
  const concurrency = serial.has(suite) ? 1 : 2;
  const child = spawn(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      "--test",
      `--test-concurrency=${concurrency}`,
      "--test-reporter=spec",
      ...files,
    ],
    {
      cwd: root,
      env: { ...process.env, ...environment, NODE_ENV: "test" },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let tail = "";
  child.stdout.on("data", (chunk: Buffer) => {
    process.stdout.write(chunk);
    tail = (tail + chunk.toString()).slice(-200_000);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      // The last totals are the runner's own; a test may have printed others.
      const count = (word: string) =>
        Number([...tail.matchAll(new RegExp(`^ℹ ${word} (\\d+)$`, "gm"))].at(-1)?.[1] ?? 0);
      const failed = count("fail") + count("cancelled");
      resolve({
        passed: count("pass"),
        // A runner that ended badly without counting a failure has failed all the same.
        failed: failed === 0 && code !== 0 ? 1 : failed,
        skipped: count("skipped") + count("todo"),
      });
    });
  });
}
