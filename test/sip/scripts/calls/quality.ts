import { run, registered, type Setting } from "../run.ts";

/**
 * A call to the echo with reports by RTCP from both sides, of which one packet in `losing` does not get there; says what the far end told, when it had
 * told of a round trip, and of what came afterwards.
 */
await run(async (input: Setting & { caller: string; callee: string; audio: string; losing?: number }) => {
  const caller = await registered(input, input.caller);
  const call = await caller.call(input.callee);
  // Before the answer, so that nothing is missed.
  await call.rtp?.report(1000);
  const { status } = await call.answered;
  if (status !== 200 || call.rtp === undefined) throw new Error(`the call was answered with ${status}`);
  call.rtp.play(Buffer.from(input.audio, "base64"), 0, input.losing);
  await call.rtp.hear();
  const { told } = call.rtp;
  // Asterisk reports every 5 s, and can tell of a round trip in the report after one of this phone's.
  for (let waited = 0; told.filter(({ roundTripMs }) => roundTripMs !== undefined).length < 2; waited += 100) {
    if (waited > 20_000) throw new Error(`the far end told only ${JSON.stringify(told)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // One more report of this phone, which tells of the far end's last.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await call.hangUp();
  return { callId: call.callId, told };
});
