import { text } from "node:stream/consumers";
import { credentials, firstLine, Line, request, token, type Peer } from "./dialogue.ts";
import { tortureMessages } from "./torture-messages.ts";

/**
 * Sends each torture message from a socket of its own and prints what came back: `[{ section, name, valid, answers }]`, `answers` being first lines.
 * With `proven`, calls and registrations have the right credentials.
 */
interface Input extends Peer {
  own: string;
  proven: boolean;
  waitMs: number;
}

const input = JSON.parse(await text(process.stdin)) as Input;
const uri = `sip:600@${input.domain}`;
const challenge = async (method: "INVITE" | "REGISTER") => {
  const line = await Line.open(input);
  const self = `<sip:${input.user}@${input.domain}>`;
  const target = method === "REGISTER" ? `sip:${input.domain}` : uri;
  const fields = {
    from: `${self};tag=${token()}`,
    to: method === "REGISTER" ? self : `<${uri}>`,
    callId: token(),
    cseq: 1,
  };
  line.send(request(line, input.own, method, target, fields));
  const answer = await line.next(() => true, 5000);
  line.close();
  if (answer === undefined) throw new Error("no challenge");
  return answer;
};
const challenges = input.proven
  ? { INVITE: await challenge("INVITE"), REGISTER: await challenge("REGISTER") }
  : undefined;
/** The messages as they are sent from a port. A nonce may be used once with each number. */
const messagesFor = (port: number, use: number) => {
  if (challenges === undefined) return tortureMessages({ ...input, port });
  const authorization = (method: string, target: string) =>
    credentials(input, challenges[method as "INVITE" | "REGISTER"], method, target, use);
  return tortureMessages({ ...input, port, authorization });
};

const results = await Promise.all(
  messagesFor(5060, 1).map(async ({ section, name, valid }, index) => {
    const line = await Line.open(input);
    await new Promise((resolve) => setTimeout(resolve, index * 20));
    const message = messagesFor(line.port, index + 1)[index]?.message;
    if (message !== undefined) line.send(message);
    await new Promise((resolve) => setTimeout(resolve, input.waitMs));
    line.close();
    return { section, name, valid, answers: [...new Set(line.received.map(firstLine))] };
  }),
);
console.log(JSON.stringify(results));
