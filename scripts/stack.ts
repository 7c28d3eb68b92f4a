import { randomBytes } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { dump, load } from "js-yaml";
import { type Cli, readOr } from "./cli.ts";
import { inSomeSbcFolder, paths, root, sbcFolder } from "./paths.ts";
import { personsHome, settledKind } from "./plugins.ts";
import { capture, UserError } from "./run.ts";

/** Stacks that have a committed file. */
export function knownStacks(): string[] {
  return readdirSync(root).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);
}

/** The committed file of a stack. */
export function stackFile(stack: string): string {
  return join(root, `Pulumi.${stack}.yaml`);
}

/**
 * What Pulumi's commands need in their environment. What a person has set wins: another back end, another passphrase.
 */
export function pulumiEnvironment(cli: Cli, stack: string): Record<string, string> {
  const environment: Record<string, string> = {
    PULUMI_HOME: paths.pulumiHome,
    PULUMI_BACKEND_URL: backend(),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_STACK: stack,
    // Program and plugins are compiled once, not at each start: a second per command.
    NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? paths.compileCache,
    PATH: searchPath(cli),
  };
  // The log-in to the person's own back end is kept in the person's own home.
  if (backend() !== ownBackend) {
    environment["PULUMI_CREDENTIALS_PATH"] = process.env["PULUMI_CREDENTIALS_PATH"] ?? personsHome();
  }
  if (process.env["PULUMI_CONFIG_PASSPHRASE"] === undefined) {
    environment["PULUMI_CONFIG_PASSPHRASE_FILE"] = passphraseFile();
  }
  if (settledKind() === "stand-in") environment["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true";
  if (process.env["DOCKER_HOST"]) environment["DOCKER_HOST"] = process.env["DOCKER_HOST"];
  return environment;
}

const ownBackend = `file://${paths.state}`;

/** What the environment says, unless `npm run -s env` of another clone has left it there. */
function persons(variable: string, ours: string): string {
  const value = process.env[variable];
  return value && !inSomeSbcFolder(value) ? value : ours;
}

function backend(): string {
  return persons("PULUMI_BACKEND_URL", ownBackend);
}

/** The file that the passphrase is read from when it is not in the environment itself. */
export function passphraseFile(): string {
  return persons("PULUMI_CONFIG_PASSPHRASE_FILE", paths.passphrase);
}

/** PATH with the shim first, and with the Node and the CLI that the set-up made, if it made them. */
function searchPath(cli: Cli): string {
  const ours = [
    paths.bin,
    ...(process.execPath.startsWith(sbcFolder) ? [dirname(process.execPath)] : []),
    ...(cli.origin === "built" ? [paths.builtCli] : []),
  ];
  const rest = (process.env["PATH"] ?? "")
    .split(delimiter)
    // npm puts its own folders in front for the time of a script.
    .filter((folder) => !ours.includes(folder) && !/node_modules\/\.bin$|node-gyp-bin$/.test(folder));
  return [...ours, ...rest].join(delimiter);
}

/** @throws UserError when no committed file describes such a stack. */
export function requireStackFile(stack: string): void {
  if (existsSync(stackFile(stack))) return;
  throw new UserError(
    `there is no stack ${stack}: no file Pulumi.${stack}.yaml. There are: ${knownStacks().join(", ")}.\n` +
      `To make one: cp Pulumi.dev.yaml Pulumi.${stack}.yaml, and give it subnets and ports of its own`,
  );
}

/** Makes what a stack needs before its first command: passphrase, shim, state and the copy of its file with the salt. */
export function prepareStack(cli: Cli, stack: string): "present" | "new" {
  requireStackFile(stack);
  for (const folder of [paths.state, paths.stacks, paths.bin, paths.pulumiHome]) mkdirSync(folder, { recursive: true });
  ensurePassphrase();
  writeShim(cli);
  removeStaleLocks(stack);

  const environment = pulumiEnvironment(cli, stack);
  const exists = stackExists(cli, stack, environment);
  if (!exists) initialise(cli, stack, environment);
  else if (ownsSalt(stack) && readSalt(stack) === "") restoreSalt(cli, stack, environment);
  syncStackFile(stack);
  return exists ? "present" : "new";
}

function ensurePassphrase(): void {
  if (process.env["PULUMI_CONFIG_PASSPHRASE"] !== undefined) return;
  const file = passphraseFile();
  if (existsSync(file)) return;
  if (file !== paths.passphrase) {
    throw new UserError(`PULUMI_CONFIG_PASSPHRASE_FILE=${file}: there is no such file; make it, or unset the variable`);
  }
  const orphans = stacksWithSecrets();
  if (orphans.length > 0) throw new UserError(lostPassphrase(orphans));
  writeFileSync(file, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
}

/** Stacks whose secrets are encrypted with a passphrase of ours. */
export function stacksWithSecrets(): string[] {
  if (!existsSync(paths.stacks)) return [];
  return readdirSync(paths.stacks).flatMap((file) => /^(.+)\.salt$/.exec(file)?.[1] ?? []);
}

/** What the loss of the passphrase means, and what can be done. */
export function lostPassphrase(stacks: readonly string[]): string {
  const [stack = "dev"] = stacks;
  return [
    `the passphrase file ${paths.passphrase} is gone, and the secrets of ${stacks.join(", ")} cannot be read without it.`,
    "- Put it back from your backup, or set PULUMI_CONFIG_PASSPHRASE to what was in it.",
    "- If it is lost, those secrets are lost as well; containers go on running, but Pulumi cannot change them. To start anew:",
    `    docker ps -aq --filter name=^sbc-${stack}- | xargs -r docker rm -f`,
    `    docker network ls -q --filter name=^sbc-${stack}- | xargs -r docker network rm`,
    `    docker volume ls -q --filter name=^sbc-${stack}- | xargs -r docker volume rm     # call records, subscribers, voicemail!`,
    `    rm -r ${paths.state} ${paths.stacks}`,
    "  See docs/decisions/passphrase-and-salt.md.",
  ].join("\n");
}

function writeShim(cli: Cli): void {
  const shim = join(paths.bin, "pulumi");
  const node = quote(process.execPath);
  const script = [
    "#!/bin/sh",
    "# Pulumi with the stack file that carries the salt; made by the set-up. scripts/pulumi.ts prints the command to become.",
    `command=$(${node} --disable-warning=ExperimentalWarning ${quote(join(root, "scripts/pulumi.ts"))} ${quote(cli.path)} "$@") || exit`,
    'eval "$command"',
    "",
  ].join("\n");
  if (readOr(shim) === script) return;
  writeFileSync(shim, script);
  chmodSync(shim, 0o755);
}

/** A word for a POSIX shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function stackExists(cli: Cli, stack: string, environment: Record<string, string>): boolean {
  if (backend() === ownBackend) return existsSync(join(paths.state, ".pulumi/stacks", projectName(), `${stack}.json`));
  const listed = capture(cli.path, ["stack", "ls", "--json"], { cwd: root, env: environment });
  if (listed.code !== 0) throw new UserError(`pulumi stack ls failed: ${explain(listed.stderr)}`);
  return (JSON.parse(listed.stdout) as { name: string }[]).some(({ name }) => name === stack);
}

/** Whether the state has anything of the stack; undefined when it is not our file back end. */
export function hasResources(stack: string): boolean | undefined {
  if (backend() !== ownBackend) return undefined;
  const text = readOr(join(paths.state, ".pulumi/stacks", projectName(), `${stack}.json`));
  if (text === "") return false;
  const { checkpoint } = JSON.parse(text) as { checkpoint?: { latest?: { resources?: unknown[] } } };
  return (checkpoint?.latest?.resources ?? []).length > 0;
}

function projectName(): string {
  return (load(readFileSync(join(root, "Pulumi.yaml"), "utf8")) as { name: string }).name;
}

interface Lock {
  pid: number;
  hostname: string;
}

/** A CLI that was killed leaves its lock in the file back end. One of this machine whose process is gone guards nothing. */
function removeStaleLocks(stack: string): void {
  const folder = join(paths.state, ".pulumi/locks/organization", projectName(), stack);
  if (!existsSync(folder)) return;
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
    const lock = JSON.parse(readFileSync(join(folder, file), "utf8")) as Lock;
    if (lock.hostname !== hostname() || isPulumi(lock.pid)) continue;
    rmSync(join(folder, file), { force: true });
    console.error(`  removed the lock of a pulumi process that was killed (pid ${lock.pid})`);
  }
}

function isPulumi(pid: number): boolean {
  return readOr(`/proc/${pid}/comm`).trim() === "pulumi";
}

/** True unless the committed file says itself how its secrets are encrypted. */
export function ownsSalt(stack: string): boolean {
  const file = load(readFileSync(stackFile(stack), "utf8")) as Record<string, unknown> | undefined;
  return !["encryptionsalt", "secretsprovider", "encryptedkey"].some((key) => file?.[key] !== undefined);
}

function saltFile(stack: string): string {
  return join(paths.stacks, `${stack}.salt`);
}

/** The salt that the stack was made with; empty when it has none that is ours. */
export function readSalt(stack: string): string {
  return readOr(saltFile(stack)).trim();
}

/** The copy of a stack's file that carries the salt, if the stack has one. */
export function stackCopy(stack: string): string | undefined {
  return ownsSalt(stack) && existsSync(saltFile(stack)) ? join(paths.stacks, `Pulumi.${stack}.yaml`) : undefined;
}

/** Brings the copy up to the committed file. */
export function syncStackFile(stack: string): string | undefined {
  const copy = stackCopy(stack);
  if (copy === undefined) return undefined;
  let text = readFileSync(stackFile(stack), "utf8");
  const unavailable = readUnavailable(stack);
  if (Object.keys(unavailable).length > 0) {
    const file = load(text) as { config?: Record<string, Record<string, unknown>> };
    const monitoring = { ...file.config?.["sbc:monitoring"], unavailable };
    text = dump({ ...file, config: { ...file.config, "sbc:monitoring": monitoring } });
  }
  writeFileSync(copy, `${text.trimEnd()}\nencryptionsalt: ${readSalt(stack)}\n`);
  return copy;
}

/** Tools whose image the last `up` could not pull, with the reason. */
function readUnavailable(stack: string): Readonly<Record<string, string>> {
  return JSON.parse(readOr(unavailableFile(stack)) || "{}") as Record<string, string>;
}

/** Leaves tools out of a stack until its next `up`: what cannot be pulled now may be tomorrow. */
export function writeUnavailable(stack: string, unavailable: Readonly<Record<string, string>>): void {
  writeFileSync(unavailableFile(stack), JSON.stringify(unavailable));
}

function unavailableFile(stack: string): string {
  return join(paths.stacks, `${stack}.unavailable.json`);
}

/** `pulumi stack init` writes the salt into the stack's file: let it be a copy's. */
function initialise(cli: Cli, stack: string, environment: Record<string, string>): void {
  const folder = mkdtempSync(join(tmpdir(), "sbc-stack-"));
  try {
    for (const file of ["Pulumi.yaml", `Pulumi.${stack}.yaml`]) copyFileSync(join(root, file), join(folder, file));
    const result = capture(cli.path, ["stack", "init", stack, "--no-select", "-C", folder], { env: environment });
    if (result.code !== 0) throw new UserError(`pulumi stack init ${stack} failed: ${explain(result.stderr)}`);
    const salt = (load(readFileSync(join(folder, `Pulumi.${stack}.yaml`), "utf8")) as { encryptionsalt?: string })
      .encryptionsalt;
    if (ownsSalt(stack) && salt) writeFileSync(saltFile(stack), salt);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The state knows the salt as well: the copy can be made again. */
function restoreSalt(cli: Cli, stack: string, environment: Record<string, string>): void {
  const { code, stdout } = capture(cli.path, ["stack", "export", "-s", stack], { cwd: root, env: environment });
  const state = code === 0 ? (JSON.parse(stdout) as ExportedState) : undefined;
  const salt = state?.deployment?.secrets_providers?.state?.salt;
  if (salt) writeFileSync(saltFile(stack), salt);
}

interface ExportedState {
  deployment?: { secrets_providers?: { state?: { salt?: string } } };
}

/** Adds to an error of the CLI what a person can do about it. */
export function explain(output: string): string {
  const text = output.trim();
  const advice = advise(text);
  return advice ? `${text}\n${advice}` : text;
}

/** What a person can do about an error of the CLI, as far as it is known. */
export function advise(output: string): string | undefined {
  return advices.find(({ when }) => when.test(output))?.then();
}

const advices: readonly { when: RegExp; then: () => string }[] = [
  {
    when: /incorrect passphrase/i,
    then: () => {
      const source =
        process.env["PULUMI_CONFIG_PASSPHRASE"] === undefined ? passphraseFile() : "from PULUMI_CONFIG_PASSPHRASE";
      return (
        `The passphrase (${source}) is not the one that this stack was made with. Put the right one back.\n` +
        "If it is lost, the secrets in the state are lost with it: see docs/decisions/passphrase-and-salt.md."
      );
    },
  },
  {
    when: /no space left on device/i,
    then: () =>
      "The disk is full: docker system df shows what Docker holds; docker builder prune and docker image prune free what nothing uses.",
  },
  {
    when: /violates plan|not allowed by the plan|expected resource operations for \S+ but none were seen/,
    then: () =>
      "The program, the configuration or the stack has changed since the plan was saved; what was done up to here agreed with it.\n" +
      "Look at what would be done now, and save it again: npm run preview -- STACK --save-plan FILE.",
  },
  {
    when: /stack is currently locked/i,
    then: () => "Another pulumi works on this stack: let it end. If there is none any more: pulumi cancel.",
  },
  {
    when: /cannot connect to the docker daemon|failed to connect to any docker daemon|docker\.sock: connect|ECONNREFUSED|socket hang up/i,
    then: () => "The Docker Engine is gone. npm run up starts or finds it again, and goes on from here.",
  },
];
