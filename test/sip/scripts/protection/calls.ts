import { text } from "node:stream/consumers";
import { credentials, headerOf, Line, offer, request, statusOf, token, type Peer } from "./dialogue.ts";

/**
 * Makes calls with a password and prints `{ statuses: number[], setupMs: number[], hungUpMs: (number | null)[] }`: how they were answered, and how
 * long after that the other side ended them. They begin `everyMs` after one another, and each is held for `holdMs`.
 */
interface Input extends Peer {
  own: string;
  called: string;
  count: number;
  everyMs: number;
  holdMs: number;
  /** How long an answer is waited for. Default 20 s. */
  waitMs?: number;
  /** More header lines of the INVITE. */
  extra?: string[];
}

interface Call {
  status: number;
  setupMs: number;
  hungUpMs: () => number | null;
  end: () => Promise<void>;
}

const input = JSON.parse(await text(process.stdin)) as Input;
const { waitMs = 20_000 } = input;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function call(): Promise<Call> {
  const line = await Line.open(input);
  const uri = `sip:${input.called}@${input.domain}`;
  const callId = token();
  const from = `<sip:${input.user}@${input.domain}>;tag=${token()}`;
  const body = offer(input.own);
  const send = async (cseq: number, extra: readonly string[]) => {
    const invite = request(line, input.own, "INVITE", uri, { from, to: `<${uri}>`, callId, cseq, body, extra });
    line.send(invite);
    const again = setInterval(() => line.send(invite), 1000);
    const mine = (message: string) => statusOf(message) > 0 && headerOf(message, "CSeq") === `${cseq} INVITE`;
    // A provisional answer ends the retransmissions (RFC 3261 §17.1.1.2).
    void line.next(mine, waitMs).then(() => clearInterval(again));
    const answer = await line.next((message) => mine(message) && statusOf(message) >= 200, waitMs);
    clearInterval(again);
    return { invite, answer: answer ?? "" };
  };
  const acknowledge = (invite: string, answer: string, cseq: number) => {
    const via = headerOf(invite, "Via");
    const to = headerOf(answer, "To");
    if (statusOf(answer) >= 300) {
      const lines = [`ACK ${uri} SIP/2.0`, `Via: ${via}`, "Max-Forwards: 70", `From: ${from}`, `To: ${to}`];
      line.send([...lines, `Call-ID: ${callId}`, `CSeq: ${cseq} ACK`, "Content-Length: 0", "", ""].join("\r\n"));
    }
  };
  const start = performance.now();
  const first = await send(1, input.extra ?? []);
  acknowledge(first.invite, first.answer, 1);
  let last = first;
  if (statusOf(first.answer) === 407) {
    last = await send(2, [credentials(input, first.answer, "INVITE", uri), ...(input.extra ?? [])]);
    acknowledge(last.invite, last.answer, 2);
  }
  const setupMs = performance.now() - start;
  const status = statusOf(last.answer);
  if (status !== 200) {
    line.close();
    return { status, setupMs, hungUpMs: () => null, end: () => Promise.resolve() };
  }
  const target = /<([^>]*)>/.exec(headerOf(last.answer, "Contact"))?.[1] ?? uri;
  const routes = [...last.answer.matchAll(/^Record-Route:\s*(.*)$/gim)].map(
    ([, route = ""]) => `Route: ${route.trim()}`,
  );
  const within = (method: string, cseq: number) =>
    request(line, input.own, method, target, {
      ...{ from, to: headerOf(last.answer, "To"), callId, cseq },
      extra: routes.toReversed(),
    });
  line.send(within("ACK", 2));
  const answered = performance.now();
  let hungUp: number | null = null;
  void line
    .next((message) => message.startsWith("BYE "), 60_000)
    .then((bye) => {
      if (bye === undefined) return;
      hungUp = performance.now() - answered;
      const copied = bye.split("\r\n").filter((header) => /^(v|via|f|from|i|call-id|cseq|t|to)\s*:/i.test(header));
      line.send(["SIP/2.0 200 OK", ...copied, "Content-Length: 0", "", ""].join("\r\n"));
    });
  return {
    status,
    setupMs,
    hungUpMs: () => hungUp,
    end: async () => {
      if (hungUp !== null) return line.close();
      const bye = within("BYE", 3);
      line.send(bye);
      const again = setInterval(() => line.send(bye), 1000);
      const answer = await line.next((message) => headerOf(message, "CSeq") === "3 BYE", 15_000);
      clearInterval(again);
      if (statusOf(answer ?? "") !== 200) throw new Error(`a call could not be ended: ${answer ?? "no answer"}`);
      line.close();
    },
  };
}

const calls = await Promise.all(
  Array.from({ length: input.count }, async (_, index) => {
    await pause(index * input.everyMs);
    const made = await call();
    await pause(input.holdMs);
    await made.end();
    return made;
  }),
);
const result = calls.map(({ status, setupMs, hungUpMs }) => ({ status, setupMs, hungUpMs: hungUpMs() }));
console.log(
  JSON.stringify({
    statuses: result.map(({ status }) => status),
    setupMs: result.map(({ setupMs }) => setupMs),
    hungUpMs: result.map(({ hungUpMs }) => hungUpMs),
  }),
);
// Nothing of a call is of interest any more, such as the wait for its BYE.
process.exit();
