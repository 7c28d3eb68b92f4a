import { UserError } from "../run.ts";

/** What was typed after KIND ACTION. */
export interface Words {
  readonly operands: readonly string[];
  readonly flags: ReadonlySet<string>;
  /** Name → values, in order. */
  readonly options: ReadonlyMap<string, readonly string[]>;
}

/** One action of the operator command. */
export interface Action {
  /** What it does, in half a line. */
  readonly summary: string;
  /** Names of its operands, in order; all are required. */
  readonly operands: readonly string[];
  /** Option → what its value is, and what it does. */
  readonly options?: Readonly<Record<string, string>>;
  /** Flag → what it does. */
  readonly flags?: Readonly<Record<string, string>>;
}

/**
 * Reads the words of an action.
 * @throws UserError that says what is allowed.
 */
export function readWords(name: string, action: Action, words: readonly string[]): Words {
  const operands: string[] = [];
  const flags = new Set<string>();
  const options = new Map<string, string[]>();
  const usage = `usage: ${usageOf(name, action)}`;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    const [, option = "", joined] = /^--([^=]+)(?:=([\s\S]*))?$/.exec(word) ?? [];
    if (option !== "" && action.flags?.[option] !== undefined) {
      flags.add(option);
    } else if (option !== "" && action.options?.[option] !== undefined) {
      const value = joined ?? words[++index];
      if (value === undefined || value === "") throw new UserError(`--${option} needs a value\n${usage}`);
      options.set(option, [...(options.get(option) ?? []), value]);
    } else if (word.startsWith("--")) {
      throw new UserError(`${name} has no option ${word}\n${usage}`);
    } else if (operands.length < action.operands.length) {
      operands.push(word);
    } else {
      throw new UserError(`${JSON.stringify(word)} is one word too many for ${name}\n${usage}`);
    }
  }
  const missing = action.operands[operands.length];
  if (missing !== undefined) throw new UserError(`${name} needs ${missing}\n${usage}`);
  return { operands, flags, options };
}

/** `npm run sbc -- ban add ADDRESS [--seconds N]`. */
export function usageOf(name: string, { operands, options = {}, flags = {} }: Action): string {
  const words = [
    ...operands,
    ...Object.entries(options).map(([option, text]) => `[--${option} ${text.split(":")[0]}]`),
    ...Object.keys(flags).map((flag) => `[--${flag}]`),
  ];
  return ["npm run sbc --", name, ...words].join(" ");
}

/** Usage of an action with what each option does. */
export function helpOf(name: string, action: Action): string {
  const lines = [
    ...Object.entries(action.options ?? {}).map(([option, text]) => {
      const [value = "", meaning = ""] = text.split(/: (.*)/s);
      return `  ${`--${option} ${value}`.padEnd(30)} ${meaning}`;
    }),
    ...Object.entries(action.flags ?? {}).map(([flag, text]) => `  ${`--${flag}`.padEnd(30)} ${text}`),
  ];
  return [action.summary, `usage: ${usageOf(name, action)}`, ...lines].join("\n");
}

/** The last value of an option. */
export function optionOf({ options }: Words, name: string): string | undefined {
  return options.get(name)?.at(-1);
}

/**
 * A whole number of an option.
 * @throws UserError when it is none, or not in the range.
 */
export function numberOf(words: Words, name: string, least: number, most: number): number | undefined {
  const text = optionOf(words, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new UserError(`--${name} ${text}: must be a whole number from ${least} to ${most}`);
  }
  return value;
}
