import { quote } from "../../configs/mariadb/rows.ts";
import { UserError } from "../run.ts";
import type { Words } from "./command.ts";
import type { Outcome } from "./output.ts";
import type { RunningStack } from "./running.ts";

interface DispatcherList {
  readonly RECORDS: readonly {
    readonly SET: {
      readonly ID: number;
      readonly TARGETS: readonly { readonly DEST: { readonly URI: string; readonly FLAGS: string } }[];
    };
  }[];
}

/** First letter of the dispatcher's flags. */
const states: Readonly<Record<string, string>> = { A: "up", T: "on trial", I: "down", D: "drained" };

/** `node list`: what the edge does with each node now, and who said so. */
export function listNodes(stack: RunningStack): Outcome {
  const list = stack.rpc<DispatcherList>("dispatcher.list");
  const live = new Map(
    list.RECORDS.flatMap(({ SET }) => SET.TARGETS.map(({ DEST }) => [DEST.URI, states[DEST.FLAGS[0] ?? ""]] as const)),
  );
  const rows = nodesOf(stack).map(({ name, destination = "", drained, by_operator, attrs }) => ({
    name,
    address: destination,
    state: live.get(destination) ?? "not loaded",
    drained: drained === "0" ? "no" : by_operator === "1" ? "by an operator" : "by sbc:asterisk.drain",
    weight: /rweight=(\d+)/.exec(attrs ?? "")?.[1] ?? "",
  }));
  return { data: rows };
}

/** `node drain`: no new calls; those that run go on. It lasts until `node undrain`, over reloads, restarts and `up`. */
export function drainNode(stack: RunningStack, words: Words): Outcome {
  const [name = ""] = words.operands;
  const nodes = nodesOf(stack);
  const node = nodeOf(nodes, name);
  if (node["drained"] !== "0") throw new UserError(`${name} is drained already`);
  if (nodes.every((other) => other === node || other["drained"] !== "0")) {
    throw new UserError(
      `${name} is the only node that gets calls; one must be left. To take another back: npm run sbc -- node undrain NAME`,
    );
  }
  stack.sql(`START TRANSACTION;
    INSERT IGNORE INTO node_drain (name) VALUES (${quote(name)});
    UPDATE dispatcher SET flags = flags | 4 WHERE setid = ${stack.setting("SBC_DISPATCHER_SET")} AND description = ${quote(name)};
    COMMIT;`);
  stack.reload("dispatcher");
  return { data: { name }, text: `${name} gets no new calls; those that run go on` };
}

/** `node undrain`. */
export function undrainNode(stack: RunningStack, words: Words): Outcome {
  const [name = ""] = words.operands;
  const node = nodeOf(nodesOf(stack), name);
  if (node["drained"] === "0") throw new UserError(`${name} is not drained`);
  if (node["by_operator"] === "0") {
    throw new UserError(
      `${name} is drained by the stack's configuration: take it out of sbc:asterisk.drain, then npm run up -- STACK`,
    );
  }
  stack.sql(`START TRANSACTION;
    DELETE FROM node_drain WHERE name = ${quote(name)};
    UPDATE dispatcher SET flags = flags & ~4 WHERE setid = ${stack.setting("SBC_DISPATCHER_SET")} AND description = ${quote(name)};
    COMMIT;`);
  stack.reload("dispatcher");
  return { data: { name }, text: `${name} gets calls again` };
}

function nodesOf(stack: RunningStack) {
  return stack.sql(`SELECT description AS name, destination, attrs, (flags & 4) <> 0 AS drained,
    description IN (SELECT name FROM node_drain) AS by_operator
    FROM dispatcher WHERE setid = ${stack.setting("SBC_DISPATCHER_SET")} ORDER BY id`);
}

type Node = ReturnType<typeof nodesOf>[number];

function nodeOf(nodes: readonly Node[], name: string): Node {
  const found = nodes.find((node) => node["name"] === name);
  if (found === undefined) {
    throw new UserError(
      `${JSON.stringify(name)} is no node; there are ${nodes.map((node) => node["name"]).join(", ")}`,
    );
  }
  return found;
}
