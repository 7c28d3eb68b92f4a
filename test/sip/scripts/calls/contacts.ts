import { Phone } from "../phone.ts";
import { uriOf, type Message } from "../message.ts";
import { run, type Setting } from "../run.ts";

/** Who is registered after each step, by the names of the phones. */
await run(async (input: Setting & { name: string; phones: number }) => {
  const known = new Map<string, string>();
  const open = async (label: string, contactParameters = "") => {
    const phone = await Phone.open({
      edge: input.edge,
      name: input.name,
      password: input.passwords[input.name] ?? "",
      contactParameters,
    });
    known.set(uriOf(phone.contact), label);
    return phone;
  };
  const bound = (answer: Message) =>
    answer
      .all("contact")
      .flatMap((line) => line.split(/,\s*(?=<)/))
      .map((contact) => known.get(uriOf(contact)) ?? contact)
      .toSorted();
  const instance = `;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"`;

  const desk = await open("desk");
  await desk.register();
  const moved = await open("desk, moved");
  const afterMove = bound(await moved.register(300, desk));
  const mobile = await open("mobile", instance);
  await mobile.register();
  const restarted = await open("mobile, restarted", instance);
  const afterRestart = bound(await restarted.register());
  for (let number = 3; number <= input.phones; number++) await (await open(`phone ${number}`)).register();
  const oneMore = await open("one more");
  const afterOneMore = bound(await oneMore.register());
  // The oldest one is refreshed, so that another is the oldest now.
  const refreshed = bound(await restarted.register());
  const two = await open("two more");
  const afterTwoMore = bound(await two.register());
  const afterLeave = bound(await two.register(0));
  return { afterMove, afterRestart, afterOneMore, refreshed, afterTwoMore, afterLeave };
});
