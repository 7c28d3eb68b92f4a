import { run, registered, type Setting } from "../run.ts";

/** Calls that end in every way but the usual one. What is left of them is for the test to look at. */
await run(async (input: Setting & { caller: string; callee: string }) => {
  const callee = await registered(input, input.callee);

  // The caller gives up in the very moment in which the callee takes the call: whoever was first, nobody is left in a call.
  const caller = await registered(input, input.caller);
  const races = [];
  for (let race = 0; race < 5; race++) {
    const out = await caller.call(input.callee);
    const incoming = await callee.called();
    incoming.reply(180);
    await out.take(180);
    if (race % 2 === 0) {
      incoming.reply(200, { sdp: true });
      out.cancel();
    } else {
      out.cancel();
      incoming.reply(200, { sdp: true });
    }
    const { status } = await out.answered;
    if (status === 200) await out.hangUp();
    await incoming.take("BYE");
    races.push(status);
  }

  // The caller's phone goes away while the other one rings; nobody takes the call.
  const dying = await registered(input, input.caller);
  const ringing = await registered(input, input.callee);
  const dead = await dying.call(input.callee);
  const [rings] = await Promise.all([ringing.called(), callee.called()]);
  rings.reply(180);
  await dead.take(180);
  dying.close();
  await rings.take("CANCEL", 40_000);
  return { races };
});
