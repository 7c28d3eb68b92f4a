import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "../../scripts/paths.ts";
import { foreground, UserError } from "../../scripts/run.ts";

const config = relative(root, join(import.meta.dirname, "stryker.config.json"));

/** Runs Stryker on `policy/rules`, or on the rules that are named. Resolves to its exit code, 1 when too many mutants survive. */
export async function testMutations(names: readonly string[]): Promise<number> {
  const files = names.map(ruleFile);
  const mutate = files.length > 0 ? ["--mutate", files.join(",")] : [];
  const stryker = join(root, "node_modules/@stryker-mutator/core/bin/stryker.js");
  return foreground(process.execPath, [stryker, "run", config, ...mutate], { cwd: root });
}

/** @throws UserError when there is no such rule. */
function ruleFile(name: string): string {
  const file = ["generic", "stack"]
    .map((half) => `policy/rules/${half}/${name}.ts`)
    .find((path) => existsSync(join(root, path)));
  if (file === undefined) throw new UserError(`there is no rule ${name}; npm run policy lists them`);
  return file;
}
