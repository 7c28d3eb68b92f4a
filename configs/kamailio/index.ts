import { readFolder, type FileMap } from "../files.ts";
import { admissionDefaults } from "./admission.ts";
import { renderMetrics } from "./metrics.ts";
import type { TrunkSocket } from "../mariadb/trunks.ts";
import { scannerPattern } from "./user-agents.ts";
import { eventsCaFile, renderStack } from "./stack.ts";
import { tlsMounts } from "./tls.ts";

/** Ports by transport. */
export interface SipPorts {
  /** SIP over UDP. */
  udp: number;
  /** SIP over TCP. */
  tcp: number;
  /** SIP over TLS (on TCP). */
  tls: number;
}

/** Ways in by IPv6. */
export const ipv6Transports = ["udp", "tcp", "tls", "mutualTls", "wss"] as const;
export type Ipv6Transport = (typeof ipv6Transports)[number];

/** Limits and timers of the edge: {@link kamailioDefaults} unless given. A change replaces the container. */
export interface KamailioLimits {
  /** Requests that one source may send in 2 s before it is banned; the real limit is one to three times this (facts of `pike`). */
  pikeDensity: number;
  /** Requests that a source listed as `office` may send in 2 s; what is more is dropped, without a ban. */
  officeDensity: number;
  /** The same for a trunk's addresses. */
  trunkDensity: number;
  /** Seconds that a banned source is ignored. */
  banSeconds: number;
  /** Seconds after which a source whose flood has kept its ban going is listened to again. */
  banMaxSeconds: number;
  /** Wrong passwords for one user from one source, within `authWindowSeconds`, that ban the source. */
  authFailuresPerUser: number;
  /** Wrong passwords for any users from one source, within `authWindowSeconds`, that ban the source. */
  authFailuresPerSource: number;
  /** Seconds after the last wrong password in which they are counted. */
  authWindowSeconds: number;
  /** Seconds that a digest nonce may be used. */
  nonceSeconds: number;
  /** Shortest registration, in seconds (RFC 3261 §10.2.8: a shorter one is answered with 423). */
  registrationMinSeconds: number;
  /** Longest registration, in seconds; also how long an idle TCP or TLS connection of a phone is kept. */
  registrationMaxSeconds: number;
  /** Longest call, in seconds; then the edge sends BYE to both sides. */
  callMaxSeconds: number;
  /** Milliseconds without any answer after which a call is offered to the next Asterisk node. */
  nodeTimeoutMs: number;
  /** Milliseconds without any answer after which a phone counts as gone (408). */
  phoneTimeoutMs: number;
  /** Milliseconds that a call may ring. */
  ringTimeoutMs: number;
  /** Seconds between two OPTIONS to each Asterisk node; two without answer take it out of rotation. */
  nodePingSeconds: number;
  /** Seconds between two OPTIONS to each phone behind NAT. */
  natPingSeconds: number;
  /** Largest SIP message in bytes; a larger one is dropped. */
  messageMaxBytes: number;
  /** Longest Request-URI in bytes; a longer one is answered with 414. */
  uriMaxBytes: number;
  /** TCP and TLS connections that one source may have. */
  connectionsPerSource: number;
  /** TCP connections of all sources, and as many of them with TLS. */
  connections: number;
  /** Seconds without data after which a connection is closed whose user has not been authenticated. */
  idleConnectionSeconds: number;
}

/** How numbers are dialled, so that the edge can compare them with international prefixes. */
export interface Numbering {
  /** What is dialled before a country code, beside `+`. */
  internationalPrefix: string;
  /** What is dialled before an area code. */
  nationalPrefix: string;
  /** Country of the numbers with `nationalPrefix`; empty: they are compared as dialled. */
  countryCode: string;
}

/** How `X-Company-Signature` is checked. */
export type SignatureMode = "off" | "static" | "hmac";

/** The HTTP API that is told of registrations and calls. */
export interface KamailioEvents {
  /** Its URL; no user or password in it, because it is no secret here. */
  url: string;
  /** PEM of the CA that signed its certificate. Default: the public CAs. */
  ca?: string;
  /** Events that may wait in memory; what comes then is dropped and counted. */
  queue: number;
  /** Seconds after which an event that was not taken is dropped and counted. */
  maxAgeSeconds: number;
}

/** How call records leave the edge. */
export interface CallRecordSettings {
  /** Records that may wait for the database, in shared memory, at most 1 KiB each; the oldest is dropped from a full queue. Default 10,000. */
  queueRows: number;
  /** Writes each record to the log as well. Default true. */
  log: boolean;
}

/** What Kamailio's configuration depends on. A change of any value replaces the container. */
export interface KamailioConfigArgs {
  /** SIP domain of the subscribers; also the digest realm. */
  domain: string;
  /** IPv4 address on sbc_net that the SIP sockets bind to. */
  address: string;
  /** IPv4 address on data_net of the listener for JSON-RPC, metrics and health (TCP {@link opsPort}). */
  opsAddress: string;
  /** IPv4 address on monitoring_net of a listener (TCP {@link metricsPort}) that gives `/metrics`, and nothing else, to one reader there. Default: none. */
  metrics?: { address: string; reader: string };
  /** Address that phones see in Via, Record-Route and Contact; equal to `address` where phones reach the container itself. */
  publicAddress: string;
  /** IPv6 address on sbc_net, as phones see it, and the transports that listen there on the same ports. Default: none. */
  ipv6?: { address: string; transports: readonly Ipv6Transport[] };
  /** Own address on monitoring_net, and the IPv4 address there that a copy of every SIP message goes to, as HEP by UDP. Default: none. */
  hep?: { address: string; collector: string };
  /** Ports that the SIP sockets bind to. Default 5060, 5060, 5061. */
  ports?: SipPorts;
  /** Ports that phones see. Default: `ports`. */
  publicPorts?: SipPorts;
  /** Ports that carriers without TLS see; 0 is no such socket, then they come to the phones' one. Default: 0 and 0. */
  trunkPorts?: { udp: number; tcp: number };
  /** MariaDB; the password comes from {@link KamailioSecrets}. */
  database: { host: string; port: number; name: string; user: string };
  /** Dispatcher set that holds the Asterisk nodes. Default 1. */
  dispatcherSetId?: number;
  /** CIDRs whose hosts may talk to the ops listener. The container itself always may. */
  opsAllow: readonly string[];
  /**
   * Hash of digest authentication: SHA-256 (RFC 8760) shuts out phones that know MD5 only; `both` lets the phone choose, and shuts out the few
   * that stumble over a second challenge. Default `MD5`.
   */
  digest?: "MD5" | "SHA-256" | "both";
  /** What `X-Company-Signature` holds: nothing, a key itself, or a code made with it. Default `off`. */
  signature?: SignatureMode;
  /** Port that phones see of the socket on {@link mutualTlsPort}, where nobody gets in without a client certificate; 0: there is no such socket. Default 0. */
  mutualTls?: number;
  /** Port that phones see of the WebSocket on {@link wssPort}, which is for browsers; 0: there is no such socket. Default 0. */
  wss?: number;
  /** Limits and timers that differ from {@link kamailioDefaults}. */
  limits?: Partial<KamailioLimits>;
  /** How numbers are dialled. Default: `00` and `0`, no country. */
  numbering?: Numbering;
  /** Contacts (phones) of a subscriber at once, all of which ring; beyond that the oldest goes. Default 3. */
  contactsPerSubscriber?: number;
  /** Phones may transfer calls (REFER). Default true. */
  transfers?: boolean;
  /**
   * Calls that a carrier challenges are sent again with the trunk's account. For that each message is parsed once more as it comes in and goes
   * out, because all that follows in such a call needs another CSeq. Default true.
   */
  trunkLogins?: boolean;
  /** Each side sees the edge alone in Via, Record-Route and Contact. Default false. */
  topologyHiding?: boolean;
  /** POSIX extended regular expression: requests whose User-Agent it finds are dropped. Default {@link scannerPattern}. */
  userAgentPattern?: string;
  /** Call records. Default {@link kamailioDefaults}. */
  callRecords?: Readonly<CallRecordSettings>;
  /** UDP workers per socket; as many again serve TCP and TLS. Default 2: messages take turns, and each worker more finds its caches colder. */
  children?: number;
  /** Shared memory in MiB: about 0.2 MiB for each call per second. Default 128. */
  sharedMemoryMb?: number;
  /** Private memory of each process in MiB. Default 16. */
  packageMemoryMb?: number;
  /** Minutes after which a metric's series that nothing touches, such as a removed node's, is no longer exported. Default 10. */
  metricMinutes?: number;
  /** Where registrations and calls are told to. Default: nowhere. */
  events?: KamailioEvents;
  /** Kamailio's log level: -1 errors, 0 warnings, 1 notices, 2 information, 3 debug. Default 1. */
  logLevel?: number;
}

/** What must not be in a plain file. */
export interface KamailioSecrets {
  /** Password of `database.user`; letters, digits, `_` and `-` only, because it becomes part of a URL. */
  databasePassword: string;
  /** Key of the digest nonces, at least 32 characters. Must survive a restart, else every phone is challenged again. */
  nonceSecret: string;
  /** Bearer token of JSON-RPC on the ops listener. */
  opsToken: string;
  /** Key that the requests to the events' API are signed with; only with `events`. */
  eventsKey?: string;
}

/** Folder of the script. */
export const kamailioFolder = "/etc/kamailio";

/** TCP port of the ops listener on `opsAddress`. */
export const opsPort = 8880;
/** TCP port of the metrics on monitoring_net. */
export const metricsPort = 8881;

/**
 * UDP port on `address` for the Asterisk nodes: their outbound proxy. A socket of its own, because the one for phones puts the public
 * address into Record-Route, which the nodes could not reach. Never published.
 */
export const corePort = 5080;

/** TCP port on `address` of the socket that demands a client certificate. */
export const mutualTlsPort = 5062;
/** TCP port on `address` of the WebSocket. */
export const wssPort = 8443;
/** UDP and TCP port on `address` for carriers that do not speak TLS, where a stack has asked for it. */
export const trunkPort = 5070;

/** The values of the optional arguments. */
export const kamailioDefaults = {
  ports: { udp: 5060, tcp: 5060, tls: 5061 },
  trunkPorts: { udp: 0, tcp: 0 },
  dispatcherSetId: 1,
  digest: "MD5",
  signature: "off",
  mutualTls: 0,
  wss: 0,
  topologyHiding: false,
  userAgentPattern: scannerPattern,
  numbering: {
    internationalPrefix: admissionDefaults.internationalPrefix,
    nationalPrefix: admissionDefaults.nationalPrefix,
    countryCode: "",
  },
  contactsPerSubscriber: 3,
  transfers: true,
  trunkLogins: true,
  callRecords: { queueRows: 10_000, log: true },
  children: 2,
  sharedMemoryMb: 128,
  packageMemoryMb: 16,
  metricMinutes: 10,
  logLevel: 1,
  limits: {
    pikeDensity: 30,
    officeDensity: 300,
    trunkDensity: 1000,
    banSeconds: 300,
    banMaxSeconds: 3600,
    authFailuresPerUser: 10,
    authFailuresPerSource: 30,
    authWindowSeconds: 300,
    nonceSeconds: 300,
    registrationMinSeconds: 60,
    registrationMaxSeconds: 3600,
    callMaxSeconds: 14400,
    nodeTimeoutMs: 3000,
    phoneTimeoutMs: 8000,
    ringTimeoutMs: 120000,
    nodePingSeconds: 5,
    natPingSeconds: 30,
    messageMaxBytes: 16384,
    uriMaxBytes: 512,
    connectionsPerSource: 256,
    connections: 4096,
    idleConnectionSeconds: 30,
  },
} as const satisfies Partial<Omit<KamailioConfigArgs, "limits">> & { limits: KamailioLimits };

/** {@link KamailioConfigArgs} with every default filled in. */
export type KamailioSettings = Required<Omit<KamailioConfigArgs, "limits" | "events" | "ipv6" | "hep" | "metrics">> &
  Pick<KamailioConfigArgs, "events" | "ipv6" | "hep" | "metrics"> & { limits: KamailioLimits };

/** Ports inside of all that phones come in by. */
export const insidePorts = ({ ports }: Pick<KamailioSettings, "ports">) => ({
  ...ports,
  mutualTls: mutualTlsPort,
  wss: wssPort,
});

/** Where the SIP sockets are. */
export type SipSockets = Pick<KamailioSettings, "address" | "publicAddress" | "ports" | "publicPorts" | "trunkPorts">;

/** Fills in the defaults. */
export function kamailioSettings(args: KamailioConfigArgs): KamailioSettings {
  const ports = args.ports ?? kamailioDefaults.ports;
  return {
    ...kamailioDefaults,
    ...args,
    ports,
    publicPorts: args.publicPorts ?? ports,
    limits: { ...kamailioDefaults.limits, ...args.limits },
  };
}

/** The sockets that only carriers may use. */
export function trunkListeners({ address, publicAddress, trunkPorts }: SipSockets) {
  return (["udp", "tcp"] as const)
    .filter((transport) => trunkPorts[transport] !== 0)
    .map((transport) => ({
      name: `trunk_${transport}`,
      listen: `${transport}:${address}:${trunkPort}`,
      seen: `${publicAddress}:${trunkPorts[transport]}`,
    }));
}

/** The socket that calls to a carrier leave by. */
export function trunkSocket(sockets: SipSockets): TrunkSocket {
  const { address, publicAddress, ports, publicPorts } = sockets;
  return (transport) =>
    trunkListeners(sockets).find(({ name }) => name === `trunk_${transport}`) ?? {
      name: transport,
      listen: `${transport}:${address}:${ports[transport]}`,
      seen: `${publicAddress}:${publicPorts[transport] || ports[transport]}`,
    };
}

/** How the container has to be run. */
export function kamailioRuntime(args: KamailioConfigArgs) {
  const { sharedMemoryMb, packageMemoryMb, opsAddress } = kamailioSettings(args);
  return {
    uid: 4101,
    gid: 4101,
    // --atexit=no: OpenSSL's own exit handlers crash a forking server; json:Mp: one JSON object per line, with what log_prefix adds to it.
    command: [
      "-DD",
      "-E",
      "--atexit=no",
      "--log-engine=json:Mp",
      // The quick of the memory managers, for both kinds of memory: the default one checks itself at every step.
      ...["-x", "fm", "-X", "fm"],
      "-m",
      String(sharedMemoryMb),
      "-M",
      String(packageMemoryMb),
      "-f",
      `${kamailioFolder}/kamailio.cfg`,
    ],
    mounts: {
      config: kamailioFolder,
      secrets: "/run/secrets",
      tls: tlsMounts.server,
      clients: tlsMounts.clients,
      profiles: tlsMounts.profiles,
    },
    /** The control socket. */
    tmpfs: { "/run/kamailio": "uid=4101,gid=4101,mode=0750,size=4m" },
    healthcheck: [
      "CMD",
      "bash",
      "-c",
      `exec 3<>/dev/tcp/${opsAddress}/${opsPort} && printf 'GET /healthz HTTP/1.1\\r\\nHost: edge\\r\\n\\r\\n' >&3 && read -r _ code _ <&3 && [ "$code" = 200 ]`,
    ],
    /** Shared memory is touched as it fills up; 33 MB of processes were measured after 10,000 calls. */
    memoryMb: sharedMemoryMb + 160,
    graceSeconds: 10,
  } as const;
}

const staticFiles = readFolder(new URL("static/", import.meta.url));

/** The plain files, for `/etc/kamailio`: the script as it is in `static/`, and `stack.cfg` with all of it that differs by stack. TLS: `renderTlsProfiles`. */
export function renderKamailioConfig(args: KamailioConfigArgs): FileMap {
  const settings = kamailioSettings(args);
  const ca = args.events?.ca;
  return {
    ...staticFiles,
    "stack.cfg": renderStack(settings),
    "metrics.cfg": renderMetrics(),
    ...(ca !== undefined && { [eventsCaFile]: ca }),
  };
}

/**
 * The secret files, for `/run/secrets`.
 * @throws when a secret holds a character that would end a quoted string of the script or a part of the database URL.
 */
export function renderKamailioSecrets(args: Pick<KamailioConfigArgs, "database">, secrets: KamailioSecrets): FileMap {
  for (const [name, value] of Object.entries(secrets)) {
    if (!/^[A-Za-z0-9_-]+$/.test(value)) {
      throw new Error(`Kamailio's ${name} may only hold letters, digits, "_" and "-", and must not be empty`);
    }
  }
  if (secrets.nonceSecret.length < 32) throw new Error("Kamailio's nonceSecret must have at least 32 characters");
  const { user, host, port, name } = args.database;
  return {
    "kamailio-secrets.cfg": [
      `#!define DBURL "mysql://${user}:${secrets.databasePassword}@${host}:${port}/${name}"`,
      `#!define CDR_CONNECTION "cdr=>mysql://${user}:${secrets.databasePassword}@${host}:${port}/${name}"`,
      `#!define NONCE_SECRET "${secrets.nonceSecret}"`,
      `#!define OPS_AUTHORIZATION "Bearer ${secrets.opsToken}"`,
      ...(secrets.eventsKey === undefined ? [] : [`#!define EVENTS_KEY "${secrets.eventsKey}"`]),
      "",
    ].join("\n"),
  };
}
