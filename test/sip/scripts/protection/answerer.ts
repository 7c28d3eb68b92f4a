import { text } from "node:stream/consumers";
import { credentials, headerOf, Line, request, statusOf, token, type Peer } from "./dialogue.ts";

/**
 * A phone with a trick: registers, answers the first call with the given lines, and prints every message that it got in `limitMs`, or until
 * `waitMs` after that answer: `{ received: string[] }`.
 */
interface Input extends Peer {
  own: string;
  localPort: number;
  /** Status line and more header lines of the answer. */
  answer: string[];
  limitMs: number;
  waitMs: number;
}

const input = JSON.parse(await text(process.stdin)) as Input;
const line = await Line.open(input, input.localPort);
const target = `sip:${input.domain}`;
const self = `<sip:${input.user}@${input.domain}>`;
const callId = token();
const register = (cseq: number, extra: string[]) =>
  request(line, input.own, "REGISTER", target, { from: `${self};tag=${token()}`, to: self, callId, cseq, extra });
const answerTo = (cseq: number) => line.next((message) => headerOf(message, "CSeq") === `${cseq} REGISTER`, 5000);
line.send(register(1, []));
const challenge = (await answerTo(1)) ?? "";
line.send(register(2, [credentials(input, challenge, "REGISTER", target), "Expires: 120"]));
const registered = (await answerTo(2)) ?? "";
if (statusOf(registered) !== 200) throw new Error(`not registered: ${registered}`);
const before = line.received.length;

const invite = await line.next((message) => message.startsWith("INVITE "), input.limitMs);
if (invite !== undefined) {
  const copied = invite
    .split("\r\n")
    .filter((header) => /^(v|via|record-route|f|from|i|call-id|cseq|t|to)\s*:/i.test(header))
    .map((header) => (/^(t|to)\s*:/i.test(header) ? `${header};tag=${token()}` : header));
  const [status = "", ...extra] = input.answer;
  line.send([status, ...copied, ...extra, "Content-Length: 0", "", ""].join("\r\n"));
  await new Promise((resolve) => setTimeout(resolve, input.waitMs));
}
line.close();
console.log(JSON.stringify({ received: line.received.slice(before) }));
