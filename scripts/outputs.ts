import type { Cli } from "./cli.ts";
import { root } from "./paths.ts";
import { capture, UserError } from "./run.ts";
import type { SmokeOptions } from "./smoke.ts";
import { explain, pulumiEnvironment } from "./stack.ts";

/** Outputs of a stack that the scripts read; see index.ts. */
export interface StackOutputs extends SmokeOptions {
  /** Parts that were left out, each with its reason. */
  leftOut?: readonly string[];
}

/**
 * The outputs, secrets in plain text.
 * @throws UserError when the stack is not up.
 */
export function readOutputs(cli: Cli, stack: string): StackOutputs {
  const { code, stdout, stderr } = capture(cli.path, ["stack", "output", "--json", "--show-secrets", "-s", stack], {
    cwd: root,
    env: pulumiEnvironment(cli, stack),
  });
  if (code !== 0) throw new UserError(`pulumi stack output failed: ${explain(stderr)}`);
  const outputs = JSON.parse(stdout) as Partial<StackOutputs>;
  if (!outputs.sip || !outputs.addresses) throw new UserError(`the stack ${stack} is not up: npm run up -- ${stack}`);
  return outputs as StackOutputs;
}
