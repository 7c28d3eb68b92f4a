import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { load } from "js-yaml";
import type { PolicyPackConfig } from "@pulumi/policy";
import { configFile, environments, readConfig } from "../policy/configuration.ts";
import type { Environment } from "../policy/configuration.ts";
import { listExemptions, staleExemptions } from "../policy/exemptions.ts";
import { rules } from "../policy/registry.ts";
import { configTextProblems } from "../policy/tools/config-check.ts";
import { configured } from "../policy/tools/evaluate.ts";
import { recordEnvironment } from "../policy/tools/program.ts";
import { root } from "./paths.ts";
import { foreground, step, UserError } from "./run.ts";
import { setUpPulumi } from "./setup.ts";
import { prepareStack, pulumiEnvironment, requireStackFile, stackFile } from "./stack.ts";

/** `npm run policy`: the rules with their levels; with `--exemptions` who may break which rule, and why. */
export async function policy(flags: ReadonlySet<string>): Promise<number> {
  if (flags.has("check")) return checkPolicy();
  if (flags.has("exemptions")) for (const environment of environments) printExemptions(environment);
  else printRules();
  return 0;
}

/**
 * Arguments for `pulumi preview` and `pulumi up` that judge a stack by the pack, at the levels of the stack's environment.
 * @throws UserError when the policy config has a mistake: the CLI lets some pass, and names no file for the others.
 */
export function policyArguments(stack: string): string[] {
  const environment = environmentOf(stack);
  readCheckedConfig(environment);
  const config = fileURLToPath(configFile(environment));
  return ["--policy-pack", join(root, "policy"), "--policy-pack-config", config];
}

/** @throws UserError that names the file and lists what is wrong in it. */
function readCheckedConfig(environment: Environment): PolicyPackConfig {
  const problems = configTextProblems(rules, readFileSync(configFile(environment), "utf8"));
  if (problems.length > 0) throw new UserError(listProblems(environment, problems));
  return readConfig(environment);
}

function listProblems(environment: Environment, problems: readonly string[]): string {
  return problems.map((problem) => `policy/config/${environment}.json: ${problem}`).join("\n");
}

function environmentOf(stack: string): Environment {
  const file = load(readFileSync(stackFile(stack), "utf8")) as { config?: Record<string, unknown> } | undefined;
  return environments.find((name) => name === file?.config?.["sbc:environment"]) ?? "dev";
}

/**
 * Judges what a stack is made of now, by its state: a certificate comes near its end and a version's holes become known without any
 * deployment. Resolves to the exit code.
 */
export async function analyze(stack: string): Promise<number> {
  requireStackFile(stack);
  console.error("set-up");
  const cli = await setUpPulumi();
  await step(`stack ${stack}`, () => prepareStack(cli, stack));
  const folder = mkdtempSync(join(tmpdir(), "sbc-policy-"));
  try {
    const nightly = JSON.parse(readFileSync(join(root, "policy/config/nightly.json"), "utf8")) as PolicyPackConfig;
    const config = join(folder, "config.json");
    writeFileSync(config, JSON.stringify({ ...readCheckedConfig(environmentOf(stack)), ...nightly }));
    return await foreground(
      cli.path,
      ["policy", "analyze", "--stack", stack, "--policy-pack", join(root, "policy"), "--policy-pack-config", config],
      { cwd: root, env: pulumiEnvironment(cli, stack) },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * The part of `npm run lint` that reads policy config: every rule and setting exists, every exemption has its reason and is needed by the
 * program that the environment's stack file describes, with all of the monitoring.
 * @throws UserError that lists what is wrong.
 */
export async function checkPolicy(): Promise<number> {
  for (const environment of environments) {
    await step(`policy config of ${environment}`, async () => {
      const config = readCheckedConfig(environment);
      if (listExemptions(rules, config).length === 0) return;
      const stale = await staleExemptions(rules, config, await recordEnvironment(environment, "full"));
      const problems = stale.map(
        ({ rule, role }) => `${rule}: nothing with the role "${role}" needs the exemption any more; remove it`,
      );
      if (problems.length > 0) throw new UserError(listProblems(environment, problems));
    });
  }
  return 0;
}

function printRules(): void {
  const width = Math.max(...rules.map(({ name }) => name.length));
  console.log(`${"rule".padEnd(width)}  ${environments.map((name) => name.padEnd(10)).join("")}severity`);
  for (const rule of rules) {
    const levels = environments.map((environment) => configured(rule, readCheckedConfig(environment)).level.padEnd(10));
    console.log(`${rule.name.padEnd(width)}  ${levels.join("")}${rule.severity}`);
  }
}

function printExemptions(environment: Environment): void {
  const exemptions = listExemptions(rules, readCheckedConfig(environment));
  console.log(`${environment}: ${exemptions.length === 0 ? "none" : ""}`);
  for (const { rule, role, reason } of exemptions) console.log(`  ${rule}, role "${role}":\n    ${reason}`);
}
