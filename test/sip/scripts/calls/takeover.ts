import { run, registered, type Setting } from "../run.ts";
import { connect, replaces } from "./connect.ts";

/** Somebody who has learnt the identifiers of a call of others tries to get at it, and to be transferred out of the domain. */
await run(async (input: Setting & { names: [caller: string, callee: string, cheat: string, friend: string] }) => {
  const [caller, callee, cheat, friend] = await Promise.all(input.names.map((name) => registered(input, name)));
  if (!caller || !callee || !cheat || !friend) throw new Error("four names are needed");
  const [out, incoming] = await connect(caller, callee);
  const [own, friends] = await connect(cheat, friend);

  const refer = async (to: string) => (await own.send("REFER", { headers: [["Refer-To", to]] })).status;
  const refused = {
    others: await refer(`<${out.target}?Replaces=${replaces(out)}>`),
    made: await refer(`<${out.target}?Replaces=made-up%3Bto-tag%3D1%3Bfrom-tag%3D2>`),
    elsewhere: await refer(`<sip:${callee.options.name}@example.com>`),
  };

  // An INVITE that would replace the other call is a call like any other.
  const header = decodeURIComponent(replaces(out));
  const call = await cheat.call(friend.options.name, {
    headers: [
      ["Replaces", header],
      ["X-SBC-Account", "somebody"],
    ],
  });
  const ring = await friend.called();
  ring.reply(486);
  const replaced = await call.answered;

  // The calls of all four are as they were.
  const ended = [await out.hangUp(), await own.hangUp()];
  await Promise.all([incoming.take("BYE"), friends.take("BYE")]);
  return { refused, replaced: replaced.status, ended: ended.map(({ status }) => status) };
});
