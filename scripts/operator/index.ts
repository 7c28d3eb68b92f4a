import { UserError } from "../run.ts";
import { requireStackFile } from "../stack.ts";
import { readWanted } from "../wanted.ts";
import { addBan, listBans, removeBan } from "./bans.ts";
import { endCall, exportRecords, listCalls, listRecords, recordOptions } from "./calls.ts";
import { helpOf, readWords, usageOf, type Action, type Words } from "./command.ts";
import { drainNode, listNodes, undrainNode } from "./nodes.ts";
import { table, type Outcome } from "./output.ts";
import { RunningStack } from "./running.ts";
import { addSubscriber, changePassword, listSubscribers, removeSubscriber } from "./subscribers.ts";
import { addTrunk, listTrunks, removeTrunk, trunkFlags, trunkOptions } from "./trunks.ts";

type Runnable = Action & { readonly run: (stack: RunningStack, words: Words) => Outcome };

const fromInput = { "password-stdin": "reads the password from standard input instead of making one" };

/** Kind → action. */
const kinds: Readonly<Record<string, Readonly<Record<string, Runnable>>>> = {
  subscriber: {
    list: { summary: "all subscribers, with their owners", operands: [], run: listSubscribers },
    add: {
      summary: "a new subscriber; prints a generated password once",
      operands: ["NAME"],
      options: { class: "CLASS: whose rules apply; default unless given" },
      flags: fromInput,
      run: addSubscriber,
    },
    passwd: { summary: "a new password", operands: ["NAME"], flags: fromInput, run: changePassword },
    remove: { summary: "takes a subscriber away; running calls go on", operands: ["NAME"], run: removeSubscriber },
  },
  trunk: {
    list: { summary: "all trunks, with their owners", operands: [], run: listTrunks },
    add: {
      summary: "a new trunk, live at once",
      operands: ["NAME"],
      options: trunkOptions,
      flags: trunkFlags,
      run: addTrunk,
    },
    remove: { summary: "takes a trunk away; running calls go on", operands: ["NAME"], run: removeTrunk },
  },
  ban: {
    list: { summary: "sources that are ignored", operands: [], run: listBans },
    add: {
      summary: "ignores a source for some time, or for good",
      operands: ["ADDRESS"],
      options: { seconds: "N: as long as the edge's own bans unless given" },
      flags: { lasting: "until it is removed; takes networks as well" },
      run: addBan,
    },
    remove: { summary: "hears a source again", operands: ["ADDRESS"], run: removeBan },
  },
  node: {
    list: { summary: "the Asterisk nodes and what the edge does with them", operands: [], run: listNodes },
    drain: { summary: "gives a node no new calls, also after the next up", operands: ["NAME"], run: drainNode },
    undrain: { summary: "gives a node calls again", operands: ["NAME"], run: undrainNode },
  },
  calls: {
    list: { summary: "legs of the calls that ring or run", operands: [], run: listCalls },
    end: { summary: "ends a call", operands: ["CALL-ID"], run: endCall },
  },
  cdr: {
    list: { summary: "the newest call records", operands: [], options: recordOptions, run: listRecords },
    export: {
      summary: "call records as comma-separated values",
      operands: [],
      options: recordOptions,
      run: exportRecords,
    },
  },
};

/** Removing a ban is undoing it. */
const synonyms: Readonly<Record<string, string>> = { "ban unban": "ban remove", "call list": "calls list" };

/**
 * `npm run sbc -- [--stack NAME | --name PREFIX] KIND ACTION … [--json]`.
 * @returns the exit code.
 * @throws UserError that says what, where, what is allowed and what to type.
 */
export function operate(args: readonly string[], print: (text: string) => void = console.log): number {
  const { target, json, words } = split(args);
  const [kind = "", action = ""] = (synonyms[words.slice(0, 2).join(" ")] ?? words.slice(0, 2).join(" ")).split(" ");
  const help = words.some((word) => word === "--help" || word === "-h");
  const actions = kinds[kind];
  if (kind === "" || kind.startsWith("-") || (help && actions === undefined)) {
    print(overview());
    return 0;
  }
  if (actions === undefined) {
    throw new UserError(`${JSON.stringify(kind)} is none of ${Object.keys(kinds).join(", ")}\n${overview()}`);
  }
  const chosen = actions[action];
  const name = `${kind} ${action}`;
  if (help) {
    const shown = chosen === undefined ? Object.entries(actions) : [[action, chosen] as const];
    print(shown.map(([key, value]) => helpOf(`${kind} ${key}`, value)).join("\n\n"));
    return 0;
  }
  if (chosen === undefined) {
    const known = Object.entries(actions).map(([key, value]) => `  ${usageOf(`${kind} ${key}`, value)}`);
    throw new UserError([`${kind} has no action ${JSON.stringify(action)}. There are:`, ...known].join("\n"));
  }
  const outcome = chosen.run(new RunningStack(prefixOf(target)), readWords(name, chosen, words.slice(2)));
  if (json) print(JSON.stringify(outcome.data, undefined, 2));
  else print(outcome.text ?? table(outcome.data as readonly Readonly<Record<string, unknown>>[]));
  return 0;
}

interface Target {
  readonly stack?: string;
  readonly name?: string;
}

/** Takes out what may stand anywhere. */
function split(args: readonly string[]): { target: Target; json: boolean; words: string[] } {
  const words: string[] = [];
  const target: { stack?: string; name?: string } = {};
  let json = false;
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? "";
    const [, key, joined] = /^--(stack|name)(?:=(.*))?$/.exec(word) ?? [];
    if (word === "--json") json = true;
    else if (key === "stack" || key === "name") {
      const value = joined ?? args[++index];
      if (value === undefined || value === "") throw new UserError(`--${key} needs a value`);
      target[key] = value;
    } else words.push(word);
  }
  return { target, json, words };
}

function prefixOf({ stack = "dev", name }: Target): string {
  if (name !== undefined) return name;
  requireStackFile(stack);
  return readWanted(stack).prefix;
}

function overview(): string {
  const lines = Object.entries(kinds).flatMap(([kind, actions]) =>
    Object.entries(actions).map(
      ([action, { summary, operands }]) => `  ${[kind, action, ...operands].join(" ").padEnd(28)} ${summary}`,
    ),
  );
  return [
    "usage: npm run sbc -- [--stack NAME] KIND ACTION [...] [--json]   (the stack is dev if none is given)",
    ...lines,
    "--name PREFIX instead of --stack takes the first part of the containers' names. Each action has --help.",
  ].join("\n");
}
