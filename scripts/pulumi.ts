// Behind the `pulumi` on the PATH that `npm run -s env` sets: prints the shell command that runs the real CLI, with the copy of the
// stack's file that carries the salt where the command reads one. The shim becomes that command, so signals reach the CLI itself.
// usage: pulumi.ts REAL_CLI [ARGUMENT...]
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { root } from "./paths.ts";
import { capture, UserError } from "./run.ts";
import { ownsSalt, prepareStack, quote, readSalt, stackFile, syncStackFile } from "./stack.ts";

/** What a command line of the CLI asks for, as far as the shim has to know. */
export interface CommandLine {
  /** Command and subcommand: `up`, `config set`, `stack rm`. */
  command: string;
  /** Words after those: what `stack init` is to name. */
  operands: readonly string[];
  stack: string | undefined;
  directory: string | undefined;
  /** Whether a configuration file has been chosen already. */
  configFile: boolean;
  secret: boolean;
}

/** Flags of the CLI that take the next word as their value, as far as they may stand before a command. */
const valued = new Set(["-s", "--stack", "-C", "--cwd", "--color", "-v", "--verbose", "--config-file"]);

/** Reads a command line of the CLI. */
export function readCommandLine(args: readonly string[]): CommandLine {
  const words: string[] = [];
  const values = new Map<string, string>();
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (arg === "--") break;
    const [, long, value] = /^(--[^=]+)=(.*)$/s.exec(arg) ?? [];
    const [, short, joined] = /^(-[sCv])=?(.+)$/.exec(arg) ?? [];
    if (long !== undefined) values.set(long, value ?? "");
    else if (short !== undefined) values.set(short, joined ?? "");
    else if (valued.has(arg)) values.set(arg, args[++index] ?? "");
    else if (arg.startsWith("-")) values.set(arg, "");
    else words.push(arg);
  }
  const [first = ""] = words;
  const length = first === "config" || first === "stack" ? 2 : 1;
  return {
    command: words.slice(0, length).join(" "),
    operands: words.slice(length),
    stack: values.get("-s") ?? values.get("--stack"),
    directory: values.get("-C") ?? values.get("--cwd"),
    configFile: values.has("--config-file"),
    secret: values.has("--secret"),
  };
}

/** Commands that read the stack's file together with its secrets. */
const readsStackFile =
  /^(up|update|preview|pre|refresh|destroy|down|dn|watch|import|config|config get|config refresh|config rm-all)$/;

/** The shell command for a command line of the CLI. May write the stack's copy, and the salt where a secret is to be committed. */
function plan(cli: string, args: readonly string[]): string {
  const line = readCommandLine(args);
  const run = (...more: string[]) => ["exec", ...[cli, ...args, ...more].map(quote)].join(" ");
  if (projectOf(resolve(line.directory ?? ".")) !== root || line.configFile) return run();

  const built = { path: cli, version: "", origin: "PATH" } as const;
  if (line.command === "stack init") {
    const [name = ""] = line.operands;
    if (!existsSync(stackFile(name)) || !ownsSalt(name)) return run();
    console.error(`stack ${name}: ${prepareStack(built, name)}; its salt is kept in .sbc/stacks`);
    return "exit 0";
  }
  // Without the flag the CLI would delete the committed file with the stack.
  if (line.command === "stack rm") return run("--preserve-config");

  const sets = line.command.startsWith("config set");
  if (!sets && !readsStackFile.test(line.command)) return run();
  const stack = line.stack ?? process.env["PULUMI_STACK"] ?? selected(cli);
  if (stack === "" || !existsSync(stackFile(stack)) || !ownsSalt(stack)) return run();
  // The CLI sets nothing for a stack that has not been made yet.
  if (readSalt(stack) === "") prepareStack(built, stack);
  if (sets && !line.secret) return run();
  if (sets) {
    // A secret in the committed file can be read only with the salt beside it.
    const text = readFileSync(stackFile(stack), "utf8");
    writeFileSync(stackFile(stack), `${text.trimEnd()}\nencryptionsalt: ${readSalt(stack)}\n`);
    console.error(
      `the salt goes into Pulumi.${stack}.yaml with the secret; who shall read it needs your passphrase too`,
    );
    return run();
  }
  const copy = syncStackFile(stack);
  return copy ? run("--config-file", copy) : run();
}

/** Folder of the nearest Pulumi.yaml at or above a folder. */
function projectOf(folder: string): string | undefined {
  if (existsSync(join(folder, "Pulumi.yaml"))) return folder;
  return dirname(folder) === folder ? undefined : projectOf(dirname(folder));
}

/** The stack that `pulumi stack select` chose. */
function selected(cli: string): string {
  const { code, stdout } = capture(cli, ["stack", "--show-name", "--non-interactive"], { cwd: root });
  return code === 0 ? stdout.trim() : "";
}

if (process.argv[1] === import.meta.filename) {
  const [cli = "pulumi", ...args] = process.argv.slice(2);
  try {
    console.log(plan(cli, args));
  } catch (error) {
    console.error(error instanceof UserError ? `pulumi: ${error.message}` : error);
    process.exitCode = 1;
  }
}
