import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { load } from "js-yaml";
import { inSomeSbcFolder, paths, root } from "./paths.ts";
import { capture, must, UserError } from "./run.ts";
import { atLeast } from "./versions.ts";

/** A Pulumi CLI. */
export interface Cli {
  /** The binary. */
  path: string;
  version: string;
  /** `PATH`: installed by somebody else; `built`: here, from its Go module. */
  origin: "PATH" | "built";
}

const module = "github.com/pulumi/pulumi";
const goFloor = "1.25";

/** Oldest CLI that the project takes: `requiredPulumiVersion` in Pulumi.yaml. */
export function cliFloor(): string {
  const project = load(readFileSync(join(root, "Pulumi.yaml"), "utf8")) as { requiredPulumiVersion?: string };
  return project.requiredPulumiVersion?.replace(/^[^\d]*/, "") ?? "3.200.0";
}

/** The CLI that would be used now, without building one. */
export function findCli(): Cli | undefined {
  const floor = cliFloor();
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, "pulumi");
    // The shim would call itself, and what a clone built is looked at below.
    if (folder === "" || inSomeSbcFolder(path) || !existsSync(path)) continue;
    const { code, stdout } = capture(path, ["version"], { timeout: 20_000 });
    if (code !== 0 || !atLeast(stdout, floor) || !hasLanguageHost(path)) continue;
    return { path, version: stdout.trim(), origin: "PATH" };
  }
  const path = join(paths.builtCli, "pulumi");
  if (readOr(join(paths.builtCli, "key")) === builtKey()) return { path, version: pinnedVersion(), origin: "built" };
  return undefined;
}

/** A CLI without its host for Node programs, as some packages bring it, runs nothing of ours. */
function hasLanguageHost(cli: string): boolean {
  const folders = [dirname(realpathSync(cli)), ...(process.env["PATH"] ?? "").split(delimiter)];
  return folders
    .map((folder) => join(folder, "pulumi-language-nodejs"))
    .some((host) => existsSync(host) && !inSomeSbcFolder(host));
}

/** Version that toolchain/go.mod pins. */
function pinnedVersion(): string {
  const pin = new RegExp(`${module}/pkg/v3 (v\\S+)`).exec(readFileSync(join(root, "toolchain/go.mod"), "utf8"))?.[1];
  if (!pin) throw new UserError(`toolchain/go.mod does not require ${module}/pkg/v3`);
  return pin;
}

function builtKey(): string {
  const hash = createHash("sha256");
  for (const file of ["go.mod", "go.sum", "cli.go"]) hash.update(readFileSync(join(root, "toolchain", file)));
  return hash.digest("hex").slice(0, 16);
}

/** Why the CLI cannot be built here; undefined when it can. */
export function goProblem(): string | undefined {
  const { code, stdout } = capture("go", ["version"]);
  if (code !== 0) return `Go ≥ ${goFloor} is missing`;
  return atLeast(stdout, goFloor) ? undefined : `Go ≥ ${goFloor} is needed, not ${stdout.trim()}`;
}

/**
 * Builds the pinned CLI from its Go module.
 * @throws UserError when there is no Go that can.
 */
export function buildCli(): Cli {
  const version = pinnedVersion();
  const problem = goProblem();
  if (problem !== undefined) {
    throw new UserError(
      `there is no Pulumi CLI ≥ ${cliFloor()} on PATH, and to build one ${problem}.\n` +
        `Install the Pulumi CLI (https://www.pulumi.com/docs/install/), or Go ≥ ${goFloor}, and run this again.`,
    );
  }
  mkdirSync(paths.builtCli, { recursive: true });
  const path = join(paths.builtCli, "pulumi");
  must(
    "go",
    [
      ...["build", "-trimpath", "-ldflags", `-s -w -X ${module}/sdk/v3/go/common/version.Version=${version}`],
      ...["-o", `${path}.new`, `${module}/pkg/v3/cmd/pulumi`],
    ],
    { cwd: join(root, "toolchain") },
  );
  renameSync(`${path}.new`, path);
  writeFileSync(join(paths.builtCli, "key"), builtKey());
  return { path, version, origin: "built" };
}

/** The nodejs language host is no part of the module: the CLI finds ours beside itself. */
export function ensureLanguageHost(): void {
  wrapper(join(paths.builtCli, "pulumi-language-nodejs"), "toolchain/language-host/main.ts");
}

/** Writes an executable that runs one of the repository's TypeScript files with the Node that runs now. */
export function wrapper(file: string, script: string): void {
  const lines = [
    "#!/bin/sh",
    `exec '${process.execPath}' --disable-warning=ExperimentalWarning '${join(root, script)}' "$@"`,
    "",
  ];
  if (readOr(file) === lines.join("\n")) return;
  writeFileSync(file, lines.join("\n"));
  chmodSync(file, 0o755);
}

/** A small file's text, or an empty string when it is not there. */
export function readOr(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}
