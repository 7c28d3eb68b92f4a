import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { root } from "./paths.ts";

/** The part of a saved plan that tells whose it is. */
interface Plan {
  resourcePlans?: Readonly<Record<string, unknown>>;
}

/** The file after `--plan` among arguments for `pulumi up`. */
export function planFile(args: readonly string[]): string | undefined {
  for (const [index, arg] of args.entries()) {
    if (arg === "--plan") return args[index + 1] ?? "";
    if (arg.startsWith("--plan=")) return arg.slice("--plan=".length);
  }
  return undefined;
}

/**
 * Why a file is no plan for a stack, with the command that saves one; undefined when it is one. The CLI itself does not ask: it would
 * report every resource as unexpected, or fail on the passphrase of the other stack.
 */
export function planProblem(file: string, stack: string): string | undefined {
  const mend = `to save one: npm run preview -- ${stack} --save-plan ${file === "" ? "FILE" : file}`;
  const path = resolve(root, file);
  if (file === "" || !existsSync(path)) return `--plan ${file}: there is no such file; ${mend}`;
  let plan: Plan | null;
  try {
    plan = JSON.parse(readFileSync(path, "utf8")) as Plan | null;
  } catch {
    return `--plan ${file}: this is no plan; ${mend}`;
  }
  const [urn] = Object.keys(plan?.resourcePlans ?? {});
  const owner = /^urn:pulumi:([^:]+)::/.exec(urn ?? "")?.[1];
  if (owner === undefined) return `--plan ${file}: this is no plan; ${mend}`;
  return owner === stack ? undefined : `--plan ${file}: this is a plan for the stack ${owner}; ${mend}`;
}
