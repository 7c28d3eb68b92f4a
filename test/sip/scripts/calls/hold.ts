import { run, registered, type Setting } from "../run.ts";

/** Hold by each side in turn; says what the SDP answers and the other end's ear were. */
await run(async (input: Setting & { caller: string; callee: string; callerAudio: string; calleeAudio: string }) => {
  const caller = await registered(input, input.caller);
  const callee = await registered(input, input.callee);
  const out = await caller.call(input.callee);
  const incoming = await callee.called();
  incoming.reply(180);
  await incoming.answer();
  await out.answered;
  out.rtp?.play(Buffer.from(input.callerAudio, "base64"));
  incoming.rtp?.play(Buffer.from(input.calleeAudio, "base64"));
  const ends = [out, incoming] as const;
  const before = await Promise.all(ends.map((end) => end.rtp?.hear()));
  const held = [];
  for (const [holder, other] of [ends, ends.toReversed()] as const) {
    const hold = await holder?.send("INVITE", { body: holder.offer("sendonly") });
    const direction = /^a=(sendonly|recvonly|inactive|sendrecv)/m.exec(hold?.body ?? "")?.[1];
    const music = await other?.rtp?.hear(100);
    const resumed = await holder?.send("INVITE", { body: holder.offer("sendrecv") });
    held.push({ status: hold?.status, direction, music, resumed: resumed?.status });
  }
  const after = await Promise.all(ends.map((end) => end.rtp?.hear(100)));
  const end = await incoming.hangUp();
  await out.take("BYE");
  return { before, held, after, ended: end.status };
});
