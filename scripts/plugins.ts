import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { readOr, wrapper } from "./cli.ts";
import { inSomeSbcFolder, paths, sbcFolder } from "./paths.ts";
import { capture, UserError } from "./run.ts";

const require = createRequire(import.meta.url);

/** Pulumi's own provider plugins, or the stand-ins of toolchain/providers. */
export type PluginKind = "official" | "stand-in";

export const pluginNames = ["docker", "random", "tls"] as const;

const answerFile = join(sbcFolder, "plugins.json");

/** What the set-up settled on, and for which versions. */
interface Answer {
  versions: string;
  kind: PluginKind;
}

/** Version of a provider: that of its SDK package. */
export function pluginVersion(name: string): string {
  return (require(`@pulumi/${name}/package.json`) as { version: string }).version;
}

/** The person's own Pulumi home. Only read: what the set-up installs goes into ours. */
export function personsHome(): string {
  const home = process.env["PULUMI_HOME"];
  return home && !inSomeSbcFolder(home) ? home : join(homedir(), ".pulumi");
}

function pluginFolder(home: string, name: string): string {
  return join(home, "plugins", `resource-${name}-v${pluginVersion(name)}`);
}

/** Which kind a home has installed; ours if none is given. */
export function installedKind(name: string, home: string = paths.pulumiHome): PluginKind | "missing" {
  const folder = pluginFolder(home, name);
  const file = join(folder, `pulumi-resource-${name}`);
  // While the CLI downloads a plugin a file `….partial` lies beside its folder.
  if (!existsSync(file) || existsSync(`${folder}.partial`)) return "missing";
  // The stand-in is a small shell script, the official one a large binary.
  return readFileSync(file).subarray(0, 2).toString() === "#!" ? "stand-in" : "official";
}

function versions(): string {
  return pluginNames.map((name) => `${name} ${pluginVersion(name)}`).join(", ");
}

/** The kind that the set-up settled on, if it has. */
export function settledKind(): PluginKind | undefined {
  const text = readOr(answerFile);
  return text === "" ? undefined : (JSON.parse(text) as Answer).kind;
}

/**
 * Installs the plugins. The first time it asks once whether the official ones can be had (≤ 20 s) and keeps the answer: a stack that was
 * made with one kind is not moved to the other behind anybody's back. `wish` moves it.
 * @returns what is in use, for people.
 */
export function ensurePlugins(cli: string, wish: PluginKind | undefined): string {
  const kind = wish ?? settledKind() ?? (officialAvailable(cli) ? "official" : "stand-in");
  for (const name of pluginNames) {
    if (kind === "stand-in") standIn(name);
    else if (installedKind(name) !== "official") installOfficial(cli, name);
  }
  writeFileSync(answerFile, JSON.stringify({ versions: versions(), kind } satisfies Answer));
  return kind === "official"
    ? `official: ${versions()}`
    : `STAND-INS of this repository: ${versions()}; for Pulumi's own: npm run up -- --plugins official`;
}

function officialAvailable(cli: string): boolean {
  const homes = [paths.pulumiHome, personsHome()];
  if (pluginNames.every((name) => homes.some((home) => installedKind(name, home) === "official"))) return true;
  // The smallest of the three. A stand-in of the same version counts as installed, and then nothing was downloaded.
  return download(cli, "random", 20_000) === undefined && installedKind("random") === "official";
}

/** @returns why not, in one line; undefined when it is installed. */
function download(cli: string, name: string, timeout: number): string | undefined {
  const { code, stderr } = capture(cli, ["plugin", "install", "resource", name, pluginVersion(name)], {
    timeout,
    env: {
      PULUMI_HOME: paths.pulumiHome,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: undefined,
    },
  });
  return code === 0 ? undefined : (stderr.trim().split("\n").at(-1) ?? "no reason given");
}

function installOfficial(cli: string, name: string): void {
  const folder = pluginFolder(paths.pulumiHome, name);
  // A stand-in of the same version would count as installed.
  rmSync(folder, { recursive: true, force: true });
  if (installedKind(name, personsHome()) === "official") {
    cpSync(pluginFolder(personsHome(), name), folder, { recursive: true, dereference: true });
    return;
  }
  const reason = download(cli, name, 300_000);
  if (reason !== undefined) {
    // Nothing may be left half-switched: the stacks go on with what made them.
    if (settledKind() === "stand-in") for (const other of pluginNames) standIn(other);
    throw new UserError(
      `the official plugin ${name} ${pluginVersion(name)} cannot be installed: ${reason}\n` +
        "To go on with the stand-ins of this repository: npm run up -- --plugins stand-in",
    );
  }
}

/** Written at every run: the wrapper names the Node that runs now. */
function standIn(name: string): void {
  const folder = pluginFolder(paths.pulumiHome, name);
  if (installedKind(name) === "official") rmSync(folder, { recursive: true });
  mkdirSync(folder, { recursive: true });
  wrapper(join(folder, `pulumi-resource-${name}`), `toolchain/providers/${name}/main.ts`);
}
