import { createHash } from "node:crypto";
import type { SrtpRule } from "../kamailio/media.ts";
import type { Owner } from "./rows.ts";

/** How SIP gets to a carrier's host. */
export type TrunkTransport = "udp" | "tcp" | "tls";

/** A host of a carrier. */
export interface TrunkHost {
  /** IPv4 address or host name. */
  host: string;
  /** Default: 5060, for TLS 5061. */
  port?: number | undefined;
  /** Default `udp`. */
  transport?: TrunkTransport | undefined;
}

/** What the called party of an outbound call gets to see. */
export interface TrunkCallerId {
  /**
   * `subscriber`: the first number of the trunk that leads to the caller, else `number`; `allowed`: the caller's own user name if it is in
   * `allowed`, else `number`; `fixed`: `number`; `anonymous`: nothing (RFC 3323), the carrier still gets `number`. Without any: anonymous.
   */
  mode: "subscriber" | "allowed" | "fixed" | "anonymous";
  number?: string | undefined;
  allowed?: readonly string[] | undefined;
}

/** Numbers that begin with a prefix go out by this trunk. */
export interface TrunkPrefix {
  /** Digits, with or without a leading `+`. The longest prefix wins. */
  prefix: string;
  /** Among trunks with the same prefix, the lowest is tried first. Default 1. */
  order?: number | undefined;
  /** How many characters are taken off the dialled number. Default 0. */
  strip?: number | undefined;
  /** What is put before it then. Default nothing. */
  add?: string | undefined;
}

/** What is asked of the certificate of a trunk's host, beside a chain that ends at a CA of the trunk. */
export interface TrunkTls {
  /** `host`: one of the names; `chain`: nothing more. */
  verify: "host" | "chain";
  /** Names, or addresses, of which it has to hold one. Default: the trunk's domain and its hosts over TLS. */
  names?: readonly string[] | undefined;
}

/** A way to a carrier and back. */
export interface Trunk {
  /** Lower-case letters, digits and hyphens. */
  name: string;
  /** In the order in which they are tried. */
  hosts: readonly TrunkHost[];
  direction: "both" | "in" | "out";
  /** IPv4 networks that its calls come from. */
  addresses: readonly string[];
  /** Name in the client certificate by which it is known over TLS. */
  certificateName?: string | undefined;
  /** Host part of Request-URI, From and To. Default: the host. */
  domain?: string | undefined;
  /** For its challenges; only the HA1 leaves this module. */
  credentials?: { username: string; realm: string; password: string } | undefined;
  /** Keep a registration alive at the first host, for so many seconds each. Default: none. */
  registerSeconds?: number | undefined;
  prefixes: readonly TrunkPrefix[];
  /** Called numbers of inbound calls, and whom they lead to. */
  numbers: readonly { number: string; subscriber: string }[];
  callerId: TrunkCallerId;
  /** Calls at once, both directions. */
  maxCalls: number;
  /** New calls in a second, each direction. */
  maxCallsPerSecond: number;
  /** What its media may be. Default: `optional` when every host is reached over TLS, else `off`. */
  srtp?: SrtpRule | undefined;
  /** How its hosts over TLS prove who they are. Default: by a name of {@link trunkNames}. */
  tls?: TrunkTls | undefined;
  /** Inbound calls may leave by it. */
  transit: boolean;
  /** Ask its hosts by OPTIONS whether they are there. */
  probe: boolean;
}

/** A number that is always put through. */
export interface EmergencyNumber {
  number: string;
  /** Trunks in the order in which they are tried. */
  trunks: readonly string[];
  /** Subscriber whose phone rings instead. */
  subscriber?: string | undefined;
}

/** Address of the edge that a registration's Contact names, and the socket that it leaves by. */
export type TrunkSocket = (transport: TrunkTransport) => {
  /** Name of the socket in the edge's configuration. */
  readonly name: string;
  /** `udp:10.5.0.2:5060`. */
  readonly listen: string;
  /** `198.51.100.7:5060`. */
  readonly seen: string;
};

/** Dispatcher set of a trunk: made of its name, so that it stays when others come and go. */
export function trunkSetId(name: string): number {
  return 1000 + (createHash("sha256").update(name).digest().readUInt32BE() % 1_000_000_000);
}

/** Name of a trunk. */
export const trunkNamePattern = /^[a-z][a-z0-9-]{0,31}$/;
/** A telephone number or the beginning of one. */
export const numberPattern = /^\+?[0-9]{1,31}$/;
/** Names may also be called by a carrier that knows its customer by the account. */
export const calledPattern = /^[+0-9A-Za-z][-+0-9A-Za-z._~]{0,63}$/;

/** `sip:192.0.2.10:5060;transport=tcp`. */
export function trunkUri({ host, port, transport = "udp" }: TrunkHost): string {
  const suffix = transport === "udp" ? "" : `;transport=${transport}`;
  return `sip:${host}:${port ?? (transport === "tls" ? 5061 : 5060)}${suffix}`;
}

/** Names of which the certificate of a host over TLS has to hold one. */
export function trunkNames({ tls, domain, hosts }: Pick<Trunk, "tls" | "domain" | "hosts">): readonly string[] {
  if (tls?.names !== undefined && tls.names.length > 0) return tls.names;
  return [...new Set([...(domain === undefined ? [] : [domain]), ...tlsHosts(hosts).map(({ host }) => host)])];
}

const tlsHosts = (hosts: readonly TrunkHost[]) => hosts.filter(({ transport }) => transport === "tls");

/** A name, and what stands for it in a wildcard certificate (RFC 6125 §6.4.3: the first label alone; none of two labels). */
const withWildcard = (name: string): string[] => {
  const [, ...parent] = name.split(".");
  return parent.length < 2 || /^[0-9.]+$/.test(name) ? [name] : [name, `*.${parent.join(".")}`];
};

/** What the script reads of a trunk in table `edge_policy`, below `trunk.<name>.`. */
export function trunkPolicy(trunk: Trunk): Record<string, string | number> {
  const { name, callerId } = trunk;
  const rules: Record<string, string | number> = {
    direction: trunk.direction,
    ...(trunk.domain !== undefined && { domain: trunk.domain }),
    caller_id: callerId.mode,
    ...(callerId.number !== undefined && { caller_number: callerId.number }),
    max_calls: trunk.maxCalls,
    max_cps: trunk.maxCallsPerSecond,
    srtp: trunk.srtp ?? (trunk.hosts.every(({ transport }) => transport === "tls") ? "optional" : "off"),
    transit: trunk.transit ? 1 : 0,
    probe: trunk.probe ? 1 : 0,
    ...(tlsHosts(trunk.hosts).length > 0 && { verify: trunk.tls?.verify ?? "host" }),
  };
  const names = tlsHosts(trunk.hosts).length > 0 ? trunkNames(trunk).flatMap(withWildcard) : [];
  return Object.fromEntries([
    ...Object.entries(rules).map(([rule, value]) => [`trunk.${name}.${rule}`, value] as const),
    ...(callerId.allowed ?? []).map((number) => [`trunk.${name}.allowed.${number}`, 1] as const),
    ...names.map((certified) => [`trunk.${name}.certificate.${certified.toLowerCase()}`, 1] as const),
  ]);
}

/** What the script reads of emergency numbers: `trunk/strip/add` per way, or `=subscriber`. */
export function emergencyPolicy(numbers: readonly EmergencyNumber[]): Record<string, string> {
  return Object.fromEntries(
    numbers.map(({ number, trunks, subscriber }) => [
      `emergency.${number}`,
      subscriber === undefined ? trunks.map((name) => `${name}/0/`).join(",") : `=${subscriber}`,
    ]),
  );
}

/** Rows of one kind. */
export interface TableRows {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** Permissions group of the addresses that trunks call from; the row's tag is the trunk. */
export const trunkAddressGroup = 1;

/** The rows of trunks, each with its owner as the last column. Their rules are in {@link trunkPolicy}. */
export function trunkTables(trunks: readonly Trunk[], owner: Owner, socketOf: TrunkSocket): TableRows[] {
  const table = (name: string, columns: readonly string[], rowsOf: (trunk: Trunk) => (string | number)[][]) => ({
    table: name,
    columns: [...columns, "owner"],
    rows: trunks.flatMap((trunk) => rowsOf(trunk).map((row) => [...row, owner])),
  });
  return [
    table("trunk", ["name", "setid", "certificate_name"], ({ name, certificateName = "" }) => [
      [name, trunkSetId(name), certificateName],
    ]),
    table("trunk_prefix", ["trunk", "prefix", "position", "strip", "add_digits"], ({ name, prefixes }) =>
      prefixes.map(({ prefix, order = 1, strip = 0, add = "" }) => [name, prefix, order, strip, add]),
    ),
    table("trunk_number", ["trunk", "number", "position", "subscriber"], ({ name, numbers }) =>
      numbers.map(({ number, subscriber }, position) => [name, number, position, subscriber]),
    ),
    table("trunk_auth", ["trunk", "username", "realm", "ha1"], ({ name, credentials }) =>
      credentials === undefined ? [] : [[name, credentials.username, credentials.realm, trunkHa1(credentials)]],
    ),
    table("dispatcher", ["setid", "destination", "flags", "priority", "attrs", "description"], (trunk) =>
      trunk.hosts.map((host, index) => [
        trunkSetId(trunk.name),
        trunkUri(host),
        // 32: never asked; 0: asked, and out of use while it does not answer.
        trunk.probe ? 0 : 32,
        // The highest is tried first.
        trunk.hosts.length - index,
        `sockname=${socketOf(host.transport ?? "udp").name}`,
        trunk.name,
      ]),
    ),
    table("address", ["grp", "ip_addr", "mask", "tag"], ({ name, addresses }) =>
      addresses.map((cidr) => {
        const [address = "", mask = "32"] = cidr.split("/");
        return [trunkAddressGroup, address, Number(mask), name];
      }),
    ),
    table(
      "uacreg",
      [
        ...["l_uuid", "l_username", "l_domain", "r_username", "r_domain", "realm", "auth_username", "auth_ha1"],
        ...["auth_proxy", "expires", "contact_addr", "socket"],
      ],
      (trunk) => registration(trunk, socketOf),
    ),
  ];
}

function registration(trunk: Trunk, socketOf: TrunkSocket): (string | number)[][] {
  const { name, hosts, credentials, registerSeconds } = trunk;
  const [first] = hosts;
  if (registerSeconds === undefined || credentials === undefined || first === undefined) return [];
  const { username, realm } = credentials;
  const { listen, seen } = socketOf(first.transport ?? "udp");
  const domain = trunk.domain ?? first.host;
  const transport = first.transport === undefined || first.transport === "udp" ? "" : `;transport=${first.transport}`;
  return [
    [
      ...[name, name, domain, username, domain, realm, username, trunkHa1(credentials)],
      ...[trunkUri(first), registerSeconds, `${seen}${transport}`, listen],
    ],
  ];
}

function trunkHa1({ username, realm, password }: { username: string; realm: string; password: string }): string {
  return createHash("md5").update(`${username}:${realm}:${password}`).digest("hex");
}
