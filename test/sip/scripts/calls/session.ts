import { audioSdp } from "../phone.ts";
import { run, registered, type Setting } from "../run.ts";

/**
 * What phones do within a call: session timers, refreshed by re-INVITE and by UPDATE from both sides, early media, digits, two phones without
 * a codec in common, an INVITE without an offer.
 */
await run(async (input: Setting & { caller: string; callee: string; callerAudio: string; calleeAudio: string }) => {
  const caller = await registered(input, input.caller);
  const callee = await registered(input, input.callee);
  const codec = (name: string) => (port: number) => audioSdp(port, [name]);
  const timer = (seconds: number, refresher = ";refresher=uac"): [string, string][] => [
    ["Supported", "timer"],
    ["Session-Expires", `${seconds}${refresher}`],
    ["Min-SE", String(Math.min(seconds, 90))],
  ];

  // Too short: refused with what would do, and nothing rings.
  const short = await caller.call(input.callee, { headers: timer(60, "") });
  const refused = await short.answered;

  // The caller speaks A-law, the callee µ-law.
  const out = await caller.call(input.callee, { headers: timer(90), sdp: codec("8 PCMA/8000") });
  const incoming = await callee.called();
  incoming.describe(codec("0 PCMU/8000"));
  incoming.reply(183, { sdp: true });
  await out.take(183);
  const callerAudio = Buffer.from(input.callerAudio, "base64");
  const calleeAudio = Buffer.from(input.calleeAudio, "base64");
  // A-law's own copy of a tone is not needed: silence, then what matters is the other way.
  incoming.rtp?.play(calleeAudio);
  out.rtp?.play(Buffer.alloc(160, 0xd5), 8);
  const early = { atCaller: await out.rtp?.hear(50, 8), atCallee: await incoming.rtp?.hear(25) };
  await incoming.answer();
  const answer = await out.answered;

  const digits = "1*7#";
  for (const digit of digits) await out.rtp?.digit(digit);
  await incoming.rtp?.hearDigits(digits);
  for (const digit of digits) await incoming.rtp?.digit(digit);
  await out.rtp?.hearDigits(digits);

  const refreshes = [];
  for (const end of [out, incoming]) {
    refreshes.push((await end.send("UPDATE", { headers: timer(90) })).status);
    refreshes.push((await end.send("INVITE", { headers: timer(90), body: end.offer() })).status);
  }
  // Both speak µ-law from here. In silence: a packet of A-law in just that moment has Asterisk hang up (docs/calls.md).
  for (const end of [out, incoming]) end.rtp?.pause();
  await new Promise((resolve) => setTimeout(resolve, 200));
  out.describe(codec("0 PCMU/8000"));
  const changed = await out.send("INVITE", { body: out.offer() });
  incoming.rtp?.play(calleeAudio);
  out.rtp?.play(callerAudio);
  const late = [await out.rtp?.hear(), await incoming.rtp?.hear()];
  // Digits by INFO become events for a phone that takes those; anything else is refused, not left without an answer.
  const info = [
    await out.send("INFO", {
      headers: [["Content-Type", "application/dtmf-relay"]],
      body: "Signal=5\r\nDuration=160\r\n",
    }),
    await out.send("INFO", { headers: [["Content-Type", "application/media_control+xml"]], body: "<media_control/>" }),
  ];
  await incoming.rtp?.hearDigits(`${digits}5`);
  const ended = await out.hangUp();
  await incoming.take("BYE");

  // Nothing in common with the nodes at all.
  const strange = await caller.call(input.callee, { sdp: codec("96 NONE/8000") });
  const noCodec = await strange.answered;

  return {
    refused: { status: refused.status, minimum: refused.get("min-se") },
    timer: answer.get("session-expires"),
    early,
    digits: [incoming.rtp?.digits, out.rtp?.digits],
    refreshes,
    changed: changed.status,
    late,
    info: info.map(({ status }) => status),
    ended: ended.status,
    noCodec: noCodec.status,
  };
});
