import { totalmem } from "node:os";
import { isWatched } from "../components/monitoring-tools.ts";
import type { Arguments } from "./arguments.ts";
import type { Cli } from "./cli.ts";
import { containersOf, failedJobs, lastLogs } from "./containers.ts";
import { imageSettings, pullPinned, pullUpstream } from "./images.ts";
import { readOutputs } from "./outputs.ts";
import { root } from "./paths.ts";
import { conflicts, memoryProblem, usedPorts, usedSubnets } from "./preflight.ts";
import { planFile, planProblem } from "./plan.ts";
import type { PluginKind } from "./plugins.ts";
import { policyArguments } from "./policy.ts";
import { foreground, must, step, UserError } from "./run.ts";
import { setUp, setUpForUse } from "./setup.ts";
import { smoke } from "./smoke.ts";
import { advise, hasResources, pulumiEnvironment, requireStackFile, syncStackFile, writeUnavailable } from "./stack.ts";
import { summary } from "./summary.ts";
import { readConfig, readWanted } from "./wanted.ts";

/** `npm run up`. */
export async function up(args: Arguments): Promise<number> {
  const { stack } = args;
  requireStackFile(stack);
  const plan = planFile(args.rest);
  const problem = plan === undefined ? undefined : planProblem(plan, stack);
  if (problem !== undefined) throw new UserError(problem);
  const cli = await setUp(stack, args.options.get("plugins") as PluginKind | undefined);
  const wanted = readWanted(stack);
  await step("addresses and ports", () => {
    refuseForeign(stack, wanted.prefix);
    const problems = conflicts(wanted, usedSubnets(), usedPorts());
    if (problems.length > 0) throw new UserError(problems.map((problem) => `- ${problem} -s ${stack}`).join("\n"));
    return "free";
  });
  const images = imageSettings(stack);
  if (images?.source === "registry") await step("images", () => pullPinned(images));

  const config = readConfig(stack);
  if (config !== undefined && isWatched(config)) {
    await step("images of the monitoring tools", () => {
      const unavailable = pullUpstream(config);
      writeUnavailable(stack, unavailable);
      const missing = Object.keys(unavailable);
      return missing.length === 0 ? "present" : `left out, cannot be pulled: ${missing.join(", ")}`;
    });
    const problem = memoryProblem(config.monitoring.profile, totalmem());
    if (problem !== undefined) console.error(`  ${problem}`);
  }

  const exported = () =>
    must(cli.path, ["stack", "export", "-s", stack], { cwd: root, env: pulumiEnvironment(cli, stack) });
  const again = plan === undefined ? failedJobs(wanted.prefix, exported).flatMap((urn) => ["--replace", urn]) : [];
  if (again.length > 0) console.error(`  jobs that failed before run again: ${again.length / 2}`);
  const code = await pulumi(cli, stack, [
    ...["up", "--yes", "--skip-preview", ...policyArguments(stack), ...again],
    ...args.rest,
  ]);
  if (code !== 0) {
    for (const log of lastLogs(wanted.prefix)) console.error(`\n${log}`);
    console.error("\nMend the cause and run the same command again: it goes on from here.");
    return code;
  }
  console.log("\nsmoke test");
  const outputs = readOutputs(cli, stack);
  await smoke({ ...outputs, ...dashboardsAddress(stack) });
  console.log(summary(stack, outputs));
  return 0;
}

/** Containers of these names that this state knows nothing of belong to a stack of another clone, or to a state that was lost. */
function refuseForeign(stack: string, prefix: string): void {
  if (hasResources(stack) !== false) return;
  const names = containersOf(prefix).map(({ name }) => name);
  if (names.length === 0) return;
  throw new UserError(
    `${names.length} containers ${prefix}-… exist already (${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""}), but this stack has not made them.\n` +
      "- Of another clone: npm run down there; or give this stack a name, subnets and ports of its own (sbc:name, sbc:networks, sbc:edge.ports).\n" +
      `- Of a state that is lost: docker ps -aq --filter name=^${prefix}- | xargs -r docker rm -f`,
  );
}

/** `npm run smoke`. */
export async function smokeTest(args: Arguments): Promise<number> {
  const cli = await setUpForUse(args.stack);
  await smoke({ ...readOutputs(cli, args.stack), ...dashboardsAddress(args.stack) });
  return 0;
}

/** Where on this host the dashboards are. */
function dashboardsAddress(stack: string): { dashboardsAddress?: string } {
  const bind = readConfig(stack)?.monitoring.bind;
  return bind === undefined || bind === "0.0.0.0" ? {} : { dashboardsAddress: bind };
}

/** `npm run preview`. */
export async function preview(args: Arguments): Promise<number> {
  const { flags, rest, stack } = args;
  const cli = await setUpForUse(stack);
  let file: string | undefined;
  if (flags.has("sample")) file = await (await import("./sample.ts")).sampleStackFile(stack);
  let output = "";
  const code = await pulumi(cli, stack, ["preview", ...policyArguments(stack), ...rest], {
    file,
    onOutput: (text) => (output += text),
  });
  if (flags.has("comment")) {
    const { comment } = await import("./comment.ts");
    console.error(`  pull request: ${await comment({ stack, code, output })}`);
  }
  return code;
}

/** Runs pulumi on a stack in the foreground, with another file for the stack's own if one is given. Resolves to its exit code. */
export async function pulumi(
  cli: Cli,
  stack: string,
  args: readonly string[],
  { file, onOutput }: { file?: string | undefined; onOutput?: (text: string) => void } = {},
): Promise<number> {
  const [command = "", ...rest] = args;
  const copy = file ?? syncStackFile(stack);
  // The CLI itself writes to a pipe.
  const color = process.stdout.isTTY && !process.env["NO_COLOR"] ? "always" : "never";
  let output = "";
  const collect = (text: string) => {
    output += text;
    onOutput?.(text);
  };
  const code = await foreground(
    cli.path,
    [command, "--stack", stack, "--color", color, ...(copy ? ["--config-file", copy] : []), ...rest],
    { cwd: root, env: pulumiEnvironment(cli, stack), onOutput: collect },
  );
  const advice = code === 0 ? undefined : advise(output);
  if (advice) console.error(`\n${advice}`);
  return code;
}
