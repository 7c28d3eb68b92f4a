import { text } from "node:stream/consumers";
import { credentials, headerOf, Line, request, statusOf, token, type Peer } from "./dialogue.ts";

/**
 * Sends one request, with credentials when it is challenged and `proven` is set, and prints the final answer (empty: silence within `waitMs`):
 * `{ status, answer, ms }`, the last being the time from the last request to its answer.
 */
interface Input extends Peer {
  own: string;
  method: string;
  uri: string;
  to?: string;
  extra?: string[];
  proven?: boolean;
  waitMs: number;
}

const input = JSON.parse(await text(process.stdin)) as Input;
const line = await Line.open(input);
const self = `<sip:${input.user}@${input.domain}>`;
const callId = token();
const from = `${self};tag=${token()}`;
const send = async (cseq: number, extra: readonly string[]) => {
  const to = input.to ?? (input.method === "REGISTER" ? self : `<${input.uri}>`);
  line.send(request(line, input.own, input.method, input.uri, { from, to, callId, cseq, extra }));
  const final = (message: string) => statusOf(message) >= 200 && headerOf(message, "CSeq").startsWith(`${cseq} `);
  return (await line.next(final, input.waitMs)) ?? "";
};
const extra = input.extra ?? [];
let start = performance.now();
let answer = await send(1, extra);
if (input.proven && [401, 407].includes(statusOf(answer))) {
  start = performance.now();
  answer = await send(2, [credentials(input, answer, input.method, input.uri), ...extra]);
}
const ms = performance.now() - start;
line.close();
console.log(JSON.stringify({ status: statusOf(answer), answer, ms }));
