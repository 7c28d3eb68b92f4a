import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { defaultClass, ha1, quote, subscriberNameProblem } from "../../configs/mariadb/rows.ts";
import { UserError } from "../run.ts";
import { optionOf, type Words } from "./command.ts";
import type { Outcome } from "./output.ts";
import type { RunningStack } from "./running.ts";

/** `subscriber list`. */
export function listSubscribers(stack: RunningStack): Outcome {
  return {
    data: stack.sql("SELECT username AS name, domain, class, owner FROM subscriber ORDER BY username"),
  };
}

/** `subscriber add`: prints a generated password once. */
export function addSubscriber(stack: RunningStack, words: Words): Outcome {
  const [name = ""] = words.operands;
  const problem = subscriberNameProblem(name);
  if (problem !== undefined) throw new UserError(`subscriber name ${JSON.stringify(name)} ${problem}`);
  if (find(stack, name) !== undefined) {
    throw new UserError(
      `there is a subscriber ${name} already. For a new password: npm run sbc -- subscriber passwd ${name}`,
    );
  }
  const group = classOf(stack, optionOf(words, "class") ?? defaultClass);
  const { password, generated } = passwordOf(words);
  const domain = stack.setting("SBC_DOMAIN");
  const values = [name, domain, ha1(name, domain, password), ha1(name, domain, password, "sha256"), group, "operator"];
  stack.sql(
    `INSERT INTO subscriber (username, domain, ha1, ha1_sha256, class, owner) VALUES (${values.map(quote).join(", ")});`,
  );
  stack.reload("subscribers");
  return told(`subscriber ${name} added, class ${group}`, { name, domain, class: group }, generated);
}

/** `subscriber passwd`. */
export function changePassword(stack: RunningStack, words: Words): Outcome {
  const [name = ""] = words.operands;
  const own = ownedBy(stack, name, `raise its rotation: pulumi config set --path 'sbc:subscribers[N].rotation' …`);
  const { password, generated } = passwordOf(words);
  const hashes = [
    ha1(own, stack.setting("SBC_DOMAIN"), password),
    ha1(own, stack.setting("SBC_DOMAIN"), password, "sha256"),
  ];
  stack.sql(
    `UPDATE subscriber SET ha1 = ${quote(hashes[0] ?? "")}, ha1_sha256 = ${quote(hashes[1] ?? "")} WHERE username = ${quote(own)} AND owner = 'operator';`,
  );
  stack.reload("subscribers");
  return told(`subscriber ${own} has a new password`, { name: own }, generated);
}

/** `subscriber remove`: calls that run go on; his phones are no longer called. */
export function removeSubscriber(stack: RunningStack, words: Words): Outcome {
  const [name = ""] = words.operands;
  const own = ownedBy(stack, name, "take it out of sbc:subscribers");
  const numbers = stack.sql(`SELECT trunk, number FROM trunk_number WHERE subscriber = ${quote(own)}`);
  stack.sql(`DELETE FROM subscriber WHERE username = ${quote(own)} AND owner = 'operator';`);
  stack.reload("subscribers");
  // Else his phones would be called until their registration runs out.
  try {
    stack.rpc("ul.rm", ["location", `${own}@${stack.setting("SBC_DOMAIN")}`]);
  } catch (error) {
    // He was not registered.
    if (!(error instanceof UserError)) throw error;
  }
  stack.sql(`DELETE FROM location WHERE username = ${quote(own)};`);
  const left = numbers.map(({ trunk, number }) => `${number} of trunk ${trunk}`).join(", ");
  return {
    data: { name: own, numbers },
    text: `subscriber ${own} removed; calls that run go on${left === "" ? "" : `\n${left} led to him and is answered with 404 now`}`,
  };
}

function told(text: string, data: Readonly<Record<string, string>>, generated: string | undefined): Outcome {
  if (generated === undefined) return { data, text };
  return { data: { ...data, password: generated }, text: `${text}\npassword: ${generated}   (shown this once)` };
}

function passwordOf({ flags }: Words): { password: string; generated?: string } {
  if (!flags.has("password-stdin")) {
    const generated = randomBytes(18).toString("base64url");
    return { password: generated, generated };
  }
  const password = readFileSync(0, "utf8").replace(/\r?\n$/, "");
  if (password.length < 12 || /[\r\n\0]/.test(password)) {
    throw new UserError("the password on standard input must be one line of at least 12 characters");
  }
  return { password };
}

/** Upper and lower case are the same name to the database. */
function find(stack: RunningStack, name: string) {
  return stack.sql(`SELECT username AS name, owner FROM subscriber WHERE username = ${quote(name)}`)[0];
}

/** The name as the row has it. @throws UserError when there is none, or it is the stack's. */
function ownedBy(stack: RunningStack, name: string, instead: string): string {
  const found = find(stack, name);
  if (found === undefined)
    throw new UserError(`there is no subscriber ${name}. To see them: npm run sbc -- subscriber list`);
  if (found["owner"] !== "operator") {
    throw new UserError(`subscriber ${name} is of the stack's configuration: ${instead}, then npm run up -- STACK`);
  }
  return found["name"] ?? name;
}

function classOf(stack: RunningStack, name: string): string {
  const rows = stack.sql(
    "SELECT DISTINCT SUBSTRING_INDEX(SUBSTRING_INDEX(key_name, '.', 2), '.', -1) AS class FROM edge_policy WHERE key_name LIKE 'class.%'",
  );
  const known = [...new Set([defaultClass, ...rows.map((row) => row["class"] ?? "")])].sort();
  if (!known.includes(name)) {
    throw new UserError(
      `${JSON.stringify(name)} is no class; there are ${known.join(", ")}. Classes are made in sbc:classes`,
    );
  }
  return name;
}
