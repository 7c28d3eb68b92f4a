import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFolder, type FileMap } from "../files.ts";
import { hepPort } from "../heplify/index.ts";

/** What one Asterisk node's configuration depends on. A change of any value replaces the node's container. */
export interface AsteriskConfigArgs {
  /** Stable name of the node, e.g. `asterisk-1`; shown as the system name in logs and unique ids. */
  nodeName: string;
  /** IPv4 address of the node on sbc_net: SIP and RTP bind to it and to nothing else. */
  address: string;
  /** IPv4 address of Kamailio on sbc_net: the only host that may send calls, and the way out for every call. */
  edgeAddress: string;
  /** UDP port of Kamailio on `edgeAddress`. Default 5060. */
  edgePort?: number;
  /** SIP domain of the subscribers; also the voicemail context. */
  domain: string;
  /** UDP port range for RTP, both ends included; four ports per subscriber-to-subscriber call. Default 20000–20999. */
  rtpPorts?: { min: number; max: number };
  /** Where voicemail lives; the password comes from {@link AsteriskSecrets}. */
  database: { host: string; port: number; name: string; user: string };
  /** Calls that the node carries at once; one more is refused with 503 and goes to the next node. Default 500. */
  maxCalls?: number;
  /** Seconds that a subscriber's phone rings before voicemail answers. Default 30. */
  ringSeconds?: number;
  /**
   * When voicemail answers for a subscriber: the phone rang and nobody took the call, or there was no phone to ring (the
   * caller hears 480 otherwise; a busy phone is always 486). Default both.
   */
  voicemailWhen?: readonly ("unanswered" | "unreachable")[];
  /** Longest stay in echo, music, voicemail or a conference room, in seconds. Default 3600. */
  serviceMaxSeconds?: number;
  /** Where `GET /metrics` listens (the node's leg on monitoring_net); left out: no HTTP server at all. */
  metrics?: { address: string; port: number };
  /** IPv4 address of the collector that a copy of SIP and RTCP goes to, as HEP by UDP. Default: none. */
  hep?: { collector: string; captureId: number };
}

/** What must not be in a plain file. */
export interface AsteriskSecrets {
  /** Password of `database.user`. */
  databasePassword: string;
}

/** The values of the optional arguments. */
export const asteriskDefaults = {
  edgePort: 5060,
  rtpPorts: { min: 20000, max: 20999 },
  maxCalls: 500,
  ringSeconds: 30,
  voicemailWhen: ["unanswered", "unreachable"],
  serviceMaxSeconds: 3600,
} as const;

/**
 * How the container has to be run; nothing in it depends on the stack.
 * Memory: 50 MB when idle, about 220 MB after thousands of calls; the rest is head-room for a busy hour.
 */
export const asteriskRuntime = {
  uid: 4103,
  gid: 4103,
  /** UDP port on `address`. */
  sipPort: 5060,
  command: ["-f", "-n", "-C", "/etc/asterisk/asterisk.conf"],
  mounts: { config: "/etc/asterisk", secrets: "/run/secrets", socket: "/run/asterisk" },
  /** The control socket and the small internal database; recordings on their way to and from MariaDB. */
  tmpfs: {
    "/run/asterisk": "uid=4103,gid=4103,mode=0750,size=16m",
    "/var/spool/asterisk": "uid=4103,gid=4103,mode=0750,size=64m",
  },
  healthcheck: ["CMD", "bash", "/etc/asterisk/healthcheck.sh"],
  memoryMb: 512,
  /** `docker stop` ends calls at once: drain the node in the dispatcher first. */
  graceSeconds: 10,
} as const;

/** Files that are the same on every node. */
const staticFiles = readFolder(new URL("static/", import.meta.url));

/**
 * SQL of the voicemail tables, idempotent, for the Kamailio database: the job that makes the schema runs it after
 * Kamailio's own tables. Nothing in it is secret.
 */
export const voicemailSql: string = readFileSync(new URL("voicemail.sql", import.meta.url), "utf8");

/** All that the Asterisk nodes' database user may do, by table of the Kamailio database. */
export const asteriskGrants = {
  voicemail_users: ["SELECT"],
  voicemail_messages: ["SELECT", "INSERT", "UPDATE", "DELETE"],
} as const;

/** The plain files of one node, for `/etc/asterisk`. */
export function renderAsteriskConfig(args: AsteriskConfigArgs): FileMap {
  const settings = { ...asteriskDefaults, ...args };
  return {
    ...staticFiles,
    "asterisk.conf": asteriskConf(settings),
    "globals.conf": globalsConf(settings),
    "healthcheck.sh": healthcheck(settings),
    "hep.conf": hepConf(settings),
    "hep-modules.conf": settings.hep ? hepModules.map((name) => `load = ${name}.so\n`).join("") : "; no collector\n",
    "http.conf": httpConf(settings),
    "metrics-modules.conf": settings.metrics ? "load = res_prometheus.so\n" : "; no metrics address: not loaded\n",
    "odbc.ini": odbcIni(settings),
    "pjsip.conf": pjsipConf(settings),
    "res_odbc.conf": resOdbcConf(settings),
    "rtp.conf": rtpConf(settings),
  };
}

/** The secret files of one node, for `/run/secrets`; included by `/etc/asterisk/res_odbc.conf`. */
export function renderAsteriskSecrets(secrets: AsteriskSecrets): FileMap {
  if (/[\r\n]/.test(secrets.databasePassword)) throw new Error("the database password must be one line");
  // ";" starts a comment in Asterisk's configuration files.
  return { "res_odbc-secret.conf": `[voicemail](+)\npassword = ${secrets.databasePassword.replaceAll(";", "\\;")}\n` };
}

type Settings = Required<Omit<AsteriskConfigArgs, "metrics" | "hep">> & Pick<AsteriskConfigArgs, "metrics" | "hep">;

const hepModules = ["res_hep", "res_hep_pjsip", "res_hep_rtcp"];

function hepConf({ hep }: Settings): string {
  if (hep === undefined) return "[general]\nenabled = no\n";
  return [
    "[general]",
    "enabled = yes",
    `capture_address = ${hep.collector}:${hepPort}`,
    `capture_id = ${hep.captureId}`,
    "; Else RTCP is told apart by channel, which no SIP message names.",
    "uuid_type = call-id",
    "",
  ].join("\n");
}

function asteriskConf(settings: Settings): string {
  return `; Rendered for ${settings.nodeName}. Only /run/asterisk and /var/spool/asterisk are writable.
[directories]
astetcdir => /etc/asterisk
astmoddir => /usr/lib/x86_64-linux-gnu/asterisk/modules
astdatadir => /usr/share/asterisk
astvarlibdir => /var/lib/asterisk
astagidir => /usr/share/asterisk/agi-bin
astkeydir => /var/lib/asterisk
astdbdir => /run/asterisk
astcachedir => /run/asterisk
astrundir => /run/asterisk
astspooldir => /var/spool/asterisk
astlogdir => /var/log/asterisk

[options]
systemname = ${settings.nodeName}
; Otherwise taken from the container's MAC address, and a label of every metric.
entityid = ${entityId(settings.nodeName)}
maxcalls = ${settings.maxCalls}
; Functions that reach files or a shell are refused to anything that comes from outside the dialplan.
live_dangerously = no
hideconnect = yes
`;
}

/** Six octets that stand for a node's name; locally administered, so that they are no manufacturer's. */
function entityId(nodeName: string): string {
  const octets = createHash("sha256").update(nodeName).digest().subarray(0, 5);
  return ["02", ...Array.from(octets, (octet) => octet.toString(16).padStart(2, "0"))].join(":");
}

function globalsConf(settings: Settings): string {
  return `; What the dialplan takes from the stack.
[globals]
DOMAIN = ${settings.domain}
RING_SECONDS = ${settings.ringSeconds}
VOICEMAIL_UNANSWERED = ${settings.voicemailWhen.includes("unanswered") ? 1 : 0}
VOICEMAIL_UNREACHABLE = ${settings.voicemailWhen.includes("unreachable") ? 1 : 0}
SERVICE_SECONDS = ${settings.serviceMaxSeconds}
`;
}

/** Good means: OPTIONS are answered, and the channel driver for calls runs (the first goes well without the second). */
function healthcheck(settings: Settings): string {
  const { address } = settings;
  const port = asteriskRuntime.sipPort;
  return `# Health check of one node, run by bash inside the container.
set -eu
exec 3<>/dev/udp/${address}/${port}
# sed ends the lines as SIP wants them and, unlike printf, writes them as one datagram.
sed 's/$/\\r/' >&3 <<REQUEST
OPTIONS sip:${address}:${port} SIP/2.0
Via: SIP/2.0/UDP ${address};rport;branch=z9hG4bK-health-$$
Max-Forwards: 1
From: <sip:health@${address}>;tag=$$
To: <sip:${address}>
Call-ID: health-$$@${address}
CSeq: 1 OPTIONS
Content-Length: 0

REQUEST
# One read takes the whole datagram; bash's own read would take a byte and lose the rest.
answer=$(timeout 2 dd bs=2048 count=1 status=none <&3)
[[ $answer == 'SIP/2.0 200 '* ]]
[[ $(asterisk -rx 'module show like chan_pjsip.so') =~ [0-9]\\ +Running ]]
`;
}

function httpConf({ metrics }: Settings): string {
  if (!metrics) return "[general]\nenabled = no\n";
  return `[general]
enabled = yes
bindaddr = ${metrics.address}
bindport = ${metrics.port}
enable_static = no
enable_status = no
`;
}

function odbcIni({ database }: Settings): string {
  return `[voicemail]
Driver = MariaDB Unicode
SERVER = ${database.host}
PORT = ${database.port}
DATABASE = ${database.name}
`;
}

function pjsipConf(settings: Settings): string {
  const { address, domain, edgeAddress, edgePort, hep } = settings;
  // res_hep waits up to 3 s for each full socket buffer when the collector is gone; 500 copies that wait would else end all new calls.
  const overload = hep === undefined ? "" : "taskprocessor_overload_trigger = pjsip_only\n";
  return `[global]
type = global
user_agent = sbc
; Who a request comes from is decided by its source address alone; anybody else is challenged in vain.
endpoint_identifier_order = ip
${overload}
[transport-udp]
type = transport
protocol = udp
bind = ${address}:${asteriskRuntime.sipPort}

[edge]
type = endpoint
transport = transport-udp
context = from-edge
aors = edge
outbound_proxy = sip:${edgeAddress}:${edgePort}\\;lr
from_domain = ${domain}
disallow = all
allow = alaw,ulaw,g722
dtmf_mode = rfc4733
; RTPengine sits on the same flat network and is the only peer for media: nothing to guess from source addresses.
direct_media = no
rtp_symmetric = no
force_rport = no
rewrite_contact = no
media_address = ${address}
bind_rtp_to_media_address = yes
; A call whose media died is ended here too; on hold a phone may be silent.
rtp_timeout = 120
rtp_timeout_hold = 3600
; The edge has authenticated the caller and removed identities that came from outside.
trust_id_inbound = yes
send_pai = yes
allow_subscribe = no
; Which transfers are allowed is for the edge to say.
allow_transfer = yes

[edge]
type = aor
contact = sip:${edgeAddress}:${edgePort}

[edge]
type = identify
endpoint = edge
match = ${edgeAddress}

; The node's own health check, which would be logged as an intruder otherwise. Nothing can be called from here.
[self]
type = endpoint
transport = transport-udp
context = nowhere
disallow = all
allow = alaw

[self]
type = identify
endpoint = self
match = ${address}
`;
}

function resOdbcConf({ database }: Settings): string {
  return `[voicemail]
enabled = yes
dsn = voicemail
username = ${database.user}
; Connected when voicemail is first used: a database outage must not hold up a start.
pre-connect = no
max_connections = 5
connect_timeout = 3
; After a failed attempt, calls to voicemail fail at once for this many seconds.
negative_connection_cache = 10
#include "${asteriskRuntime.mounts.secrets}/res_odbc-secret.conf"
`;
}

function rtpConf({ rtpPorts }: Settings): string {
  return `[general]
rtpstart = ${rtpPorts.min}
rtpend = ${rtpPorts.max}
strictrtp = yes
icesupport = no
`;
}
