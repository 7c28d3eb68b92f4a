import { parseAddress } from "../../components/ipv4.ts";
import { parseAddress6, parseNetwork } from "../../components/ipv6.ts";
import { addressGroups, quote } from "../../configs/mariadb/rows.ts";
import { UserError } from "../run.ts";
import { numberOf, type Words } from "./command.ts";
import type { Outcome } from "./output.ts";
import type { RunningStack } from "./running.ts";

const blocked = `grp = ${addressGroups.blocked}`;

interface Ban {
  readonly address: string;
  readonly until: string;
  readonly owner: string;
}

/** `ban list`: those that expire, and those that last. */
export function listBans(stack: RunningStack): Outcome {
  const lasting = stack
    .sql(
      `SELECT CONCAT(ip_addr, '/', mask) AS address, owner FROM address WHERE ${blocked} ORDER BY INET_ATON(ip_addr)`,
    )
    .map(({ address = "", owner = "" }): Ban => ({ address, until: "lasting", owner }));
  const passing = passingBans(stack).map((address): Ban => ({ address, until: "expires", owner: "edge" }));
  return { data: [...passing, ...lasting] };
}

/** `ban add`. */
export function addBan(stack: RunningStack, words: Words): Outcome {
  const [address = ""] = words.operands;
  const seconds = numberOf(words, "seconds", 1, 604_800);
  if (!words.flags.has("lasting")) {
    const source = banKey(address);
    if (source === undefined) {
      throw new UserError(
        `${JSON.stringify(address)} must be an address such as 203.0.113.7; a network can only be banned with --lasting`,
      );
    }
    const span = seconds ?? Number(stack.setting("SBC_BAN_SECONDS"));
    stack.rpc("htable.setxi", ["ipban", source, 1, span]);
    const whole = source === address ? address : `${source}/64`;
    return { data: { address: whole, seconds: span }, text: `${whole} is ignored for ${span} s` };
  }
  if (seconds !== undefined) throw new UserError("--lasting and --seconds exclude each other");
  const [first, mask] = networkOf(address);
  if (rowOf(stack, first, mask) !== undefined) throw new UserError(`${address} is banned for good already`);
  stack.sql(
    `INSERT INTO address (grp, ip_addr, mask, owner) VALUES (${addressGroups.blocked}, ${quote(first)}, ${mask}, 'operator');`,
  );
  stack.reload("addresses");
  return { data: { address: `${first}/${mask}` }, text: `${first}/${mask} is ignored until it is removed` };
}

/** `ban remove`: whichever kind it is. */
export function removeBan(stack: RunningStack, words: Words): Outcome {
  const [address = ""] = words.operands;
  const banned = passingBans(stack);
  // One user from one source: `203.0.113.7::alice`.
  if (address.includes("::") && banned.includes(address)) {
    stack.rpc("htable.delete", ["ipban", address]);
    return { data: { address }, text: `${address} is heard again` };
  }
  const [first, mask] = networkOf(address);
  const row = rowOf(stack, first, mask);
  const source = banKey(first) ?? "";
  const passing = (first.includes(":") ? mask >= 64 : mask === 32) && banned.includes(source);
  if (row?.["owner"] !== undefined && row["owner"] !== "operator") {
    throw new UserError(
      `${address} is blocked by the stack's configuration: take it out of sbc:protection.blocked, then npm run up -- STACK`,
    );
  }
  if (row === undefined && !passing) {
    throw new UserError(`${address} is not banned. To see who is: npm run sbc -- ban list`);
  }
  if (row !== undefined) {
    stack.sql(
      `DELETE FROM address WHERE ${blocked} AND ip_addr = ${quote(first)} AND mask = ${mask} AND owner = 'operator';`,
    );
    stack.reload("addresses");
  }
  if (passing) stack.rpc("htable.delete", ["ipban", source]);
  return { data: { address }, text: `${address} is heard again` };
}

/** The edge's own table; its dump is in slots. */
function passingBans(stack: RunningStack): string[] {
  const slots = stack.rpc<readonly { slot?: readonly { name: string }[] }[]>("htable.dump", ["ipban"]);
  return slots.flatMap(({ slot = [] }) => slot.map(({ name }) => name));
}

/** How the edge knows the source of an address (bans.cfg): of IPv6 by its first half, written without any shortening. */
export function banKey(address: string): string | undefined {
  if (parseAddress(address) !== undefined) return address;
  const number = parseAddress6(address);
  if (number === undefined) return undefined;
  const groups = [7n, 6n, 5n, 4n].map((place) => ((number >> (16n * place)) & 0xffffn).toString(16));
  return `${groups.join(":")}::`;
}

function rowOf(stack: RunningStack, address: string, mask: number) {
  return stack.sql(
    `SELECT owner FROM address WHERE ${blocked} AND ip_addr = ${quote(address)} AND mask = ${mask} ORDER BY owner DESC`,
  )[0];
}

function networkOf(text: string): [address: string, mask: number] {
  const [address = "", mask = text.includes(":") ? "128" : "32"] = text.split("/");
  if (parseNetwork(text) === undefined) {
    throw new UserError(`${JSON.stringify(text)} must be an address or network such as 203.0.113.0/24`);
  }
  return [address, Number(mask)];
}
