import { callRecordColumns } from "../../configs/mariadb/index.ts";
import { quote } from "../../configs/mariadb/rows.ts";
import { UserError } from "../run.ts";
import { numberOf, optionOf, type Words } from "./command.ts";
import { csv, type Outcome } from "./output.ts";
import type { RunningStack } from "./running.ts";

interface Dialog {
  readonly h_entry: number;
  readonly h_id: number;
  readonly "call-id": string;
  readonly from_uri: string;
  readonly to_uri: string;
  readonly state: number;
  readonly start_ts: number;
}

/** States of module dialog that are a call: ringing (1, 2), answered (3, 4). */
const callStates: Readonly<Record<number, string>> = { 1: "ringing", 2: "ringing", 3: "answered", 4: "answered" };

/** `calls list`: one line per leg, as in the call records; a call between two phones has two. */
export function listCalls(stack: RunningStack): Outcome {
  const now = Date.now() / 1000;
  const rows = dialogs(stack).map((dialog) => ({
    callid: dialog["call-id"],
    from: dialog.from_uri,
    to: dialog.to_uri,
    state: callStates[dialog.state],
    seconds: dialog.start_ts === 0 ? 0 : Math.round(now - dialog.start_ts),
  }));
  return { data: rows };
}

/** `calls end`: BYE to both sides of a leg; the node ends the other one. */
export function endCall(stack: RunningStack, words: Words): Outcome {
  const [callid = ""] = words.operands;
  const found = dialogs(stack).filter((dialog) => dialog["call-id"] === callid && dialog.state >= 3);
  if (found.length === 0) {
    throw new UserError(`there is no answered call ${callid}. To see the calls: npm run sbc -- calls list`);
  }
  for (const { h_entry, h_id } of found) stack.rpc("dlg.end_dlg", [h_entry, h_id]);
  return { data: { callid, legs: found.length }, text: `call ${callid} ended` };
}

function dialogs(stack: RunningStack): Dialog[] {
  const list = stack.rpc<readonly Dialog[] | Dialog | null>("dlg.list");
  const all = list === null ? [] : Array.isArray(list) ? (list as readonly Dialog[]) : [list as Dialog];
  return all.filter(({ state }) => callStates[state] !== undefined);
}

/** Options that narrow `cdr list` and `cdr export`. */
export const recordOptions = {
  from: "TIME: calls that began then or later, such as 2026-11-25 or 2026-11-25T08:00:00",
  to: "TIME: calls that began before",
  caller: "NAME: of this caller",
  callee: "NAME: to this callee",
  limit: "N: the newest so many; list shows 50 unless given",
} as const;

/** What fits on a screen. */
const listed = [
  ...["start_time", "duration", "direction", "caller", "callee", "src_ip", "node", "trunk", "sip_code", "cause"],
  ...["ended_by", "callid"],
] as const;

/** All there is of a record. */
const exported = [...callRecordColumns, "setup_ms", "ring_ms"] as const;

/** `cdr list`. */
export function listRecords(stack: RunningStack, words: Words): Outcome {
  return { data: records(stack, words, listed, 50) };
}

/** `cdr export`: comma-separated values on standard output. */
export function exportRecords(stack: RunningStack, words: Words): Outcome {
  const data = records(stack, words, exported, undefined);
  return { data, text: csv(exported, data).trimEnd() };
}

function records(stack: RunningStack, words: Words, columns: readonly string[], most: number | undefined) {
  const text = (name: keyof typeof recordOptions) => optionOf(words, name);
  const [from, to] = (["from", "to"] as const).map((name) => timeOf(name, text(name)));
  const conditions = [
    ...(from === undefined ? [] : [`start_time >= ${quote(from)}`]),
    ...(to === undefined ? [] : [`start_time < ${quote(to)}`]),
    ...(["caller", "callee"] as const).flatMap((name) => {
      const value = text(name);
      return value === undefined ? [] : [`${name} = ${quote(value)}`];
    }),
  ];
  const limit = numberOf(words, "limit", 1, 10_000_000) ?? most;
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  const newest = `SELECT id, ${columns.join(", ")} FROM acc_cdrs ${where} ORDER BY id DESC${limit === undefined ? "" : ` LIMIT ${limit}`}`;
  return stack.sql(`SELECT ${columns.join(", ")} FROM (${newest}) newest ORDER BY id`);
}

function timeOf(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?$/.test(text) || Number.isNaN(Date.parse(text.replace(" ", "T")))) {
    throw new UserError(`--${name} ${text}: must be a time such as 2026-11-25 or 2026-11-25T08:00:00 (UTC)`);
  }
  return text.replace("T", " ");
}
