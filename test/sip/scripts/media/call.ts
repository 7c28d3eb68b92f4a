import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { RtpPort, type MediaReport } from "./rtp-port.ts";
import { renderSdp, type MediaKind } from "./sdp.ts";
import { first, id, SipPhone, type Message, type PhoneSettings } from "./sip-phone.ts";

/**
 * One call: a phone that registers, calls, offers one thing after the other, each for a time, and hangs up; and the phone that answers, in the
 * same container, unless a service is called. Either may be alone, the other being elsewhere.
 */
export interface CallInput {
  /** `lateAnswer` (default `rtp`): what is said in the ACK to an INVITE without SDP. `silentMs`: sends nothing for so long at first. */
  caller?: PhoneSettings & {
    called: string;
    offers: readonly MediaKind[];
    lateAnswer?: MediaKind;
    silentMs?: number;
  };
  /** One with a port of its own is a trunk's: it does not register. */
  callee?: PhoneSettings & { answer: MediaKind };
  /** Milliseconds that each of the offers is talked on, once it is answered. */
  holdMs: number;
  /** The first of them is talked on until there is a file of this name. */
  until?: string;
}

export interface CallReport {
  caller?: {
    /** What became of each offer. */
    offers: { status: number; warning: string; sdp: string; media: MediaReport }[];
    /** Status of the BYE; 0 when none was sent. */
    bye: number;
  };
  callee?: { registered: number; offer: string; media: MediaReport; ended: boolean };
}

export const marks = { caller: 0x11, callee: 0x22 } as const;

export type CallerReport = NonNullable<CallReport["caller"]>;

async function call({
  caller: input,
  holdMs,
  until,
}: CallInput & Pick<Required<CallInput>, "caller">): Promise<CallerReport> {
  const phone = await SipPhone.open(input);
  const media = await RtpPort.open(input.address, marks.caller, { browser: input.offers.includes("dtls") });
  const { domain, user, called, transport } = input;
  const dialog = {
    from: `<sip:${user}@${domain}>;tag=${id()}`,
    to: `<sip:${called}@${domain}>`,
    callId: id(),
    routes: [] as string[],
  };
  let target = `sip:${called}@${domain}`;
  const offers: CallerReport["offers"] = [];
  try {
    // A phone over TCP or TLS is known by its connection, and one behind NAT by its registration.
    if (transport !== "udp" || input.claimed !== undefined) await phone.register();
    for (const kind of input.offers) {
      const body = renderSdp(kind, phone.claimed, media);
      let own = body;
      let answer: Message;
      for (;;) {
        const { sequence, branch } = phone.request("INVITE", target, { ...dialog, body });
        answer = await phone.next(
          ({ status, headers }) => status >= 200 && first(headers, "cseq") === `${sequence} INVITE`,
        );
        const accepted = answer.status < 300;
        const { headers } = answer;
        if (accepted && dialog.routes.length === 0) {
          dialog.routes = (headers.get("record-route") ?? []).flatMap((line) => line.split(/,\s*/)).toReversed();
          target = /<([^>]+)>/.exec(first(headers, "contact"))?.[1] ?? target;
        }
        const to = first(headers, "to");
        const late = accepted && kind === "none";
        if (late) own = renderSdp(input.lateAnswer ?? "rtp", phone.claimed, media, answer.body);
        phone.request("ACK", target, {
          ...dialog,
          to,
          sequence,
          ...(accepted ? {} : { branch }),
          ...(late && { body: own }),
        });
        if (accepted) dialog.to = to;
        if (answer.status !== 407) break;
        phone.answerChallenge(answer);
      }
      if (answer.status < 300) {
        media.report();
        if (offers.length === 0) await delay(input.silentMs ?? 0);
        await media.start(own, answer.body);
        await delay(holdMs);
        while (until !== undefined && offers.length === 0 && !existsSync(until)) await delay(50);
      }
      offers.push({
        status: answer.status,
        warning: first(answer.headers, "warning"),
        sdp: answer.body,
        media: media.report(),
      });
      if (dialog.routes.length === 0) break;
    }
    if (dialog.routes.length === 0) return { offers, bye: 0 };
    const { sequence } = phone.request("BYE", target, dialog);
    const { status } = await phone.next(
      ({ headers, status }) => status >= 200 && first(headers, "cseq") === `${sequence} BYE`,
    );
    return { offers, bye: status };
  } finally {
    media.close();
    phone.close();
  }
}

async function answer(
  input: NonNullable<CallInput["callee"]>,
  callIt: () => Promise<CallerReport | undefined>,
): Promise<CallReport> {
  const phone = await SipPhone.open(input);
  const media = await RtpPort.open(input.address, marks.callee, { browser: input.answer === "dtls" });
  try {
    const isTrunk = input.localPort !== undefined;
    const registered = isTrunk ? 0 : await phone.register();
    const called = phone.next(({ method }) => method === "INVITE");
    const calling = callIt();
    // Without its end the caller has an error of its own to tell.
    const invite = await Promise.race([called, calling.then((caller) => (caller === undefined ? called : undefined))]);
    if (invite === undefined)
      return { ...(await result(calling)), callee: { registered, offer: "", media: media.report(), ended: false } };
    const body = renderSdp(input.answer, phone.claimed, media, invite.body);
    phone.respond(invite, "200 OK", body);
    await phone.next(({ method }) => method === "ACK");
    await media.start(body, invite.body);
    const bye = await phone.next(({ method }) => method === "BYE");
    const report = media.report();
    phone.respond(bye, "200 OK");
    if (!isTrunk) await phone.register(0);
    return { ...(await result(calling)), callee: { registered, offer: invite.body, media: report, ended: true } };
  } finally {
    media.close();
    phone.close();
  }
}

async function result(calling: Promise<CallerReport | undefined>): Promise<Pick<CallReport, "caller">> {
  const caller = await calling;
  return caller === undefined ? {} : { caller };
}

const input = JSON.parse(await text(process.stdin)) as CallInput;
const { caller, callee } = input;
const callIt = async () => (caller === undefined ? undefined : call({ ...input, caller }));
console.log(JSON.stringify(await (callee === undefined ? result(callIt()) : answer(callee, callIt))));
