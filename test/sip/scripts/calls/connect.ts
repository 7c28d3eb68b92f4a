import type { Call, Phone } from "../phone.ts";

/** Sets up a call and returns both its ends. */
export async function connect(caller: Phone, callee: Phone): Promise<[caller: Call, callee: Call]> {
  const out = await caller.call(callee.options.name);
  const incoming = await callee.called();
  incoming.reply(180);
  await incoming.answer();
  const answer = await out.answered;
  if (answer.status !== 200) throw new Error(`${caller.options.name} could not call: ${answer.first}`);
  return [out, incoming];
}

/** The value of a Replaces header for this end's call (RFC 3891), as part of a URI. */
export function replaces(call: Call): string {
  return encodeURIComponent(`${call.callId};to-tag=${call.remoteTag};from-tag=${call.localTag}`);
}
