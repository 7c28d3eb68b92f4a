import { captureIds, hepPort } from "../heplify/index.ts";
import { callRecordColumns, dialogChanges, dialogColumns, locationChanges, locationColumns } from "../mariadb/index.ts";
import { addressGroups } from "../mariadb/rows.ts";
import {
  corePort,
  insidePorts,
  kamailioFolder,
  metricsPort,
  mutualTlsPort,
  opsPort,
  trunkListeners,
  trunkPort,
  wssPort,
  type KamailioSettings,
} from "./index.ts";
import { tlsMounts } from "./tls.ts";

/** File with the CA of the API that events go to, in the folder of the script. */
export const eventsCaFile = "events-ca.pem";

/** Suites offered and taken (RFC 4568, RFC 7714): left out are those that encrypt nothing or cut the tag to 32 bits. */
const srtpSuites = ["AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_256_CM_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_80"];

/** Of a listener that is not there: no packet comes in at it. 0 will not do: it is what the edge's own connections to trunks have. */
const noPort = 65_536;

/** How much the clock of a device may be off, in seconds. */
const signatureSeconds = 60;

/**
 * Renders `stack.cfg`: the values that the static script refers to, and its sockets.
 *
 * `#!substdef` replaces the name wherever it stands, also inside strings, so no name may be the beginning of another.
 */
export function renderStack(settings: KamailioSettings): string {
  const { address, publicAddress, opsAddress, ports, publicPorts, limits, numbering, events, ipv6, hep } = settings;
  const values: Record<string, string | number> = {
    SBC_DOMAIN: settings.domain,
    SBC_PUBLIC_ADDRESS: publicAddress,
    SBC_CORE_SOCKET: `${address}:${corePort}`,
    SBC_CORE_PORT: corePort,
    SBC_OPS_ADDRESS: opsAddress,
    SBC_OPS_PORT: opsPort,
    SBC_OPS_ALLOW: settings.opsAllow.join(","),
    SBC_SCRAPE_PORT: settings.metrics === undefined ? noPort : metricsPort,
    SBC_SCRAPE_READER: settings.metrics?.reader ?? "none",
    SBC_DISPATCHER_SET: settings.dispatcherSetId,
    SBC_TRUNK_PORT: Object.values(settings.trunkPorts).some((seen) => seen !== 0) ? trunkPort : noPort,
    SBC_CONTACTS: settings.contactsPerSubscriber,
    SBC_TRANSFERS: settings.transfers ? 1 : 0,
    SBC_TRUNK_LOGINS: settings.trunkLogins ? 1 : 0,
    SBC_DIGEST: settings.digest === "both" ? "MD5" : settings.digest,
    SBC_HA1_VIEW: { MD5: "ha1cache", "SHA-256": "ha1cache_sha256", both: "ha1cache_both" }[settings.digest],
    // 1: the password is an HA1; 4: what a challenge with qop=auth would be is kept, for a second one to be made of it.
    SBC_HA1_FLAGS: settings.digest === "both" ? 5 : 1,
    SBC_NO_HA1: "0".repeat(settings.digest === "SHA-256" ? 64 : 32),
    SBC_MUTUAL_PORT: mutualTlsPort,
    SBC_TLS_PROFILES: tlsMounts.profiles,
    SBC_WSS_PORT: settings.wss === 0 ? noPort : wssPort,
    SBC_NO_SHA256: "0".repeat(64),
    SBC_SIGNATURE_SECONDS: signatureSeconds,
    SBC_SIGNATURE_MEMORY: 2 * signatureSeconds + 10,
    SBC_SDES_FLAGS: srtpSuites.map((suite) => `SDES-only-${suite}`).join(" "),
    SBC_SRTP_SUITES: srtpSuites.join("|"),
    SBC_CHILDREN: settings.children,
    SBC_LOG_LEVEL: settings.logLevel,
    SBC_METRIC_MINUTES: settings.metricMinutes,
    SBC_EVENTS_URL: events?.url ?? "none",
    SBC_EVENTS_CA:
      events?.ca === undefined ? "/etc/ssl/certs/ca-certificates.crt" : `${kamailioFolder}/${eventsCaFile}`,
    SBC_EVENTS_QUEUE: events?.queue ?? 0,
    // Several workers may find room for the last one.
    SBC_EVENTS_ROOM: (events?.queue ?? 0) + 1000,
    SBC_EVENTS_MAX_AGE: events?.maxAgeSeconds ?? 0,
    SBC_BAN_SECONDS: limits.banSeconds,
    SBC_BAN_MAX_SECONDS: limits.banMaxSeconds,
    SBC_OFFICE_DENSITY: limits.officeDensity,
    SBC_TRUNK_DENSITY: limits.trunkDensity,
    SBC_GROUP_BLOCKED: addressGroups.blocked,
    SBC_GROUP_UNLIMITED: addressGroups.unlimited,
    SBC_GROUP_ALLOWED: addressGroups.allowed,
    SBC_GROUP_OFFICE: addressGroups.office,
    SBC_GROUP_TRUNK: addressGroups.trunk,
    SBC_UA_PATTERN: settings.userAgentPattern,
    SBC_URI_MAX: limits.uriMaxBytes,
    SBC_IDLE_SECONDS: limits.idleConnectionSeconds,
    SBC_CONNECTIONS_PER_SOURCE: limits.connectionsPerSource,
    SBC_CONNECTIONS_IN_ALL: limits.connections,
    SBC_AUTH_WINDOW: limits.authWindowSeconds,
    SBC_AUTH_USER_FAILURES: limits.authFailuresPerUser,
    SBC_AUTH_SOURCE_FAILURES: limits.authFailuresPerSource,
    SBC_PIKE_DENSITY: limits.pikeDensity,
    SBC_NONCE_SECONDS: limits.nonceSeconds,
    SBC_REGISTRATION_MIN: limits.registrationMinSeconds,
    SBC_REGISTRATION_MAX: limits.registrationMaxSeconds,
    SBC_CONNECTION_SECONDS: limits.registrationMaxSeconds + 5,
    SBC_CALL_MAX_SECONDS: limits.callMaxSeconds,
    SBC_MEDIA_MAX_SECONDS: limits.callMaxSeconds + 300,
    SBC_EARLY_MAX_SECONDS: Math.ceil(limits.ringTimeoutMs / 1000) + 60,
    SBC_NODE_TIMEOUT_MS: limits.nodeTimeoutMs,
    SBC_PHONE_TIMEOUT_MS: limits.phoneTimeoutMs,
    // With several phones a refusal of one waits for the silent ones: no longer than a lost packet's third repetition takes.
    SBC_FORK_TIMEOUT_MS: Math.min(limits.phoneTimeoutMs, 3000),
    SBC_RING_TIMEOUT_MS: limits.ringTimeoutMs,
    SBC_NODE_PING_SECONDS: limits.nodePingSeconds,
    SBC_NAT_PING_SECONDS: limits.natPingSeconds,
    SBC_MESSAGE_MAX: limits.messageMaxBytes,
    SBC_INTERNATIONAL_PREFIX: numbering.internationalPrefix,
    SBC_INTERNATIONAL_LENGTH: numbering.internationalPrefix.length,
    SBC_NATIONAL_PREFIX: numbering.nationalPrefix,
    SBC_NATIONAL_LENGTH: numbering.nationalPrefix.length,
    SBC_COUNTRY_CODE: numbering.countryCode,
    // Every node may let it ring in turn.
    SBC_EARLY_SECONDS: Math.ceil((4 * limits.ringTimeoutMs) / 1000) + 60,
    SBC_HEP_PORT: hepPort,
    SBC_HEP_ID: captureIds.kamailio,
    SBC_HEP_COLLECTOR: hep === undefined ? "none" : `${hep.collector}:${hepPort}`,
    SBC_CDR_QUEUE: settings.callRecords.queueRows,
    SBC_CDR_COLUMNS: callRecordColumns.join(","),
    SBC_LOCATION_COLUMNS: locationColumns.join(","),
    SBC_LOCATION_CHANGES: locationChanges.map((column) => `${column}=VALUES(${column})`).join(","),
    SBC_DIALOG_COLUMNS: dialogColumns.join(","),
    SBC_DIALOG_CHANGES: dialogChanges.map((column) => `${column}=VALUES(${column})`).join(","),
  };
  const switches = [
    ...(settings.digest === "both" ? ["DIGEST_CHOICE"] : []),
    ...(settings.signature === "off" ? [] : ["SIGNATURE", `SIGNATURE_${settings.signature.toUpperCase()}`]),
    ...(settings.mutualTls === 0 ? [] : ["MUTUAL_TLS"]),
    ...(settings.wss === 0 ? [] : ["WEBSOCKET"]),
    ...(events === undefined ? [] : ["EVENTS"]),
    ...(ipv6 === undefined ? [] : ["IPV6"]),
    ...(hep === undefined ? [] : ["HEP"]),
    ...(trunkListeners(settings).length === 0 ? [] : ["TRUNK_LISTENER"]),
    ...(settings.callRecords.log ? ["CDR_LOG"] : []),
  ];
  const socket = (name: string, transport: string, port: number, publicPort: number) => {
    const local = `${address}:${port}`;
    // Not published (0): nobody outside sees it, but Record-Route needs a port.
    const seen = `${publicAddress}:${publicPort || port}`;
    return `listen=${transport}:${local}${seen === local ? "" : ` advertise ${seen}`} name "${name}"`;
  };
  return [
    "# Generated: values of this stack.",
    ...Object.entries(values).map(([name, value]) => `#!substdef "!${name}!${value}!g"`),
    ...(settings.topologyHiding ? ["#!define WITH_TOPOLOGY_HIDING"] : []),
    ...(numbering.countryCode === "" ? [] : ["#!define COUNTRY_CODE"]),
    ...switches.map((name) => `#!define WITH_${name}`),
    "",
    ...(["udp", "tcp", "tls"] as const).map((name) => socket(name, name, ports[name], publicPorts[name])),
    ...(settings.mutualTls === 0 ? [] : [socket("mutualTls", "tls", mutualTlsPort, settings.mutualTls)]),
    ...(settings.wss === 0 ? [] : [socket("wss", "tls", wssPort, settings.wss)]),
    ...trunkListeners(settings).map(({ name, listen, seen }) => `listen=${listen} advertise ${seen} name "${name}"`),
    ...(ipv6?.transports ?? []).map((name) => {
      const transport = name === "udp" || name === "tcp" ? name : "tls";
      return `listen=${transport}:[${ipv6?.address}]:${insidePorts(settings)[name]} name "${name}6"`;
    }),
    "# Towards the Asterisk nodes, without the public address: they could not reach it.",
    `listen=udp:${address}:${corePort} name "core"`,
    `listen=tcp:${opsAddress}:${opsPort} name "ops"`,
    ...(hep === undefined ? [] : [`listen=udp:${hep.address}:${hepPort} name "hep"`]),
    ...(settings.metrics === undefined ? [] : [`listen=tcp:${settings.metrics.address}:${metricsPort} name "metrics"`]),
    "",
  ].join("\n");
}
