import { callRecordColumns } from "../mariadb/index.ts";

/** Parts of patterns, by name; the regular expressions are such as Ruby and JavaScript read alike. */
export const patternDefinitions = {
  SBC_WORD: String.raw`[A-Za-z]+`,
  SBC_TOKEN: String.raw`\S+`,
  SBC_INT: String.raw`[0-9]+`,
  SBC_REST: String.raw`.*`,
  SBC_ADDRESS: String.raw`[0-9a-fA-F:.]+`,
  /** Text of an SQL string. */
  SBC_SQL: String.raw`(?:[^'\\]|\\.)*`,
  /** A Call-ID in RTPengine's brackets, before the tag or the port that may follow. */
  SBC_BRACKETED: String.raw`[^\s\]/]+`,
} as const;

/** A line that is recognised, and what it says. */
export interface LinePattern {
  /** Service whose line it is. */
  readonly service: string;
  /** Grok: `%{NAME:field}` where NAME is one of {@link patternDefinitions}. Matched against the whole message. */
  readonly match: string;
  /** Fields that the line implies. */
  readonly add?: Readonly<Record<string, string>>;
}

/** How the columns of a call record are written by the edge, and the field that each becomes. */
const columnFields: Readonly<Partial<Record<(typeof callRecordColumns)[number], string>>> = {
  account: "[call][account]",
  src_ip: "[source][ip]",
  xcid: "[sip][correlation_id]",
  callid: "[sip][call_id]",
  direction: "[call][direction]",
  caller: "[call][caller]",
  callee: "[call][callee]",
  node: "[call][node]",
  trunk: "[call][trunk]",
  codec: "[call][codec]",
  sip_code: "[sip][status]",
  cause: "[call][cause]",
  ended_by: "[call][ended_by]",
};
/** Columns that are an expression instead of a string. */
const expressions = ["start_time", "ring_time", "answer_time", "end_time", "duration"];

const recordPattern = callRecordColumns
  .map((column) => {
    const field = columnFields[column];
    if (field !== undefined) return `'%{SBC_SQL:${field}}'`;
    return expressions.includes(column) ? String.raw`[A-Z_0-9.()-]+` : "'%{SBC_SQL}'";
  })
  .join(",");

/** Of several lines of one service the first that matches counts. */
export const linePatterns: readonly LinePattern[] = [
  {
    service: "kamailio",
    match: "leg %{SBC_WORD:[call][direction]} xcid %{SBC_TOKEN:[sip][correlation_id]}",
    add: { "[sip][method]": "INVITE" },
  },
  {
    service: "kamailio",
    match: String.raw`cdr \(${recordPattern}\)`,
    add: { "[sip][method]": "INVITE" },
  },
  {
    service: "kamailio",
    match: "%{SBC_ADDRESS:[source][ip]} is ignored for %{SBC_INT} s: %{SBC_REST}",
    add: { "[event][action]": "ban" },
  },
  {
    service: "kamailio",
    match: "wrong credentials from %{SBC_ADDRESS:[source][ip]}, last as user %{SBC_REST:[user][name]}",
    add: { "[event][action]": "wrong-credentials" },
  },
  {
    service: "kamailio",
    match: "signature of %{SBC_TOKEN:[user][name]} from %{SBC_ADDRESS:[source][ip]}: %{SBC_REST}",
    add: { "[event][action]": "signature" },
  },
  {
    service: "kamailio",
    match: "certificate of %{SBC_ADDRESS:[source][ip]} is not, or no longer, one of a device: %{SBC_REST}",
    add: { "[event][action]": "certificate" },
  },
  {
    service: "kamailio",
    match: "node %{SBC_TOKEN:[call][node]} did not take the call: %{SBC_INT:[sip][status]}",
    add: { "[sip][method]": "INVITE" },
  },
  {
    service: "asterisk",
    match:
      "leg %{SBC_WORD:[call][direction]} xcid %{SBC_TOKEN:[sip][correlation_id]} callid %{SBC_TOKEN:[sip][call_id]} channel %{SBC_TOKEN:[call][channel]}",
    add: { "[sip][method]": "INVITE" },
  },
];

/** RTPengine has no JSON: time, level, Call-ID (with tag or port), subsystem, text. */
export const rtpenginePattern = String.raw`\[%{SBC_AT:[@metadata][at]}\] %{SBC_WORD:[log][level]}: (?:\[%{SBC_BRACKETED:[sip][call_id]}(?:[^\]]*)\]: )?(?:\[%{SBC_NAME:[log][logger]}\] )?%{SBC_REST:[@metadata][text]}`;
/** MariaDB has none either: time, thread, level, text. */
export const mariadbPattern = String.raw`%{SBC_STAMP} +%{SBC_INT} \[%{SBC_WORD:[log][level]}\] %{SBC_REST:[@metadata][text]}`;
/** What only these two need. */
export const textDefinitions = {
  SBC_AT: String.raw`[0-9]{9,11}\.[0-9]+`,
  SBC_NAME: String.raw`[a-z]+`,
  SBC_STAMP: String.raw`[0-9]{4}-[0-9]{2}-[0-9]{2} +[0-9]{1,2}:[0-9]{2}:[0-9]{2}`,
} as const;
