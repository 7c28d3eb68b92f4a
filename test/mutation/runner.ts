import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { InstrumenterContext } from "@stryker-mutator/api/core";
import { PluginKind, declareFactoryPlugin } from "@stryker-mutator/api/plugin";
import {
  DryRunStatus,
  TestStatus,
  determineHitLimitReached,
  toMutantRunResult,
} from "@stryker-mutator/api/test-runner";
import type { DryRunResult, MutantRunOptions, TestResult, TestRunner } from "@stryker-mutator/api/test-runner";
import { takeTests } from "./tests.ts";
import type { Test } from "./tests.ts";

/** The unit tests of the rules: those that need neither the engine nor a process of their own. */
const FILES = ["rules.test.ts", "settings.test.ts", "documentation.test.ts"];

const collector = new URL("tests.ts", import.meta.url).href;
const context: InstrumenterContext = {};

/**
 * Runs the tests of `policy/rules` in Stryker's worker. Its own runners start a process of Node for every mutant, a second each; and none of them
 * reloads an ES module, which mutants of what a rule says about itself need. Here the test files register with tests.ts in place of `node:test`,
 * and a load that is to be fresh gives each file of the sandbox an address that Node has not seen.
 */
class RulesTestRunner implements TestRunner {
  #load = 0;
  #tests: readonly Test[] = [];

  capabilities() {
    return { reloadEnvironment: true };
  }

  init(): Promise<void> {
    // Where the instrumented files look for the mutant that is active.
    Object.assign(globalThis, { __stryker__: context });
    // The worker's folder is the sandbox: a copy of the repository with all mutants in it.
    const sandbox = pathToFileURL(`${process.cwd()}/`).href;
    registerHooks({
      resolve: (specifier, from, next) => {
        const ours = from.parentURL?.startsWith(sandbox) === true;
        if (specifier === "node:test" && ours) return { url: collector, shortCircuit: true };
        const found = next(specifier, from);
        return found.url.startsWith(sandbox) ? { ...found, url: `${found.url}?load=${this.#load}` } : found;
      },
    });
    return Promise.resolve();
  }

  async dryRun(): Promise<DryRunResult> {
    context.mutantCoverage = { static: {}, perTest: {} };
    await this.#reload();
    return { ...(await this.#run(this.#tests, false)), mutantCoverage: context.mutantCoverage };
  }

  async mutantRun(options: MutantRunOptions) {
    context.hitCount = options.hitLimit === undefined ? undefined : 0;
    context.hitLimit = options.hitLimit;
    context.activeMutant = options.mutantActivation === "static" ? options.activeMutant.id : undefined;
    try {
      if (options.reloadEnvironment || this.#load === 0) await this.#reload();
    } catch (error) {
      // A rule that does not load any more: every test file fails.
      return toMutantRunResult(complete([failed("load", 0, error)]));
    }
    context.activeMutant = options.activeMutant.id;
    const chosen = options.testFilter && new Set(options.testFilter);
    const result = await this.#run(
      this.#tests.filter(({ name }) => chosen?.has(name) ?? true),
      !options.disableBail,
    );
    return toMutantRunResult(determineHitLimitReached(context.hitCount, context.hitLimit) ?? result);
  }

  async #reload(): Promise<void> {
    this.#load += 1;
    takeTests();
    for (const file of FILES) await import(pathToFileURL(join(process.cwd(), "test/policy", file)).href);
    this.#tests = takeTests();
  }

  async #run(tests: readonly Test[], bail: boolean) {
    const results: TestResult[] = [];
    for (const { name, run } of tests) {
      context.currentTestId = name;
      const started = performance.now();
      try {
        await run();
        results.push({ id: name, name, timeSpentMs: performance.now() - started, status: TestStatus.Success });
      } catch (error) {
        results.push(failed(name, performance.now() - started, error));
        if (bail) break;
      }
    }
    context.currentTestId = undefined;
    return complete(results);
  }
}

function complete(tests: TestResult[]) {
  return { status: DryRunStatus.Complete, tests } as const;
}

function failed(name: string, timeSpentMs: number, error: unknown): TestResult {
  return { id: name, name, timeSpentMs, status: TestStatus.Failed, failureMessage: String(error) };
}

export const strykerPlugins = [declareFactoryPlugin(PluginKind.TestRunner, "rules", () => new RulesTestRunner())];
