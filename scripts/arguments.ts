import { UserError } from "./run.ts";

/** What a person typed after `npm run COMMAND --`. */
export interface Arguments {
  /** The first word, or `dev`. */
  stack: string;
  /** The first word as it was typed, for commands that take something else than a stack. */
  operand: string | undefined;
  flags: ReadonlySet<string>;
  options: ReadonlyMap<string, string>;
  /** Arguments for pulumi, as they are. */
  rest: readonly string[];
}

/** What a command takes. */
export interface Usage {
  /** Flags without a value, with what they do. */
  flags?: Readonly<Record<string, string>>;
  /** Options with a value: the allowed values. */
  options?: Readonly<Record<string, readonly string[]>>;
  /** Options with any value: what the value is. */
  values?: Readonly<Record<string, string>>;
  /** What the first word is when it is no stack. */
  operand?: string;
  /** Does the same whichever stack is named, as lint does. */
  anyStack?: boolean;
  /** Whether everything else goes to pulumi. */
  passesOn?: boolean;
}

/**
 * Reads `[STACK] [--flag] [--option VALUE] [arguments for pulumi]`.
 * @throws UserError that says what is allowed.
 */
export function readArguments(command: string, args: readonly string[], usage: Usage): Arguments {
  const flags = new Set<string>();
  const options = new Map<string, string>();
  const rest: string[] = [];
  let stack: string | undefined;
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    const [, name = "", joined] = /^--([^=]+)(?:=(.*))?$/.exec(arg) ?? [];
    const allowed = usage.options?.[name];
    if (name !== "" && usage.flags?.[name] !== undefined) {
      flags.add(name);
    } else if (allowed) {
      const value = joined ?? args[++index] ?? "";
      if (!allowed.includes(value)) {
        throw new UserError(`--${name} takes ${allowed.join(" or ")}, not ${JSON.stringify(value)}`);
      }
      options.set(name, value);
    } else if (usage.values?.[name] !== undefined) {
      const value = joined ?? args[++index];
      if (value === undefined || value === "") throw new UserError(`--${name} takes ${usage.values[name]}`);
      options.set(name, value);
    } else if (!arg.startsWith("-") && stack === undefined && rest.length === 0) {
      stack = arg;
    } else if (usage.passesOn) {
      rest.push(arg);
    } else {
      throw new UserError(`unknown argument ${arg}\n${describe(command, usage)}`);
    }
  }
  return { stack: stack ?? "dev", operand: stack, flags, options, rest };
}

/** The usage of one command. */
export function describe(command: string, usage: Usage): string {
  const lines = [
    usage.operand === undefined
      ? `usage: npm run ${command} -- [STACK]${usage.passesOn ? " [ARGUMENT OF PULUMI...]" : ""}   (${usage.anyStack ? "the same for every STACK" : "STACK is dev if none is given"})`
      : `usage: npm run ${command} -- ${usage.operand}`,
  ];
  for (const [name, text] of Object.entries(usage.flags ?? {})) lines.push(`  --${name.padEnd(24)} ${text}`);
  for (const [name, value] of Object.entries(usage.values ?? {})) lines.push(`  --${name} ${value}`);
  for (const [name, values] of Object.entries(usage.options ?? {}))
    lines.push(`  --${`${name} ${values.join("|")}`.padEnd(24)}`);
  return lines.join("\n");
}
