import { createHash } from "node:crypto";
import { trunkAddressGroup, trunkPolicy, trunkTables, type TableRows, type Trunk, type TrunkSocket } from "./trunks.ts";

/** A person's or device's account. */
export interface Subscriber {
  /** User part of the SIP address, e.g. `alice` or `1001`; see {@link subscriberNameProblem}. */
  name: string;
  /** Clear text password; only its HA1 leaves this module. */
  password: string;
  /** Class whose rules the edge applies. Default `default`. */
  class?: string;
}

/** An Asterisk node in the dispatcher set. */
export interface DispatcherNode {
  /** Stable name of the node, e.g. `asterisk-1`; shown as the row's description. */
  name: string;
  /** IPv4 address on sbc_net. */
  address: string;
  /** UDP port. Default 5060. */
  port?: number;
  /** `true` takes the node out of rotation for good: running calls go on, new ones go elsewhere. Default `false`. */
  drain?: boolean;
  /** Share of the calls, relative to the other nodes' weights, 1 to 100; all nodes have one or none has. Default: each node in turn. */
  weight?: number | undefined;
}

/** A media relay. */
export interface MediaRelay {
  /** IPv4 address and UDP port of its control socket. */
  address: string;
  port: number;
  /** `true` gives it no new calls; running ones go on. Default `false`. */
  drain?: boolean;
}

/** How Kamailio names a relay. */
export const relayUrl = ({ address, port }: MediaRelay): string => `udp:${address}:${port}`;

/** Groups of the `address` table that the edge knows. */
export const addressGroups = { trunk: 1, blocked: 2, unlimited: 4, allowed: 5, office: 6 } as const;

/** A network that the edge treats in a special way. */
export interface AddressRow {
  /** Network, e.g. `198.51.100.0/24` or `2001:db8:7::/48`, or an address. */
  cidr: string;
  /**
   * `blocked` is never answered, `unlimited` is never counted or banned, `office` may send more than others and is never banned as a whole; once
   * anything is `allowed`, nobody else but trunks is answered.
   */
  group: keyof typeof addressGroups;
}

/** A key of `X-Company-Signature`. */
export interface SignatureKey {
  /** What a device names it by: letters, digits, `_` and `-`, at most 32. */
  id: string;
  /** The secret; at most 128 characters. */
  key: string;
}

/** What the certificate of a device is good for. */
export interface DeviceRow {
  /** Name of the device: letters, digits and hyphens. */
  name: string;
  /** Fingerprint of the device's public key, as in its certificate. */
  keyId: string;
  /** The only subscriber that it may authenticate as; left out for a trunk's. */
  subscriber?: string;
}

/** All rows that a stack owns. */
export interface Rows {
  /** SIP domain of the subscribers; also the digest realm. */
  domain: string;
  subscribers: readonly Subscriber[];
  /** Dispatcher set of the nodes. Default 1. */
  dispatcherSetId?: number;
  nodes: readonly DispatcherNode[];
  /** Default: none. */
  relays?: readonly MediaRelay[];
  /** Default: none. */
  addresses?: readonly AddressRow[];
  /** What the edge allows: key, such as `class.default.max_calls`, → value. Default: nothing. */
  policy?: Policy;
  /** Keys of `X-Company-Signature`, all good at once. Default: none. */
  signatureKeys?: readonly SignatureKey[];
  /** Devices whose certificates are let in. Default: none. */
  devices?: readonly DeviceRow[];
  /** Carriers. Default: none. */
  trunks?: readonly Trunk[];
  /** Required with trunks. */
  trunkSocket?: TrunkSocket;
  /** Beginnings of User-Agents that are not answered. Default: none. */
  blockedUserAgents?: readonly string[];
}

/** Key → value of table `edge_policy`; at most 128 and 255 characters. */
export type Policy = Readonly<Record<string, string | number>>;

/** Who may change a row: `up`, or an operator. */
export type Owner = "stack" | "operator";

/** What the column `owner` holds in rows that were made here; everything else belongs to an operator and is never touched. */
export const ownerMark: Owner = "stack";

/** Class of a subscriber that names none. */
export const defaultClass = "default";

/**
 * Says what is wrong with a subscriber's name, or nothing when it can be used.
 *
 * RFC 3261 §25.1 lets the user part hold letters, digits, `-_.!~*'()&=+$,;?/` and escapes. Here it is letters, digits and `-_.~+`:
 * the other marks mean something to dial plans, and an escape would make two spellings of one name.
 */
export function subscriberNameProblem(name: string): string | undefined {
  if (name === "") return "must not be empty";
  if (name.length > 64) return "must not be longer than 64 characters";
  if (!/^[A-Za-z0-9_.~+-]+$/.test(name)) return 'may only hold letters, digits and "-", "_", ".", "~", "+"';
  // The dial plan takes nothing else for a name: a leading "-", "_" or "." means something to a dial pattern.
  if (!/^[A-Za-z0-9+]/.test(name)) return 'must begin with a letter, a digit or "+"';
  if (/^(600|601|8\d\d)$/.test(name)) return "is a service of the dial plan (600 echo, 601 music, 8xx conference)";
  return undefined;
}

/** HA1 of RFC 7616 §3.4.2: the hash of `name:realm:password`, in lower-case hexadecimal. */
export function ha1(name: string, realm: string, password: string, algorithm: "md5" | "sha256" = "md5"): string {
  return createHash(algorithm).update(`${name}:${realm}:${password}`).digest("hex");
}

/** A string of SQL. */
export const quote = (value: string): string => `'${value.replace(/['\\]/g, (character) => `\\${character}`)}'`;
const tuple = (...values: readonly (string | number)[]): string =>
  `(${values.map((value) => (typeof value === "number" ? String(value) : quote(value))).join(", ")})`;

/**
 * SQL that makes the stack's subscribers exactly the given ones. Safe to run again; fails, and changes nothing, when an operator has
 * a subscriber of the same name.
 * @throws when a name cannot be used or appears twice (the database does not tell upper from lower case).
 */
export function renderSubscriberRows(domain: string, subscribers: readonly Subscriber[]): string {
  const seen = new Set<string>();
  for (const { name } of subscribers) {
    const problem = seen.has(name.toLowerCase()) ? "appears twice" : subscriberNameProblem(name);
    if (problem !== undefined) throw new Error(`subscriber name ${JSON.stringify(name)} ${problem}`);
    seen.add(name.toLowerCase());
  }
  const owned = `owner = ${quote(ownerMark)}`;
  if (subscribers.length === 0) return `DELETE FROM subscriber WHERE ${owned};\n`;

  const keys = subscribers.map(({ name }) => tuple(name, domain)).join(", ");
  const rows = subscribers.map(({ name, password, class: group = defaultClass }) =>
    tuple(name, domain, ha1(name, domain, password), ha1(name, domain, password, "sha256"), group, ownerMark),
  );
  return `SELECT GROUP_CONCAT(username ORDER BY username SEPARATOR ', ') INTO @taken
  FROM subscriber WHERE NOT ${owned} AND (username, domain) IN (${keys});
${refuse("@taken IS NOT NULL", "CONCAT('an operator already has: ', @taken, '. Delete or rename those subscribers, or take them out of the stack')")}DELETE FROM subscriber WHERE ${owned} AND (username, domain) NOT IN (${keys});
INSERT INTO subscriber (username, domain, ha1, ha1_sha256, class, owner) VALUES
  ${rows.join(",\n  ")}
  ON DUPLICATE KEY UPDATE username = VALUES(username), ha1 = VALUES(ha1), ha1_sha256 = VALUES(ha1_sha256), class = VALUES(class);
`;
}

/**
 * SQL that makes the stack's rows of the dispatcher set exactly the given nodes, in this order. Safe to run again. A node that an operator
 * has drained stays drained; fails, and changes nothing, when that leaves none.
 * A node must answer before its row is added: a new row is in rotation at once, and each call that finds it dead waits for the node timeout.
 * (Starting it as inactive, flag 1, would be worse: every reload takes the state from the rows again, so that all nodes were out of use.)
 */
export function renderDispatcherRows(setId: number, nodes: readonly DispatcherNode[]): string {
  const rows = nodes.map(({ name, address, port = 5060, drain = false, weight }) =>
    // Flag 4 is "disabled": kept over reloads, unlike dispatcher.set_state.
    tuple(
      ...[setId, `sip:${address}:${port}`, drain ? 4 : 0, weight === undefined ? "" : `rweight=${weight}`],
      ...[name, ownerMark],
    ),
  );
  const columns = ["setid", "destination", "flags", "attrs", "description", "owner"];
  return `${replaceOwned("dispatcher", columns, rows, { only: `setid = ${setId}` })}UPDATE dispatcher SET flags = flags | 4 WHERE setid = ${setId} AND description IN (SELECT name FROM node_drain);
${refuse(
  `(SELECT COUNT(*) FROM dispatcher WHERE setid = ${setId}) > 0 AND (SELECT COUNT(*) FROM dispatcher WHERE setid = ${setId} AND flags & 4 = 0) = 0`,
  "'every node that is left has been drained by an operator. To see them: npm run sbc -- node list; to take one back: npm run sbc -- node undrain NAME'",
)}`;
}

/** SQL that makes the stack's rows of the rtpengine table exactly the given ones; one that an operator has added stays his. Safe to run again. */
export function renderRelayRows(relays: readonly MediaRelay[]): string {
  const rows = relays.map((relay) => tuple(0, relayUrl(relay), 1, relay.drain === true ? 1 : 0, ownerMark));
  return replaceOwned("rtpengine", ["setid", "url", "weight", "disabled", "owner"], rows, { verb: "INSERT IGNORE" });
}

/** SQL that makes the stack's rows of the address table exactly the given ones. Safe to run again. */
export function renderAddressRows(addresses: readonly AddressRow[]): string {
  const rows = addresses.map(({ cidr, group }) => {
    const [address = "", mask = cidr.includes(":") ? "128" : "32"] = cidr.split("/");
    return tuple(addressGroups[group], address, Number(mask), ownerMark);
  });
  return replaceOwned("address", ["grp", "ip_addr", "mask", "owner"], rows, { only: `grp <> ${trunkAddressGroup}` });
}

/** SQL that makes the stack's rows of `edge_policy` exactly the given ones; a key that an operator has set himself stays his. Safe to run again. */
export function renderPolicyRows(policy: Policy): string {
  const rows = Object.entries(policy).map(([key, value]) =>
    tuple(key, typeof value === "number" ? 1 : 0, String(value), ownerMark),
  );
  return replaceOwned("edge_policy", ["key_name", "value_type", "key_value", "owner"], rows, { verb: "INSERT IGNORE" });
}

/**
 * SQL that makes the stack's trunks exactly the given ones. Safe to run again; fails, and changes nothing, when an operator has a trunk of
 * the same name.
 */
export function renderTrunkRows(setId: number, trunks: readonly Trunk[], socketOf: TrunkSocket): string {
  const only: Readonly<Record<string, string>> = {
    dispatcher: `setid <> ${setId}`,
    address: `grp = ${trunkAddressGroup}`,
  };
  const names = trunks.map(({ name }) => quote(name)).join(", ");
  const owned = `owner = ${quote(ownerMark)}`;
  const taken =
    names === ""
      ? ""
      : `SELECT GROUP_CONCAT(name ORDER BY name SEPARATOR ', ') INTO @taken FROM trunk WHERE NOT ${owned} AND name IN (${names});
${refuse("@taken IS NOT NULL", "CONCAT('an operator already has trunk ', @taken, '. Remove it (npm run sbc -- trunk remove NAME), or take it out of the stack')")}`;
  return (
    taken +
    trunkTables(trunks, ownerMark, socketOf)
      .map(({ table, columns, rows }) =>
        replaceOwned(
          table,
          columns,
          rows.map((row) => tuple(...row)),
          { only: only[table] },
        ),
      )
      .join("")
  );
}

/** SQL that adds rows. */
export function renderInserts(tables: readonly TableRows[]): string {
  return tables
    .map(({ table, columns, rows }) =>
      insert(
        table,
        columns,
        rows.map((row) => tuple(...row)),
      ),
    )
    .join("");
}

/** SQL that makes the stack's keys of `X-Company-Signature` exactly the given ones. Safe to run again. */
export function renderSignatureKeyRows(keys: readonly SignatureKey[]): string {
  const rows = keys.map(({ id, key }) => tuple(id, key, ownerMark));
  return replaceOwned("signature_key", ["key_id", "secret", "owner"], rows, { verb: "INSERT IGNORE" });
}

/** SQL that makes the stack's devices exactly the given ones. Safe to run again. */
export function renderDeviceRows(devices: readonly DeviceRow[]): string {
  const rows = devices.map(({ keyId, name, subscriber = "" }) => tuple(keyId, name, subscriber, ownerMark));
  return replaceOwned("device_certificate", ["key_id", "name", "subscriber", "owner"], rows);
}

/** SQL that makes the stack's rows of `secfilter` exactly the given ones. Safe to run again. */
export function renderUserAgentRows(blocked: readonly string[]): string {
  // Action 0 is "blacklist", type 0 is "User-Agent".
  const rows = blocked.map((name) => tuple(0, 0, name, ownerMark));
  return replaceOwned("secfilter", ["action", "type", "data", "owner"], rows);
}

/** SQL that makes all rows of the stack exactly the given ones, in one transaction. */
export function renderRows(rows: Rows): string {
  const { dispatcherSetId = 1, trunks = [], trunkSocket } = rows;
  if (trunkSocket === undefined && trunks.length > 0) throw new Error("trunks need trunkSocket");
  return [
    "START TRANSACTION;",
    renderSubscriberRows(rows.domain, rows.subscribers),
    renderDispatcherRows(dispatcherSetId, rows.nodes),
    renderRelayRows(rows.relays ?? []),
    renderAddressRows(rows.addresses ?? []),
    renderSignatureKeyRows(rows.signatureKeys ?? []),
    renderDeviceRows(rows.devices ?? []),
    renderTrunkRows(
      dispatcherSetId,
      trunks,
      trunkSocket ??
        (() => {
          throw new Error("no trunk, no socket");
        }),
    ),
    renderPolicyRows(Object.assign({}, rows.policy, ...trunks.map(trunkPolicy)) as Policy),
    renderUserAgentRows(rows.blockedUserAgents ?? []),
    "COMMIT;\n",
  ].join("\n");
}

/** Ends the run, and with it the transaction, with a message (an SQL expression of a string) when a condition holds. */
function refuse(condition: string, message: string): string {
  return `DELIMITER //
IF ${condition} THEN
  SET @problem = LEFT(${message}, 512);
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @problem;
END IF//
DELIMITER ;
`;
}

function insert(table: string, columns: readonly string[], rows: readonly string[], verb = "INSERT"): string {
  return rows.length === 0 ? "" : `${verb} INTO ${table} (${columns.join(", ")}) VALUES\n  ${rows.join(",\n  ")};\n`;
}

/** These tables have no key of their own to update by; inside the transaction nobody sees them empty. `only` narrows what is replaced. */
function replaceOwned(
  table: string,
  columns: readonly string[],
  rows: readonly string[],
  { verb, only }: { verb?: string | undefined; only?: string | undefined } = {},
): string {
  const narrowed = only === undefined ? "" : ` AND ${only}`;
  return `DELETE FROM ${table} WHERE owner = ${quote(ownerMark)}${narrowed};\n${insert(table, columns, rows, verb)}`;
}
