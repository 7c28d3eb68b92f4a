import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { renderSdp } from "../media/sdp.ts";
import { RtpPort } from "../media/rtp-port.ts";
import { first, id, SipPhone, type PhoneSettings } from "../media/sip-phone.ts";

/**
 * A TLS phone whose edge dies in a call, and that does nothing about its closed connection before it is due to register again. It registers, calls the
 * echo service, registers again every `intervalMs`, by a new connection when the old one is closed; after that it hangs up the call that it
 * had, and answers the next one with 486. Prints `{ bye, registeredMs }`: the status of that BYE, and how long after the connection was closed it was
 * registered again.
 */
interface Input {
  phone: PhoneSettings;
  callId: string;
  intervalMs: number;
  limitMs: number;
}

const { phone: settings, callId, intervalMs, limitMs } = JSON.parse(await text(process.stdin)) as Input;
const { domain, user } = settings;
const media = await RtpPort.open(settings.address, 1);
const due = Date.now() + limitMs;
let phone = await SipPhone.open(settings);
if ((await phone.register()) !== 200) throw new Error("not registered");

const to = `<sip:600@${domain}>`;
const dialog = { from: `<sip:${user}@${domain}>;tag=${id()}`, to, callId, routes: [] as string[] };
let target = `sip:600@${domain}`;
let sequence = 0;
const final = (method: string) => (message: { status: number; headers: Map<string, string[]> }) =>
  message.status >= 200 && first(message.headers, "cseq") === `${sequence} ${method}`;
for (;;) {
  const request = phone.request("INVITE", target, { ...dialog, body: renderSdp("savp", phone.claimed, media) });
  sequence = request.sequence;
  const answer = await phone.next(final("INVITE"));
  const accepted = answer.status < 300;
  if (accepted) {
    dialog.routes = (answer.headers.get("record-route") ?? []).flatMap((line) => line.split(/,\s*/)).toReversed();
    target = /<([^>]+)>/.exec(first(answer.headers, "contact"))?.[1] ?? target;
    dialog.to = first(answer.headers, "to");
  }
  phone.request("ACK", target, {
    ...dialog,
    to: first(answer.headers, "to"),
    sequence,
    ...(!accepted && { branch: request.branch }),
  });
  if (accepted) break;
  if (answer.status !== 407) throw new Error(`the call was answered with ${answer.status}`);
  phone.answerChallenge(answer);
}

let closedAt: number | undefined;
let registeredAt: number | undefined;
while (registeredAt === undefined) {
  if (Date.now() > due) throw new Error("the edge did not come back");
  await delay(intervalMs);
  if (phone.closedAt === undefined) {
    await phone.register();
    continue;
  }
  closedAt ??= phone.closedAt;
  try {
    phone = await SipPhone.open(settings);
    if ((await phone.register()) === 200) registeredAt = Date.now();
  } catch {
    // It is not there yet: at the next time.
  }
}

sequence += 1;
phone.request("BYE", target, { ...dialog, sequence });
const { status: bye } = await phone.next(final("BYE"));
const invite = await phone.next(({ method }) => method === "INVITE");
phone.respond(invite, "486 Busy Here");
await phone.next(({ method }) => method === "ACK");
phone.close();
media.close();
console.log(JSON.stringify({ bye, registeredMs: registeredAt - (closedAt ?? registeredAt) }));
