import { Phone } from "../phone.ts";
import { run, registered, type Setting } from "../run.ts";

/** Calls to a subscriber with several phones. */
await run(async (input: Setting & { caller: string; callee: string }) => {
  const caller = await registered(input, input.caller);
  const phones = [await registered(input, input.callee), await registered(input, input.callee, { transport: "tcp" })];
  const [first, second] = phones as [Phone, Phone];
  const third = await registered(input, input.callee);
  const seconds = async <T>(work: Promise<T>) => {
    const start = performance.now();
    return { result: await work, seconds: (performance.now() - start) / 1000 };
  };

  // One refuses, one takes the call, the third stops ringing.
  const answered = await caller.call(input.callee);
  const rings = await Promise.all([first.called(), second.called(), third.called()]);
  rings[0].reply(180);
  rings[1].reply(486);
  await answered.take(180);
  rings[2].reply(180);
  await rings[2].answer();
  const taken = await answered.answered;
  await rings[0].take("CANCEL");
  answered.rtp?.play(Buffer.alloc(160, 0x55));
  rings[2].rtp?.play(Buffer.alloc(160, 0x2a));
  const heard = [await rings[2].rtp?.hear(20), await answered.rtp?.hear(20)];
  const ended = await answered.hangUp();
  await rings[2].take("BYE");

  // One declines for all.
  const declined = await caller.call(input.callee);
  const again = await Promise.all([first.called(), second.called(), third.called()]);
  for (const ring of again) ring.reply(180);
  await declined.take(180);
  again[1].reply(603);
  const decline = await declined.answered;
  await Promise.all([again[0].take("CANCEL"), again[2].take("CANCEL")]);

  // Two are gone without a word, one over UDP and one over TCP; the last is busy.
  first.close();
  second.close();
  const refused = await caller.call(input.callee);
  const last = await third.called();
  last.reply(486);
  const busy = await seconds(refused.answered);

  // The caller gives up before anybody has said anything: only the phone that is there can be told.
  const abandoned = await caller.call(input.callee);
  const ringing = await third.called();
  ringing.reply(180);
  await abandoned.take(180);
  abandoned.cancel();
  const cancelled = await abandoned.answered;
  await ringing.take("CANCEL");

  return {
    answered: taken.status,
    heard,
    ended: ended.status,
    declined: decline.status,
    busy: { status: busy.result.status, seconds: busy.seconds },
    cancelled: cancelled.status,
  };
});
