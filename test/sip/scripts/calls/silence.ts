import { run, registered, type Setting } from "../run.ts";

/** Two calls between phones, one after the other: in the first the called one sends nothing, in the second neither does. */
await run(async (input: Setting & { caller: string; callee: string; audio: string }) => {
  const caller = await registered(input, input.caller);
  const callee = await registered(input, input.callee);
  for (const oneWay of [true, false]) {
    const out = await caller.call(input.callee);
    const incoming = await callee.called();
    await incoming.answer();
    await out.answered;
    if (oneWay) {
      out.rtp?.play(Buffer.from(input.audio, "base64"));
      await incoming.rtp?.hear();
    }
    await out.hangUp();
    await incoming.take("BYE");
  }
  return {};
});
