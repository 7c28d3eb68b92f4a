import { execFileSync } from "node:child_process";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { credentials, firstLine, Line, request, token, type Peer } from "./dialogue.ts";
import { tortureMessages } from "./torture-messages.ts";

/**
 * Sends valid messages of RFC 4475 in which zzuf has flipped bits, one after the other, and prints how many were sent and the first words of the
 * answers: `{ sent, answers }`. With `proven`, calls and registrations have credentials, which are right unless they were hit.
 */
interface Input extends Peer {
  own: string;
  proven: boolean;
  count: number;
  /** The first seed of zzuf; the same seeds make the same messages. */
  seed: number;
  perSecond: number;
}

const input = JSON.parse(await text(process.stdin)) as Input;
const line = await Line.open(input);
/** A nonce is good for a while, and once with each number. */
const usesOfNonce = 40;

async function challenge(method: "INVITE" | "REGISTER"): Promise<string> {
  const self = `<sip:${input.user}@${input.domain}>`;
  const target = method === "REGISTER" ? `sip:${input.domain}` : `sip:600@${input.domain}`;
  const callId = token();
  const fields = { from: `${self};tag=${token()}`, to: method === "REGISTER" ? self : `<${target}>`, callId, cseq: 1 };
  const message = request(line, input.own, method, target, fields);
  // Again, as a phone does it: among so many answers one may be lost.
  for (let attempt = 0; attempt < 10; attempt++) {
    line.send(message);
    const answer = await line.next((text) => text.includes(callId) && / 40[17] /.test(firstLine(text)), 2000);
    if (answer !== undefined) return answer;
  }
  throw new Error("no challenge");
}

let challenges: Record<string, string> = {};
const start = performance.now();
for (let index = 0; index < input.count; index++) {
  const use = index % usesOfNonce;
  if (input.proven && use === 0) {
    challenges = { INVITE: await challenge("INVITE"), REGISTER: await challenge("REGISTER") };
  }
  const authorization = (method: string, uri: string) =>
    credentials(input, challenges[method] ?? "", method, uri, use + 1);
  const messages = tortureMessages({ ...input, port: line.port, ...(input.proven && { authorization }) });
  const valid = messages.filter((one) => one.valid);
  const message = valid[index % valid.length]?.message ?? Buffer.alloc(0);
  // From a bit or two to one in fifty.
  const ratio = [0.0002, 0.001, 0.004, 0.02][Math.floor(index / valid.length) % 4];
  line.send(execFileSync("zzuf", ["--seed", String(input.seed + index), "--ratio", String(ratio)], { input: message }));
  const due = (index / input.perSecond) * 1000 - (performance.now() - start);
  if (due > 0) await delay(due);
}
await delay(500);
line.close();
const answers: Record<string, number> = {};
for (const message of line.received) {
  const status = firstLine(message).split(" ").slice(0, 2).join(" ");
  answers[status] = (answers[status] ?? 0) + 1;
}
console.log(JSON.stringify({ sent: input.count, answers }));
