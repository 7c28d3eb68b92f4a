import { text } from "node:stream/consumers";
import type { Edge, PhoneOptions } from "./phone.ts";
import { Phone } from "./phone.ts";

/** What each script of calls gets. */
export interface Setting {
  edge: Edge;
  /** Passwords by subscriber. */
  passwords: Record<string, string>;
}

/** Runs a scenario with the JSON from standard input, prints what it returns as JSON, and ends whatever is still open. */
export async function run<Input, Result>(scenario: (input: Input) => Promise<Result>): Promise<void> {
  const result = await scenario(JSON.parse(await text(process.stdin)) as Input);
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}

/** Opens a subscriber's phone and registers it. */
export async function registered(
  { edge, passwords }: Setting,
  name: string,
  options: Partial<PhoneOptions> = {},
): Promise<Phone> {
  const phone = await Phone.open({ edge, name, password: passwords[name] ?? "", ...options });
  const answer = await phone.register();
  if (answer.status !== 200) throw new Error(`${name} could not register: ${answer.first}`);
  return phone;
}
