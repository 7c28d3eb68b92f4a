import { listedSeries, metrics } from "../../configs/metrics/contract.ts";
import type { AlertSettings } from "../../configs/prometheus/alerts.ts";

/** The settings that the tests of alerts have. */
export const alertSettings: AlertSettings = {
  targets: {
    kamailio: 1,
    rtpengine: 1,
    asterisk: 2,
    node: 1,
    mysqld: 1,
    nginx: 1,
    blackbox: 1,
    prometheus: 1,
    alertmanager: 1,
    heplify: 1,
    sip: 1,
    tls: 2,
  },
  maxCalls: 100,
  certificateDays: 21,
  asrPercent: 40,
  nerPercent: 90,
};

/** Series by name with labels → its values in promtool's short form, one a minute. */
export type Series = Readonly<Record<string, string>>;

/** Longer than any case lasts. */
const minutes = 125;
/** The same value all the time. */
const always = (value: number) => `${value}x${minutes}`;
/** A counter that goes up by this every minute. */
const rising = (step: number) => `0+${step}x${minutes}`;

const each = (name: string, label: string, values: readonly string[], value: string): Series =>
  Object.fromEntries(
    values.map((one) => [`${name}{job="${jobOf(name)}",instance="${jobOf(name)}",${label}="${one}"}`, value]),
  );

const plain = (names: Readonly<Record<string, string>>): Series =>
  Object.fromEntries(
    Object.entries(names).map(([name, value]) => [`${name}{job="${jobOf(name)}",instance="${jobOf(name)}"}`, value]),
  );

function jobOf(name: string): string {
  const prefix = name.split("_")[0] ?? "";
  return { mysql: "mysqld", process: "prometheus" }[prefix] ?? prefix;
}

/** The series of a metric whose labels' values the contract lists, each with the same value. */
const listed = (name: string, value: string): Series => {
  const metric = metrics.find((one) => one.name === name);
  if (metric === undefined) throw new Error(`the contract has no metric ${name}`);
  const labels = Object.keys(metric.labels).map((label) => `,${label}=`);
  return Object.fromEntries(
    listedSeries(metric.labels).map((values) => [
      `${name}{job="${jobOf(name)}",instance="${jobOf(name)}"${values.map((one, index) => `${labels[index] ?? ""}"${one}"`).join("")}}`,
      value,
    ]),
  );
};

const sampled = ["mos", "jitter", "packetloss", "rtt_e2e"].flatMap((name) => [
  `${name}_total`,
  `${name}_samples_total`,
]);
const zero = (prefix: string, names: readonly string[]) =>
  plain(Object.fromEntries(names.map((name) => [`${prefix}${name}`, always(0)])));
const targets = Object.entries(alertSettings.targets).flatMap(([job, count]) =>
  Array.from(
    { length: count },
    (_, index) => `up{job="${job}",instance="${count === 1 ? job : `${job}-${index + 1}`}"}`,
  ),
);
const day = 1440;

/** A stack that is whole and has nothing to do. */
export const idle: Series = {
  ...Object.fromEntries(targets.map((target) => [target, always(1)])),
  'probe_success{job="sip",instance="sip"}': always(1),
  'probe_success{job="tls",instance="tls-1"}': always(1),
  'probe_success{job="tls",instance="tls-2"}': always(1),
  'probe_success{job="tool",instance="tool"}': always(1),
  // Time begins at 0 in these tests.
  'probe_ssl_earliest_cert_expiry{job="tls",instance="tls-1"}': always(90 * day * 60),
  'probe_ssl_earliest_cert_expiry{job="tls",instance="tls-2"}': always(90 * day * 60),
  ...each("kamailio_dispatcher_up", "node", ["sip:a", "sip:b"], always(1)),
  ...each("kamailio_dispatcher_drained", "node", ["sip:a", "sip:b"], always(0)),
  ...each("kamailio_rtpengine_up", "relay", ["udp:r"], always(1)),
  ...each("kamailio_trunk_up", "trunk", ["carrier"], always(1)),
  ...listed("kamailio_calls", always(0)),
  ...listed("kamailio_rejected", always(0)),
  ...listed("kamailio_signatures", always(0)),
  ...listed("kamailio_bans", always(0)),
  ...listed("kamailio_cdr_rows", always(0)),
  ...listed("kamailio_events", always(0)),
  ...listed("kamailio_event_deliveries", always(0)),
  ...each(
    "kamailio_trunk_calls",
    'trunk="carrier",direction="out",result',
    ["answered", "failed", "refused"],
    always(0),
  ),
  ...zero(
    "kamailio_",
    "core_rcv_requests cdr_queue dialog_active_dialogs dialog_early_dialogs registrar_rejected_regs registrar_accepted_regs".split(
      " ",
    ),
  ),
  ...zero(
    "kamailio_tmx_",
    ["2xx", "3xx", "4xx", "5xx", "6xx", "UAS"].map((group) => `${group}_transactions`),
  ),
  ...plain({
    kamailio_uptime: rising(60),
    kamailio_usrloc_location_contacts: always(100),
    kamailio_shmem_total_size: always(1000),
    kamailio_shmem_real_used_size: always(300),
    rtpengine_uptime_seconds: rising(60),
    rtpengine_ports: always(1000),
    rtpengine_ports_used: always(0),
    asterisk_core_uptime_seconds: rising(60),
    mysql_up: always(1),
    mysql_global_status_uptime: rising(60),
    mysql_global_status_threads_connected: always(10),
    mysql_global_variables_max_connections: always(100),
    node_memory_MemAvailable_bytes: always(50),
    node_memory_MemTotal_bytes: always(100),
    node_filesystem_avail_bytes: always(60),
    node_filesystem_size_bytes: always(100),
    node_timex_offset_seconds: always(0),
    node_timex_maxerror_seconds: always(0.5),
    node_vmstat_oom_kill: always(0),
    process_start_time_seconds: always(1),
    prometheus_config_last_reload_successful: always(1),
    prometheus_notifications_alertmanagers_discovered: always(1),
    prometheus_notifications_dropped_total: always(0),
    prometheus_rule_evaluation_failures_total: always(0),
    prometheus_rule_group_iterations_missed_total: always(0),
    prometheus_tsdb_head_series: always(3000),
    prometheus_tsdb_wal_corruptions_total: always(0),
    prometheus_tsdb_compactions_failed_total: always(0),
    alertmanager_config_last_reload_successful: always(1),
    heplify_packets_total: always(0),
  }),
  ...plain({ kamailio_pkgmem_used: always(20), kamailio_pkgmem_available: always(80) }),
  ...zero("rtpengine_", [...sampled, "zero_packet_streams_total", "one_way_sessions_total"]),
  ...each("rtpengine_sessions", "type", ["own"], always(0)),
  ...listed("rtpengine_closed_sessions_total", always(0)),
  ...each("node_cpu_seconds_total", "mode", ["idle"], rising(59)),
  ...each("node_cpu_seconds_total", "mode", ["user"], rising(1)),
  ...each("alertmanager_notifications_failed_total", "integration", ["email", "webhook"], always(0)),
};

const kamailio = (name: string, labels = "") =>
  `kamailio_${name}{job="kamailio",instance="kamailio"${labels && `,${labels}`}}`;
const rtpengine = (name: string, labels = "") =>
  `rtpengine_${name}{job="rtpengine",instance="rtpengine"${labels && `,${labels}`}}`;
const of = (job: string, name: string, labels = "") =>
  `${name}{job="${job}",instance="${job}"${labels && `,${labels}`}}`;

const call = (result: string) => kamailio("calls", `result="${result}"`);

/** A busy, healthy hour: 60 calls a minute, of which 50 are answered. */
export const busy: Series = {
  ...idle,
  [call("answered")]: rising(50),
  [call("busy")]: rising(4),
  [call("no_answer")]: rising(4),
  [call("cancelled")]: rising(2),
  [kamailio("core_rcv_requests")]: rising(600),
  [kamailio("core_rcv_requests_register")]: rising(100),
  [kamailio("registrar_accepted_regs")]: rising(50),
  [kamailio("dialog_active_dialogs")]: always(60),
  [kamailio("tmx_2xx_transactions")]: rising(200),
  [kamailio("tmx_4xx_transactions")]: rising(60),
  [kamailio("tmx_5xx_transactions")]: rising(1),
  [kamailio("tmx_UAS_transactions")]: rising(300),
  [kamailio("cdr_rows", 'result="written"')]: rising(120),
  [kamailio("trunk_calls", 'trunk="carrier",direction="out",result="answered"')]: rising(20),
  [kamailio("trunk_calls", 'trunk="carrier",direction="out",result="failed"')]: rising(2),
  [rtpengine("sessions", 'type="own"')]: always(60),
  [rtpengine("closed_sessions_total", 'reason="terminated"')]: rising(120),
  [rtpengine("closed_sessions_total", 'reason="timeout"')]: rising(1),
  [rtpengine("one_way_sessions_total")]: rising(1),
  [rtpengine("zero_packet_streams_total")]: rising(2),
  [rtpengine("ports_used")]: always(240),
  [rtpengine("mos_total")]: rising(430),
  [rtpengine("mos_samples_total")]: rising(100),
  [rtpengine("jitter_total")]: rising(500),
  [rtpengine("jitter_samples_total")]: rising(100),
  [rtpengine("packetloss_total")]: rising(50),
  [rtpengine("packetloss_samples_total")]: rising(100),
  [rtpengine("rtt_e2e_total")]: rising(4_000_000),
  [rtpengine("rtt_e2e_samples_total")]: rising(100),
  [of("heplify", "heplify_packets_total")]: rising(1200),
};

/** A situation, and all alerts that fire in it. */
export interface AlertCase {
  /** What is the case. */
  readonly when: string;
  readonly series: Series;
  /** Minutes after the beginning. Default 45. */
  readonly at?: number;
  /** Alerts with those of their labels that tell which of several it is: `VoiceNodeDown{node="sip:a"}`. The watchdog goes without saying. */
  readonly fire: readonly string[];
}

const on = (base: Series, when: string, changes: Series, fire: readonly string[], at?: number): AlertCase => ({
  when,
  series: { ...base, ...changes },
  fire,
  ...(at !== undefined && { at }),
});

/** Without the series of these beginnings. */
const without = (base: Series, ...beginnings: string[]): Series =>
  Object.fromEntries(
    Object.entries(base).filter(([name]) => !beginnings.some((beginning) => name.startsWith(beginning))),
  );

const down = (job: string) => ({ [`up{job="${job}",instance="${job}"}`]: always(0) });
const rejected = (reason: string, step: number) => ({ [kamailio("rejected", `reason="${reason}"`)]: rising(step) });

export const alertCases: readonly AlertCase[] = [
  { when: "nothing happens", series: idle, fire: [] },
  { when: "there are calls, and all is well", series: busy, fire: [] },
  on(
    idle,
    "there are only challenges and their answers",
    {
      [kamailio("core_rcv_requests")]: rising(1000),
      [kamailio("core_rcv_requests_register")]: rising(500),
      [kamailio("core_rcv_requests_invite")]: rising(500),
      [kamailio("core_rcv_replies_4xx_invite")]: rising(500),
      [kamailio("sl_401_replies")]: rising(500),
      [kamailio("sl_407_replies")]: rising(500),
      [kamailio("tmx_4xx_transactions")]: rising(500),
      [kamailio("tmx_UAS_transactions")]: rising(500),
      [of("heplify", "heplify_packets_total")]: rising(1000),
    },
    [],
  ),

  on(idle, "Kamailio does not answer scrapes", down("kamailio"), ["EdgeDown"]),
  {
    when: "nobody scrapes Kamailio",
    series: without(idle, 'up{job="kamailio"'),
    fire: ["EdgeDown", 'TargetMissing{job="kamailio"}'],
  },
  on(idle, "Kamailio has been away for a moment", { 'up{job="kamailio",instance="kamailio"}': "1x44 0" }, []),
  on(idle, "OPTIONS are not answered", { 'probe_success{job="sip",instance="sip"}': always(0) }, [
    'SipProbeFailed{instance="sip"}',
  ]),
  on(idle, "one TLS port does not answer", { 'probe_success{job="tls",instance="tls-2"}': always(0) }, [
    'TlsProbeFailed{instance="tls-2"}',
  ]),
  on(idle, "the pages of a tool cannot be opened", { 'probe_success{job="tool",instance="tool"}': always(0) }, [
    'ToolDown{instance="tool"}',
  ]),
  on(idle, "one node is down", { [kamailio("dispatcher_up", 'node="sip:a"')]: always(0) }, [
    'VoiceNodeDown{instance="kamailio", node="sip:a"}',
  ]),
  on(
    idle,
    "one node is drained",
    {
      [kamailio("dispatcher_up", 'node="sip:a"')]: always(0),
      [kamailio("dispatcher_drained", 'node="sip:a"')]: always(1),
    },
    [],
  ),
  on(idle, "all nodes are down", each("kamailio_dispatcher_up", "node", ["sip:a", "sip:b"], always(0)), [
    "AllVoiceNodesDown",
    'VoiceNodeDown{instance="kamailio", node="sip:a"}',
    'VoiceNodeDown{instance="kamailio", node="sip:b"}',
  ]),
  {
    when: "nothing is known of the nodes",
    series: without(idle, "kamailio_dispatcher_up"),
    fire: ["AllVoiceNodesDown", 'MetricMissing{job="kamailio", metric="kamailio_dispatcher_up"}'],
  },
  on(idle, "no media relay answers", { [kamailio("rtpengine_up", 'relay="udp:r"')]: always(0) }, [
    "AllMediaRelaysDown",
  ]),
  {
    when: "nothing is known of the media relays",
    series: without(idle, "kamailio_rtpengine_up"),
    fire: ["AllMediaRelaysDown", 'MetricMissing{job="kamailio", metric="kamailio_rtpengine_up"}'],
  },
  on(idle, "the database does not answer", { [of("mysqld", "mysql_up")]: always(0) }, ["DatabaseDown"]),
  {
    when: "nothing is known of the database",
    series: without(idle, "mysql_up"),
    fire: ["DatabaseDown", 'MetricMissing{job="mysqld", metric="mysql_up"}'],
  },
  on(idle, "an RTPengine does not answer scrapes", down("rtpengine"), ['TargetDown{instance="rtpengine"}']),
  {
    when: "one Asterisk node is not scraped",
    series: without(idle, 'up{job="asterisk",instance="asterisk-2"'),
    fire: ['TargetMissing{job="asterisk"}'],
  },
  on(idle, "Kamailio starts again and again", { [kamailio("uptime")]: "0+60x20 0+60x8 0+60x8 0+60x20" }, [
    'ServiceRestarts{instance="kamailio"}',
  ]),
  on(idle, "a node starts once", { [of("asterisk", "asterisk_core_uptime_seconds")]: "0+60x35 0+60x30" }, []),
  on(
    idle,
    "Prometheus starts again and again",
    { [of("prometheus", "process_start_time_seconds")]: "1x20 2x8 3x8 4x20" },
    ['ServiceRestarts{instance="prometheus"}'],
  ),

  on(busy, "one in four calls fails", { [call("failed")]: rising(20) }, ["NerLow"]),
  on(without(busy, "kamailio_calls"), "no call has ever succeeded", { [call("failed")]: rising(60) }, [
    "AsrLow",
    "NerLow",
  ]),
  on(idle, "a single call fails", { [call("failed")]: "0x43 1x10" }, []),
  on(busy, "most calls are busy", { [call("answered")]: rising(10), [call("busy")]: rising(50) }, ["AsrLow"]),
  on(without(busy, "kamailio_calls"), "no call has ever been answered", { [call("busy")]: rising(60) }, ["AsrLow"]),
  on(busy, "calls find no node", rejected("no_node", 2), ["CallsWithoutService"]),
  on(busy, "many requests end with 5xx", { [kamailio("tmx_5xx_transactions")]: rising(60) }, ["ServerErrors"]),
  on(
    idle,
    "the one request of an hour ended with 5xx",
    { [kamailio("tmx_5xx_transactions")]: "0x25 1x40", [kamailio("tmx_UAS_transactions")]: "0x25 1x40" },
    [],
  ),
  on(busy, "there are nearly as many calls as there may be", { [kamailio("dialog_active_dialogs")]: always(170) }, [
    "CallsNearLimit",
  ]),
  on(busy, "calls are over the limit", rejected("all_calls", 2), ["CallsRefusedByLimit"]),

  on(idle, "half of the phones have gone", { [kamailio("usrloc_location_contacts")]: "100x30 50x100" }, [
    "RegistrationsDropped",
  ]),
  on(idle, "most of very few phones have gone", { [kamailio("usrloc_location_contacts")]: "10x30 1x100" }, []),
  on(idle, "registrations are refused", { [kamailio("registrar_rejected_regs")]: rising(5) }, ["RegistrationsRefused"]),

  on(idle, "a trunk is down", { [kamailio("trunk_up", 'trunk="carrier"')]: always(0) }, [
    'TrunkDown{instance="kamailio", trunk="carrier"}',
  ]),
  { when: "there is no trunk", series: without(idle, "kamailio_trunk"), fire: [] },
  on(
    busy,
    "calls fail at a trunk",
    { [kamailio("trunk_calls", 'trunk="carrier",direction="out",result="failed"')]: rising(40) },
    ['TrunkCallsFail{trunk="carrier"}'],
  ),
  on(
    idle,
    "the only call of a trunk failed",
    { [kamailio("trunk_calls", 'trunk="carrier",direction="out",result="failed"')]: "0x43 1x10" },
    [],
  ),

  on(busy, "calls have sound in one direction only", { [rtpengine("one_way_sessions_total")]: rising(40) }, [
    "OneWayAudio",
  ]),
  on(
    idle,
    "the only call had sound in one direction only",
    {
      [rtpengine("one_way_sessions_total")]: "0x43 1x10",
      [rtpengine("closed_sessions_total", 'reason="terminated"')]: "0x43 1x10",
    },
    [],
  ),
  on(busy, "streams have no packets", { [rtpengine("zero_packet_streams_total")]: rising(60) }, ["NoAudio"]),
  on(busy, "sessions time out", { [rtpengine("closed_sessions_total", 'reason="timeout"')]: rising(30) }, [
    "MediaTimeouts",
  ]),
  on(busy, "sessions are rejected", { [rtpengine("closed_sessions_total", 'reason="rejected"')]: rising(1) }, [
    "MediaSessionsRejected",
  ]),
  on(busy, "calls sound poor", { [rtpengine("mos_total")]: rising(330) }, ["MosLow"]),
  on(busy, "calls cannot be understood", { [rtpengine("mos_total")]: rising(250) }, ["MosLow", "MosVeryLow"]),
  on(busy, "phones lose packets", { [rtpengine("packetloss_total")]: rising(800) }, ["PacketLossHigh"]),
  on(busy, "phones see jitter", { [rtpengine("jitter_total")]: rising(8000) }, ["JitterHigh"]),
  on(busy, "the ports run out", { [rtpengine("ports_used")]: always(900) }, ['MediaPortsLow{instance="rtpengine"}']),

  on(idle, "somebody guesses passwords", rejected("auth", 20), ["PasswordGuessing"]),
  on(idle, "sources get banned", { [kamailio("bans", 'reason="flood"')]: rising(4) }, ["ManyBans"]),
  on(idle, "signatures do not hold", { [kamailio("signatures", 'result="mismatch"')]: rising(3) }, ["BadSignatures"]),
  on(idle, "premium numbers are tried", rejected("premium", 2), ["PremiumCallsRefused"]),

  on(idle, "call records are refused", { [kamailio("cdr_rows", 'result="failed"')]: "0x35 1x100" }, [
    "CallRecordsLost",
  ]),
  on(idle, "call records wait", { [kamailio("cdr_queue")]: always(500) }, ['CallRecordsWait{instance="kamailio"}']),
  on(idle, "events are dropped", { [kamailio("event_deliveries", 'result="expired"')]: "0x35 3x100" }, ["EventsLost"]),

  on(idle, "shared memory runs out", { [kamailio("shmem_real_used_size")]: always(950) }, [
    'SharedMemoryLow{instance="kamailio"}',
  ]),
  on(idle, "private memory runs out", { [kamailio("pkgmem_available")]: always(1) }, ["PrivateMemoryLow"]),
  on(idle, "connections run out", { [of("mysqld", "mysql_global_status_threads_connected")]: always(90) }, [
    'DatabaseConnectionsLow{instance="mysqld"}',
  ]),

  on(
    idle,
    "a certificate ends in 20 days",
    { 'probe_ssl_earliest_cert_expiry{job="tls",instance="tls-1"}': always(20 * day * 60) },
    ['CertificateExpiresSoon{instance="tls-1"}'],
  ),
  on(
    idle,
    "a certificate ends in 2 days",
    { 'probe_ssl_earliest_cert_expiry{job="tls",instance="tls-1"}': always(2 * day * 60) },
    ['CertificateExpires{instance="tls-1"}', 'CertificateExpiresSoon{instance="tls-1"}'],
  ),

  on(idle, "the disk is full", { [of("node", "node_filesystem_avail_bytes")]: always(3) }, [
    'DiskFull{instance="node"}',
  ]),
  on(
    idle,
    "the disk fills",
    { [of("node", "node_filesystem_avail_bytes")]: "40-0.1x125" },
    ['DiskFills{instance="node"}'],
    120,
  ),
  on(idle, "memory runs out", { [of("node", "node_memory_MemAvailable_bytes")]: always(5) }, [
    'MemoryLow{instance="node"}',
  ]),
  on(idle, "a process was killed", { [of("node", "node_vmstat_oom_kill")]: "0x35 1x100" }, [
    'OutOfMemoryKill{instance="node"}',
  ]),
  on(
    idle,
    "the processors are busy",
    {
      [of("node", "node_cpu_seconds_total", 'mode="idle"')]: rising(2),
      [of("node", "node_cpu_seconds_total", 'mode="user"')]: rising(58),
    },
    ['CpuBusy{instance="node"}'],
  ),
  on(idle, "the clock is off", { [of("node", "node_timex_offset_seconds")]: always(-2) }, [
    'ClockWrong{instance="node"}',
  ]),
  on(idle, "nothing sets the clock", { [of("node", "node_timex_maxerror_seconds")]: always(16) }, [
    'ClockWrong{instance="node"}',
  ]),

  on(
    idle,
    "a configuration was not taken",
    { [of("alertmanager", "alertmanager_config_last_reload_successful")]: always(0) },
    ['ConfigNotLoaded{instance="alertmanager"}'],
  ),
  on(idle, "rules fail", { [of("prometheus", "prometheus_rule_evaluation_failures_total")]: rising(1) }, ["RulesFail"]),
  on(
    idle,
    "Prometheus knows no Alertmanager",
    { [of("prometheus", "prometheus_notifications_alertmanagers_discovered")]: always(0) },
    ['AlertsNotPassedOn{instance="prometheus"}'],
  ),
  on(idle, "alerts are dropped", { [of("prometheus", "prometheus_notifications_dropped_total")]: rising(1) }, [
    'AlertsNotPassedOn{instance="prometheus"}',
  ]),
  on(
    idle,
    "a webhook takes nothing",
    { [of("alertmanager", "alertmanager_notifications_failed_total", 'integration="webhook"')]: rising(1) },
    ['NotificationsFail{integration="webhook"}'],
  ),
  on(idle, "series grow without bound", { [of("prometheus", "prometheus_tsdb_head_series")]: always(50_000) }, [
    'TooManySeries{instance="prometheus"}',
  ]),
  on(idle, "data cannot be kept", { [of("prometheus", "prometheus_tsdb_compactions_failed_total")]: "0x35 1x100" }, [
    'StorageDamaged{instance="prometheus"}',
  ]),
  on(busy, "no HEP arrives", { [of("heplify", "heplify_packets_total")]: always(0) }, ["HepSilent"]),
  { when: "the HEP collector counts nothing", series: without(busy, "heplify_packets_total"), fire: ["HepSilent"] },
];
