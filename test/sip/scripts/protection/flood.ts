import { text } from "node:stream/consumers";
import { Line, request, statusOf, token, type Peer } from "./dialogue.ts";

/** Sends requests without credentials at a rate and prints how many were sent and answered: `{ sent, answered }`. */
interface Input extends Peer {
  own: string;
  method: "REGISTER" | "INVITE" | "OPTIONS";
  /** Sends this instead of a request. */
  raw?: string;
  perSecond: number;
  seconds: number;
}

const input = JSON.parse(await text(process.stdin)) as Input;
const line = await Line.open(input);
const uri = `sip:${input.domain}`;
const start = performance.now();
const wanted = input.perSecond * input.seconds;
let sent = 0;
while (sent < wanted) {
  const due = Math.min(wanted, Math.ceil(((performance.now() - start) / 1000) * input.perSecond));
  for (; sent < due; sent++) {
    const from = `<sip:${input.user}@${input.domain}>;tag=${token()}`;
    const to = `<sip:${input.user}@${input.domain}>`;
    line.send(input.raw ?? request(line, input.own, input.method, uri, { from, to, callId: token(), cseq: 1 }));
  }
  await new Promise((resolve) => setTimeout(resolve, 5));
}
// What is still on its way.
await new Promise((resolve) => setTimeout(resolve, 500));
const answered = line.received.filter((message) => statusOf(message) > 0).length;
line.close();
console.log(JSON.stringify({ sent, answered }));
