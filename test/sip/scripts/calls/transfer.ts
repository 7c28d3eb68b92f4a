import type { Message } from "../message.ts";
import { run, registered, type Setting } from "../run.ts";
import type { Call, Phone } from "../phone.ts";
import { connect, replaces } from "./connect.ts";

/** Status lines of the NOTIFYs of a transfer until the last one. */
async function progress(call: Call): Promise<string[]> {
  const lines: string[] = [];
  for (let last = false; !last;) {
    const notify: Message = await call.take("NOTIFY", 30_000);
    lines.push(notify.body.trim());
    last = notify.get("subscription-state").startsWith("terminated");
  }
  return lines;
}

/** A second call of the same phone, on the wanted node: nodes take turns, and others call as well. Undefined: whichever it is. */
async function consult(first: Call, target: Phone, sameNode: boolean | undefined): Promise<[Call, Call]> {
  const node = (call: Call) => /@?([\d.]+)(:|$)/.exec(call.target)?.[1];
  for (let attempt = 0; attempt < 20; attempt++) {
    const ends = await connect(first.phone, target);
    if (sameNode === undefined || (node(ends[0]) === node(first)) === sameNode) return ends;
    await ends[0].hangUp();
    await ends[1].take("BYE");
  }
  throw new Error("the calls never came to the wanted node");
}

/** Do the two hear each other? Each end's audio of the other, after both have begun to send. */
async function talk(input: Setting & { callerAudio: string; calleeAudio: string }, one: Call, other: Call) {
  one.rtp?.play(Buffer.from(input.callerAudio, "base64"));
  other.rtp?.play(Buffer.from(input.calleeAudio, "base64"));
  await Promise.all([one.rtp?.hear(25), other.rtp?.hear(25)]);
  return Promise.all([one.rtp?.hear(), other.rtp?.hear()]);
}

interface Input extends Setting {
  /** Who asks for the transfer. */
  by: "caller" | "callee";
  /** Blind, or after a word with the target: over the same node as the first call, over another one, or over the next. */
  kind: "blind" | "same node" | "other node" | "next node";
  names: [caller: string, callee: string, target: string];
  callerAudio: string;
  calleeAudio: string;
  /** What a cheat says about who transfers. */
  referredBy?: string;
}

/** A transfer: by the callee or the caller of a call, to a third phone, blind or after a word with it. */
await run(async (input: Input) => {
  const [caller, callee, target] = await Promise.all(input.names.map((name) => registered(input, name)));
  if (!caller || !callee || !target) throw new Error("three names are needed");
  const ends = await connect(caller, callee);
  // A node says 400 to a transfer in the moment between the ACK and its joining of the two.
  await talk(input, ...ends);
  const [transferor, stays] = input.by === "caller" ? ends : ends.toReversed();
  if (!transferor || !stays) throw new Error("no call");
  const headers: [string, string][] = input.referredBy ? [["Referred-By", input.referredBy]] : [];

  let far: Call;
  let refer: Message;
  let notified: string[];
  if (input.kind !== "blind") {
    const [consultation, asked] = await consult(
      transferor,
      target,
      input.kind === "next node" ? undefined : input.kind === "same node",
    );
    await talk(input, consultation, asked);
    const to = `<${consultation.target}?Replaces=${replaces(consultation)}>`;
    refer = await transferor.send("REFER", { headers: [["Refer-To", to], ...headers] });
    notified = await progress(transferor);
    await consultation.take("BYE");
    far = asked;
  } else {
    refer = await transferor.send("REFER", {
      headers: [["Refer-To", `<sip:${target.options.name}@${input.edge.domain}>`], ...headers],
    });
    const reports = progress(transferor);
    const refused = reports.then((lines) => {
      throw new Error(`no transfer, but ${lines.join(", ")}`);
    });
    far = await Promise.race([target.called(), refused]);
    far.reply(180);
    await far.answer();
    notified = await reports;
  }
  const heard = await talk(input, stays, far);
  await transferor.hangUp();
  const ended = await stays.hangUp();
  await far.take("BYE");
  return {
    refer: refer.status,
    notified,
    heard,
    ended: ended.status,
    contacts: ends.map((call) => call.target),
    referredBy: far.log[0]?.get("referred-by"),
    xHeaders: far.log[0]?.headers.map(([name]) => name).filter((name) => /^x-/i.test(name)),
  };
});
