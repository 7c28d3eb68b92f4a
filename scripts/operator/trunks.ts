import { readFileSync } from "node:fs";
import { parseConfig } from "../../components/config-parse.ts";
import { trunkOf } from "../../components/trunks.ts";
import { quote, renderInserts } from "../../configs/mariadb/rows.ts";
import {
  trunkAddressGroup,
  trunkPolicy,
  trunkTables,
  type Trunk,
  type TrunkTransport,
} from "../../configs/mariadb/trunks.ts";
import { UserError } from "../run.ts";
import { numberOf, optionOf, type Action, type Words } from "./command.ts";
import type { Outcome } from "./output.ts";
import type { RunningStack } from "./running.ts";

/** Options of `trunk add`. */
export const trunkOptions = {
  host: "HOST[:PORT][/TRANSPORT]: again for each host, in the order of trial; TRANSPORT is udp, tcp or tls",
  address: "CIDR: network that its calls come from, again for each; the hosts that are addresses unless given",
  direction: "both|in|out: calls from it, to it, or both; both unless given",
  domain: "NAME: host part of what it is sent; the host unless given",
  username: "NAME: account for its challenges; the password is read from standard input",
  realm: "NAME: realm of its challenges; the domain or first host unless given",
  register: "SECONDS: registers at the first host",
  prefix: "PREFIX[/STRIP[/ADD]]: numbers that go out by it, again for each",
  order: "N: order of its prefixes among trunks with the same; 1 unless given",
  number: "NUMBER=SUBSCRIBER: number that it delivers, again for each",
  "caller-id": "MODE[:NUMBER]: subscriber, allowed, fixed or anonymous",
  "max-calls": "N: calls at once",
  srtp: "off|optional|required: SRTP on its side; off unless given",
  "max-cps": "N: new calls in a second",
  "tls-name": "NAME: that the certificate of a host over TLS may have, again for each; domain and hosts unless given",
} as const;

/** Flags of `trunk add`. */
export const trunkFlags: NonNullable<Action["flags"]> = {
  "no-probe": "does not answer OPTIONS",
  transit: "calls that came from a trunk may leave by it",
};

/** `trunk list`. */
export function listTrunks(stack: RunningStack): Outcome {
  const rows = stack.sql(`SELECT name, owner,
    (SELECT GROUP_CONCAT(destination ORDER BY priority DESC SEPARATOR ' ') FROM dispatcher d WHERE d.setid = t.setid) AS hosts,
    (SELECT GROUP_CONCAT(CONCAT(ip_addr, '/', mask) SEPARATOR ' ') FROM address a WHERE a.grp = ${trunkAddressGroup} AND a.tag = t.name) AS addresses,
    (SELECT GROUP_CONCAT(prefix ORDER BY prefix SEPARATOR ' ') FROM trunk_prefix p WHERE p.trunk = t.name) AS prefixes,
    (SELECT GROUP_CONCAT(CONCAT(number, '=', subscriber) ORDER BY position SEPARATOR ' ') FROM trunk_number n WHERE n.trunk = t.name) AS numbers
    FROM trunk t ORDER BY name`);
  return { data: rows };
}

/** `trunk add`: refuses what `up` would refuse of a trunk of the stack. */
export function addTrunk(stack: RunningStack, words: Words): Outcome {
  const trunk = trunkOfWords(words, stack);
  refuseRivals(stack, trunk);
  const sockets = stack.sockets();
  const tables = trunkTables([trunk], "operator", (transport) => {
    const name = sockets[`trunk_${transport}`] === undefined ? transport : `trunk_${transport}`;
    const socket = sockets[name];
    if (socket === undefined) throw new UserError(`the edge has no socket for ${transport}`);
    return { name, ...socket };
  });
  const rules = Object.entries(trunkPolicy(trunk)).map(([key, value]) => [
    key,
    typeof value === "number" ? 1 : 0,
    String(value),
    "operator",
  ]);
  const policy = { table: "edge_policy", columns: ["key_name", "value_type", "key_value", "owner"], rows: rules };
  stack.sql(`START TRANSACTION;\n${renderInserts([...tables, policy])}COMMIT;`);
  stack.reload("addresses", "policy", "dispatcher", "trunks");
  // Alone: the others need not register anew.
  if (trunk.registerSeconds !== undefined) stack.rpc("uac.reg_refresh", [trunk.name]);
  return { data: { name: trunk.name }, text: `trunk ${trunk.name} added` };
}

/** `trunk remove`: calls that run go on. */
export function removeTrunk(stack: RunningStack, words: Words): Outcome {
  const [name = ""] = words.operands;
  const [found] = stack.sql(`SELECT setid, owner FROM trunk WHERE name = ${quote(name)}`);
  if (found === undefined) throw new UserError(`there is no trunk ${name}. To see them: npm run sbc -- trunk list`);
  if (found["owner"] !== "operator") {
    throw new UserError(
      `trunk ${name} is of the stack's configuration: take it out of sbc:trunks, then npm run up -- STACK`,
    );
  }
  const emergency = stack.sql(
    `SELECT SUBSTRING_INDEX(key_name, '.', -1) AS number FROM edge_policy WHERE key_name LIKE 'emergency.%' AND CONCAT(',', key_value) LIKE ${quote(`%,${name}/%`)}`,
  );
  if (emergency.length > 0) {
    throw new UserError(
      `trunk ${name} carries the emergency number ${emergency.map((row) => row["number"]).join(", ")}: give that another way first`,
    );
  }
  const registered = stack.sql(`SELECT 1 FROM uacreg WHERE l_uuid = ${quote(name)}`).length > 0;
  const own = "owner = 'operator'";
  stack.sql(`START TRANSACTION;
    DELETE FROM dispatcher WHERE ${own} AND setid = ${found["setid"] ?? "0"};
    DELETE FROM address WHERE ${own} AND grp = ${trunkAddressGroup} AND tag = ${quote(name)};
    DELETE FROM uacreg WHERE ${own} AND l_uuid = ${quote(name)};
    DELETE FROM edge_policy WHERE ${own} AND key_name LIKE ${quote(`trunk.${name}.%`)};
    DELETE FROM trunk_prefix WHERE ${own} AND trunk = ${quote(name)};
    DELETE FROM trunk_number WHERE ${own} AND trunk = ${quote(name)};
    DELETE FROM trunk_auth WHERE ${own} AND trunk = ${quote(name)};
    DELETE FROM trunk WHERE ${own} AND name = ${quote(name)};
    COMMIT;`);
  stack.reload("trunks", "dispatcher", "policy", "addresses");
  if (registered) stack.rpc("uac.reg_remove", [name]);
  return { data: { name }, text: `trunk ${name} removed; calls that run go on` };
}

/** Through the schema and the rules of `sbc:trunks`, so that both kinds of trunk are held to the same. */
function trunkOfWords(words: Words, stack: RunningStack): Trunk {
  const [name = ""] = words.operands;
  const all = (option: keyof typeof trunkOptions) => words.options.get(option) ?? [];
  const [mode, callerNumber] = optionOf(words, "caller-id")?.split(":") ?? [];
  const order = numberOf(words, "order", 1, 1000);
  const username = optionOf(words, "username");
  const subscribers = stack.sql("SELECT username AS name FROM subscriber");
  const value = {
    name,
    hosts: all("host").map(hostOf),
    addresses: all("address"),
    direction: optionOf(words, "direction"),
    domain: optionOf(words, "domain"),
    ...(username !== undefined && { username, password: readFileSync(0, "utf8").replace(/\r?\n$/, "") }),
    realm: optionOf(words, "realm"),
    registerSeconds: numberOf(words, "register", 60, 86_400),
    prefixes: all("prefix").map((text) => {
      const [prefix, strip, add] = text.split("/");
      return { prefix, order, ...(strip ? { strip: Number(strip) } : {}), add };
    }),
    numbers: all("number").map((text) => {
      const [number, subscriber] = text.split("=");
      return { number, subscriber };
    }),
    callerId: { mode, number: callerNumber },
    maxCalls: numberOf(words, "max-calls", 1, 100_000),
    maxCallsPerSecond: numberOf(words, "max-cps", 1, 10_000),
    srtp: optionOf(words, "srtp"),
    tls: { names: all("tls-name") },
    transit: words.flags.has("transit"),
    probe: !words.flags.has("no-probe"),
  };
  const raw = {
    domain: stack.setting("SBC_DOMAIN"),
    edge: JSON.stringify({ trunkLogins: stack.setting("SBC_TRUNK_LOGINS") === "1" }),
    trunks: JSON.stringify([value]),
    subscribers: JSON.stringify(subscribers),
  };
  const parsed = parseConfig(raw, "running");
  // What only dev may have is refused too: nothing here says which environment it is.
  const problems = "problems" in parsed ? parsed.problems.split("\n") : parsed.warnings.map((text) => `  - ${text}`);
  if ("problems" in parsed || problems.length > 0) {
    const own = problems.flatMap((text) => /^ {2}- sbc:trunks\[0\](.*)/.exec(text)?.[1]?.slice(1) ?? []);
    throw new UserError([`trunk ${name} cannot be added:`, ...own.map((line) => `  - ${line}`)].join("\n"));
  }
  const [config] = parsed.config.trunks;
  if (config === undefined) throw new UserError(`trunk ${name} cannot be added`);
  return trunkOf(config);
}

function hostOf(text: string): { host: string; port?: number; transport?: TrunkTransport } {
  const [where = "", transport] = text.split("/");
  const [host = "", port] = where.split(":");
  return { host, ...(port && { port: Number(port) }), ...(transport && { transport: transport as TrunkTransport }) };
}

/** What another trunk has already: its name, an address, or a prefix of the same order. */
function refuseRivals(stack: RunningStack, { name, addresses, prefixes }: Trunk): void {
  if (stack.sql(`SELECT name FROM trunk WHERE name = ${quote(name)}`).length > 0) {
    throw new UserError(`there is a trunk ${name} already. To replace it: npm run sbc -- trunk remove ${name}`);
  }
  for (const cidr of addresses) {
    const [address = "", mask = "32"] = cidr.split("/");
    const [rival] = stack.sql(
      `SELECT tag, ip_addr, mask FROM address WHERE grp = ${trunkAddressGroup} AND
        (INET_ATON(ip_addr) >> (32 - LEAST(mask, ${mask}))) = (INET_ATON(${quote(address)}) >> (32 - LEAST(mask, ${mask})))`,
    );
    if (rival !== undefined) {
      throw new UserError(
        `--address ${cidr} overlaps ${rival["ip_addr"]}/${rival["mask"]} of trunk ${rival["tag"]}: each address must belong to one trunk`,
      );
    }
  }
  for (const { prefix, order = 1 } of prefixes) {
    const [rival] = stack.sql(`SELECT trunk FROM trunk_prefix WHERE prefix = ${quote(prefix)} AND position = ${order}`);
    if (rival !== undefined) {
      throw new UserError(
        `--prefix ${prefix} is also of trunk ${rival["trunk"]}, with the same order ${order}: set --order, the lowest is tried first`,
      );
    }
  }
}
