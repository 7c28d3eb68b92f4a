import { mkdirSync } from "node:fs";
import { ensureBaseImage } from "./base-image.ts";
import { buildCli, ensureLanguageHost, findCli, type Cli } from "./cli.ts";
import { ensureEngine, requireEngine } from "./engine.ts";
import { sbcFolder } from "./paths.ts";
import { ensurePlugins, type PluginKind } from "./plugins.ts";
import { step } from "./run.ts";
import { prepareStack, requireStackFile } from "./stack.ts";

/** Everything that Pulumi and Docker need, made where it is not there. Prints each step with its duration; costs little when repeated. */
export async function setUp(stack: string, wish?: PluginKind): Promise<Cli> {
  requireStackFile(stack);
  console.error("set-up");
  const cli = await setUpPulumi(wish);
  await step("Docker Engine", ensureEngine);
  await step("base image", ensureBaseImage);
  await step(`stack ${stack}`, () => prepareStack(cli, stack));
  return cli;
}

/** For commands that use what `npm run up` has made: installs nothing on the machine, and starts no engine. */
export async function setUpForUse(stack: string): Promise<Cli> {
  requireStackFile(stack);
  console.error("set-up");
  const cli = await setUpPulumi();
  await step("Docker Engine", requireEngine);
  await step(`stack ${stack}`, () => prepareStack(cli, stack));
  return cli;
}

/** The CLI and the plugins; both go into the ignored folder. */
export async function setUpPulumi(wish?: PluginKind): Promise<Cli> {
  mkdirSync(sbcFolder, { recursive: true });
  const found = findCli();
  if (!found) console.error("  building the Pulumi CLI from its Go module: about 4 minutes, once");
  const started = performance.now();
  const cli = found ?? buildCli();
  const origin = cli.origin === "built" ? "built from toolchain/go.mod" : cli.path;
  if (cli.origin === "built") ensureLanguageHost();
  await step("Pulumi CLI", () => `${cli.version}, ${origin}`, started);
  await step("provider plugins", () => ensurePlugins(cli.path, wish));
  return cli;
}
