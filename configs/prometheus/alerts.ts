import { attempts, perSecond } from "./recording.ts";

/** How soon somebody has to look: at once, on the next working day, never (the watchdog). */
export type Severity = "critical" | "warning" | "none";

/** What an alert is about; it is grouped by that. */
export type Area =
  "edge" | "calls" | "registrations" | "trunks" | "media" | "security" | "records" | "database" | "host" | "monitoring";

/** One alert. Its runbook is `docs/runbooks/<name>.md`. */
export interface Alert {
  readonly name: string;
  readonly area: Area;
  readonly severity: Severity;
  /** Says what is wrong: there is a series for each thing that it is wrong with. */
  readonly expr: string;
  /** Labels beside those of the series. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Minutes that it has to be so. Default 0. */
  readonly minutes?: number;
  /** Minutes that it is kept after the condition has gone, for one that comes and goes. Default 0. */
  readonly keepMinutes?: number;
  /** A line for a telephone's display. */
  readonly summary: string;
  /** The figure, with its unit, and what follows from it. */
  readonly description: string;
}

/** What the alerts depend on. */
export interface AlertSettings {
  /** Number of targets of each job. */
  readonly targets: Readonly<Record<string, number>>;
  /** Most calls at once that the edge admits; 0: any number. */
  readonly maxCalls: number;
  /** Days before the end of a certificate on which it is high time to renew it. */
  readonly certificateDays: number;
  /** Share of answered calls below which it is told, percent. */
  readonly asrPercent: number;
  /** Share of calls that the network did right below which it is told, percent. */
  readonly nerPercent: number;
}

/** Calls in a second below which shares say nothing: 15 calls in 5 minutes. */
const callFloor = 0.05;

const percent = "{{ $value | humanizePercentage }}";
const orNone = (expr: string) => `(${expr} or vector(0))`;
const increased = (metric: string, minutes: number) => `sum(increase(${metric}[${minutes}m]))`;
/** Share of the sessions of the last 15 minutes, when there were at least 20. */
const ofSessions = (metric: string) =>
  `${increased(metric, 15)} / (${increased("rtpengine_closed_sessions_total", 15)} > 20)`;

/** Jobs whose targets have alerts of their own, by which they are told sooner. */
const ownAlerts = ["kamailio", "mysqld", "sip", "tls", "tool"];

/** All alerts of a stack: availability first, then what its users notice, then what is running short. */
export function alerts(settings: AlertSettings): readonly Alert[] {
  const { targets, certificateDays } = settings;
  return [
    ...availability(targets),
    ...calls(settings),
    ...registrations,
    ...trunks,
    ...media,
    ...security,
    ...records,
    ...capacity,
    {
      name: "CertificateExpiresSoon",
      area: "edge",
      severity: "warning",
      expr: `probe_ssl_earliest_cert_expiry - time() < ${certificateDays} * 86400`,
      minutes: 10,
      summary: "The certificate of {{ $labels.instance }} ends soon",
      description: "It ends in {{ $value | humanizeDuration }}; it should have been renewed by now.",
    },
    {
      name: "CertificateExpires",
      area: "edge",
      severity: "critical",
      expr: "probe_ssl_earliest_cert_expiry - time() < 3 * 86400",
      minutes: 5,
      summary: "The certificate of {{ $labels.instance }} is about to end",
      description: "It ends in {{ $value | humanizeDuration }}. Then no phone gets in by TLS.",
    },
    ...host,
    ...monitoring,
    ...("heplify" in targets ? [hepSilent] : []),
  ];
}

function availability(targets: AlertSettings["targets"]): Alert[] {
  return [
    {
      name: "EdgeDown",
      area: "edge",
      severity: "critical",
      expr: `${orNone('max(up{job="kamailio"})')} == 0`,
      minutes: 1,
      summary: "Kamailio does not answer",
      description: "Nobody can register or call as long as it is down.",
    },
    {
      name: "SipProbeFailed",
      area: "edge",
      severity: "critical",
      expr: 'probe_success{job="sip"} == 0',
      minutes: 2,
      summary: "Kamailio does not answer OPTIONS by {{ $labels.instance }}",
      description: "The process may run and answer nobody: its workers are stuck or it has no shared memory left.",
    },
    {
      name: "TlsProbeFailed",
      area: "edge",
      severity: "warning",
      expr: 'probe_success{job="tls"} == 0',
      minutes: 2,
      summary: "No TLS with {{ $labels.instance }}",
      description: "The port does not take connections, or its certificate is none that clients would take.",
    },
    {
      name: "ToolDown",
      area: "monitoring",
      severity: "warning",
      expr: 'probe_success{job="tool"} == 0',
      minutes: 5,
      summary: "{{ $labels.instance }} takes no connections",
      description: "Its pages cannot be opened. Calls do not notice.",
    },
    {
      name: "AllVoiceNodesDown",
      area: "calls",
      severity: "critical",
      expr: `${orNone("sum(kamailio_dispatcher_up)")} == 0`,
      minutes: 1,
      summary: "No Asterisk node gets calls",
      description: "Every call is refused with 503.",
    },
    {
      name: "VoiceNodeDown",
      area: "calls",
      severity: "warning",
      expr: "kamailio_dispatcher_up == 0 unless kamailio_dispatcher_drained == 1",
      minutes: 2,
      summary: "{{ $labels.node }} gets no calls",
      description: "It does not answer the edge's OPTIONS. Its calls are lost; new ones go to the other nodes.",
    },
    {
      name: "AllMediaRelaysDown",
      area: "media",
      severity: "critical",
      expr: `${orNone("sum(kamailio_rtpengine_up)")} == 0`,
      minutes: 1,
      summary: "No RTPengine answers the edge",
      description: "Every call is refused, or has no sound.",
    },
    {
      name: "DatabaseDown",
      area: "database",
      severity: "critical",
      expr: `${orNone("max(mysql_up)")} == 0`,
      minutes: 2,
      summary: "The database does not answer",
      description:
        "Phones still register and call from what the edge knows; call records wait, changes do not come through.",
    },
    {
      name: "TargetDown",
      area: "monitoring",
      severity: "warning",
      expr: `up{job!~"${ownAlerts.join("|")}"} == 0`,
      minutes: 3,
      summary: "{{ $labels.instance }} cannot be scraped",
      description: "There are no figures of {{ $labels.job }}, so no other alert about it can come.",
    },
    ...Object.entries(targets).map(([job, count]): Alert => ({
      name: "TargetMissing",
      area: "monitoring",
      severity: "warning",
      expr: `${orNone(`count(up{job="${job}"})`)} < ${count}`,
      labels: { job },
      minutes: 5,
      summary: `Prometheus does not know all targets of ${job}`,
      description: `It scrapes {{ $value }}, the stack has ${count}.`,
    })),
    {
      name: "ServiceRestarts",
      area: "monitoring",
      severity: "warning",
      expr: "(resets(kamailio_uptime[30m]) or resets(rtpengine_uptime_seconds[30m]) or resets(asterisk_core_uptime_seconds[30m]) or resets(mysql_global_status_uptime[30m]) or changes(process_start_time_seconds[30m])) >= 2",
      summary: "{{ $labels.instance }} starts again and again",
      description: "It has started {{ $value }} times in half an hour.",
    },
  ];
}

function calls({ maxCalls, asrPercent, nerPercent }: AlertSettings): Alert[] {
  const share = (result: string) => `${orNone(perSecond(`kamailio_calls{${result}}`))} / (${attempts} > ${callFloor})`;
  return [
    {
      name: "NerLow",
      area: "calls",
      severity: "critical",
      expr: `${share('result!="failed"')} < ${nerPercent / 100}`,
      minutes: 5,
      summary: "Calls fail",
      description: `The network did its part in only ${percent} of the calls of the last 5 minutes (NER).`,
    },
    {
      name: "AsrLow",
      area: "calls",
      severity: "warning",
      expr: `${share('result="answered"')} < ${asrPercent / 100}`,
      minutes: 10,
      summary: "Few calls are answered",
      description: `Only ${percent} of the calls of the last 5 minutes were answered (ASR).`,
    },
    {
      name: "CallsWithoutService",
      area: "calls",
      severity: "critical",
      expr: `${increased('kamailio_rejected{reason=~"no_node|no_media"}', 5)} > 3`,
      keepMinutes: 5,
      summary: "Calls are refused for want of a node or of media",
      description: "{{ $value | humanize }} calls of the last 5 minutes found no Asterisk node or no RTPengine.",
    },
    {
      name: "ServerErrors",
      area: "edge",
      severity: "warning",
      expr: "sbc:transactions_failed:ratio5m > 0.05 and on() sum(rate(kamailio_tmx_UAS_transactions[5m])) > 0.1",
      minutes: 5,
      summary: "Many requests end with 5xx or 6xx",
      description: `${percent} of the transactions of the last 5 minutes.`,
    },
    ...(maxCalls === 0
      ? []
      : [
          {
            name: "CallsNearLimit",
            area: "calls",
            severity: "warning",
            expr: `sum(kamailio_dialog_active_dialogs) + sum(kamailio_dialog_early_dialogs) > ${2 * maxCalls} * 0.8`,
            minutes: 5,
            summary: "There are nearly as many calls as the edge admits",
            description: `{{ $value }} call legs; ${maxCalls} calls are admitted, and most have two.`,
          } satisfies Alert,
        ]),
    {
      name: "CallsRefusedByLimit",
      area: "calls",
      severity: "warning",
      expr: `${increased('kamailio_rejected{reason=~"all_calls|all_call_rate"}', 10)} > 5`,
      keepMinutes: 10,
      summary: "Calls are refused because there are too many",
      description: "{{ $value | humanize }} calls of the last 10 minutes were over the limit of the whole edge.",
    },
  ];
}

const registrations: readonly Alert[] = [
  {
    name: "RegistrationsDropped",
    area: "registrations",
    severity: "critical",
    expr: "sum(kamailio_usrloc_location_contacts) < 0.7 * (max_over_time(sbc:registrations:sum[1h]) > 20)",
    minutes: 2,
    summary: "Many phones have lost their registration",
    description: "{{ $value }} phones are registered; there were many more within the last hour.",
  },
  {
    name: "RegistrationsRefused",
    area: "registrations",
    severity: "warning",
    expr: `${increased("kamailio_registrar_rejected_regs", 10)} > 20`,
    keepMinutes: 10,
    summary: "Registrations are refused after a right password",
    description: "{{ $value | humanize }} in 10 minutes: too many contacts, or none that can be used.",
  },
];

const trunks: readonly Alert[] = [
  {
    name: "TrunkDown",
    area: "trunks",
    severity: "critical",
    expr: "kamailio_trunk_up == 0",
    minutes: 2,
    summary: "Trunk {{ $labels.trunk }} is down",
    description: "None of its hosts answers. Calls take the next trunk where there is one.",
  },
  {
    name: "TrunkCallsFail",
    area: "trunks",
    severity: "warning",
    expr: 'sum by (trunk) (rate(kamailio_trunk_calls{result="failed"}[5m])) / (sum by (trunk) (rate(kamailio_trunk_calls[5m])) > 0.02) > 0.5',
    minutes: 5,
    summary: "Calls by trunk {{ $labels.trunk }} fail",
    description: `${percent} of its calls of the last 5 minutes.`,
  },
];

const media: readonly Alert[] = [
  {
    name: "OneWayAudio",
    area: "media",
    severity: "warning",
    expr: `${ofSessions("rtpengine_one_way_sessions_total")} > 0.1`,
    minutes: 5,
    summary: "Calls have sound in one direction only",
    description: `${percent} of the sessions of the last 15 minutes.`,
  },
  {
    name: "NoAudio",
    area: "media",
    severity: "warning",
    expr: `${ofSessions("rtpengine_zero_packet_streams_total")} > 0.2`,
    minutes: 5,
    summary: "Calls have no sound",
    description: `There are streams without a packet for ${percent} of the sessions of the last 15 minutes.`,
  },
  {
    name: "MediaTimeouts",
    area: "media",
    severity: "warning",
    expr: `${ofSessions('rtpengine_closed_sessions_total{reason=~"timeout|silent_timeout|final_timeout|offer_timeout"}')} > 0.1`,
    minutes: 5,
    summary: "Calls end because their sound has stopped",
    description: `${percent} of the sessions of the last 15 minutes.`,
  },
  {
    name: "MediaSessionsRejected",
    area: "media",
    severity: "critical",
    expr: `${increased('rtpengine_closed_sessions_total{reason="rejected"}', 5)} > 0`,
    keepMinutes: 5,
    summary: "An RTPengine refuses sessions",
    description: "{{ $value | humanize }} in 5 minutes: it is at its limit of sessions or load.",
  },
  {
    name: "MosLow",
    area: "media",
    severity: "warning",
    expr: "sbc:mos:mean5m < 3.5",
    minutes: 10,
    summary: "Calls sound poor",
    description: "The mean opinion score is {{ $value | humanize }} (5 is best).",
  },
  {
    name: "MosVeryLow",
    area: "media",
    severity: "critical",
    expr: "sbc:mos:mean5m < 3",
    minutes: 5,
    summary: "Calls can hardly be understood",
    description: "The mean opinion score is {{ $value | humanize }} (5 is best).",
  },
  {
    name: "PacketLossHigh",
    area: "media",
    severity: "warning",
    expr: "sbc:packet_loss_percent:mean5m > 5",
    minutes: 5,
    summary: "RTP packets get lost",
    description: "The ends of calls report a loss of {{ $value | humanize }} %.",
  },
  {
    name: "JitterHigh",
    area: "media",
    severity: "warning",
    expr: "sbc:jitter_ms:mean5m > 50",
    minutes: 10,
    summary: "RTP packets arrive at uneven times",
    description: "The ends of calls report a jitter of {{ $value | humanize }} ms.",
  },
  {
    name: "MediaPortsLow",
    area: "media",
    severity: "warning",
    expr: "sum by (instance) (rtpengine_ports_used) / sum by (instance) (rtpengine_ports) > 0.8",
    minutes: 5,
    summary: "{{ $labels.instance }} is short of media ports",
    description: `${percent} of its ports are in use.`,
  },
];

const security: readonly Alert[] = [
  {
    name: "PasswordGuessing",
    area: "security",
    severity: "warning",
    expr: `${increased('kamailio_rejected{reason=~"auth|identity"}', 5)} > 50`,
    keepMinutes: 10,
    summary: "Somebody tries passwords",
    description: "{{ $value | humanize }} wrong ones in 5 minutes. Challenges are not counted.",
  },
  {
    name: "ManyBans",
    area: "security",
    severity: "warning",
    expr: `${increased("kamailio_bans", 10)} > 20`,
    keepMinutes: 10,
    summary: "Many sources get banned",
    description: "{{ $value | humanize }} in 10 minutes: an attack, or phones behind one address.",
  },
  {
    name: "BadSignatures",
    area: "security",
    severity: "warning",
    expr: `${increased('kamailio_signatures{result=~"mismatch|replay|unknown_key"}', 10)} > 10`,
    keepMinutes: 10,
    summary: "Requests carry signatures that do not hold",
    description: "{{ $value | humanize }} in 10 minutes.",
  },
  {
    name: "PremiumCallsRefused",
    area: "security",
    severity: "warning",
    expr: `${increased('kamailio_rejected{reason=~"premium|destination|daily_calls|daily_minutes"}', 15)} > 10`,
    keepMinutes: 15,
    summary: "Somebody tries numbers that he may not call",
    description: "{{ $value | humanize }} calls in 15 minutes. This is what toll fraud looks like.",
  },
];

const records: readonly Alert[] = [
  {
    name: "CallRecordsLost",
    area: "records",
    severity: "critical",
    expr: `${increased('kamailio_cdr_rows{result=~"dropped|failed"}', 15)} > 0`,
    keepMinutes: 60,
    summary: "Call records were not written",
    description:
      "{{ $value | humanize }} of the last 15 minutes. They are in Kamailio's log and can be put in from there.",
  },
  {
    name: "CallRecordsWait",
    area: "records",
    severity: "warning",
    expr: "kamailio_cdr_queue > 100",
    minutes: 5,
    summary: "Call records wait for the database",
    description: "{{ $value }} wait. They are lost when Kamailio ends before they are written.",
  },
  {
    name: "EventsLost",
    area: "records",
    severity: "warning",
    expr: `(${increased('kamailio_events{result="overflow"}', 15)} + ${increased('kamailio_event_deliveries{result=~"expired|refused"}', 15)}) > 0`,
    keepMinutes: 30,
    summary: "Events were not told to the HTTP API",
    description: "{{ $value | humanize }} of the last 15 minutes.",
  },
];

const capacity: readonly Alert[] = [
  {
    name: "SharedMemoryLow",
    area: "edge",
    severity: "critical",
    expr: "kamailio_shmem_real_used_size / kamailio_shmem_total_size > 0.9",
    minutes: 5,
    summary: "Kamailio is short of shared memory",
    description: `${percent} are in use. Without any left, no request is answered.`,
  },
  {
    name: "PrivateMemoryLow",
    area: "edge",
    severity: "warning",
    expr: "min(kamailio_pkgmem_available / (kamailio_pkgmem_used + kamailio_pkgmem_available)) < 0.1",
    minutes: 5,
    summary: "A process of Kamailio is short of memory",
    description: `It has ${percent} of its own memory left.`,
  },
  {
    name: "DatabaseConnectionsLow",
    area: "database",
    severity: "warning",
    expr: "mysql_global_status_threads_connected / mysql_global_variables_max_connections > 0.8",
    minutes: 5,
    summary: "The database is short of connections",
    description: `${percent} are in use.`,
  },
];

const host: readonly Alert[] = [
  {
    name: "DiskFull",
    area: "host",
    severity: "critical",
    expr: "node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.05",
    minutes: 5,
    summary: "The disk is nearly full",
    description: `${percent} are free. Without any, the database and with it the call records stop.`,
  },
  {
    name: "DiskFills",
    area: "host",
    severity: "warning",
    expr: "predict_linear(node_filesystem_avail_bytes[6h], 86400) < 0 and node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.4",
    minutes: 60,
    summary: "The disk will be full within a day",
    description: "If it goes on like in the last 6 hours.",
  },
  {
    name: "MemoryLow",
    area: "host",
    severity: "warning",
    expr: "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < 0.1",
    minutes: 5,
    summary: "The host is short of memory",
    description: `${percent} can still be had.`,
  },
  {
    name: "OutOfMemoryKill",
    area: "host",
    severity: "warning",
    expr: "increase(node_vmstat_oom_kill[10m]) > 0",
    keepMinutes: 30,
    summary: "The kernel has killed a process for want of memory",
    description: "A container was at its limit, or the whole host. Docker starts it again.",
  },
  {
    name: "CpuBusy",
    area: "host",
    severity: "warning",
    expr: 'sum by (instance) (rate(node_cpu_seconds_total{mode!~"idle|iowait"}[5m])) / sum by (instance) (rate(node_cpu_seconds_total[5m])) > 0.9',
    minutes: 15,
    summary: "The host's processors are busy",
    description: `${percent}. Media relays need some to spare.`,
  },
  {
    name: "ClockWrong",
    area: "host",
    severity: "warning",
    expr: "abs(node_timex_offset_seconds) > 0.1 or node_timex_maxerror_seconds > 10",
    minutes: 30,
    summary: "The host's clock is not kept right",
    description:
      "It is off by {{ $value | humanize }} s or more. Certificates, nonces, signatures and call records need the time.",
  },
];

const monitoring: readonly Alert[] = [
  {
    name: "ConfigNotLoaded",
    area: "monitoring",
    severity: "warning",
    expr: "prometheus_config_last_reload_successful == 0 or alertmanager_config_last_reload_successful == 0",
    minutes: 1,
    summary: "{{ $labels.instance }} did not take its new configuration",
    description: "It goes on with the old one until it is started anew, and then does not start.",
  },
  {
    name: "RulesFail",
    area: "monitoring",
    severity: "warning",
    expr: "sum(increase(prometheus_rule_evaluation_failures_total[10m])) > 0 or sum(increase(prometheus_rule_group_iterations_missed_total[10m])) > 0",
    keepMinutes: 10,
    summary: "Rules are not evaluated",
    description: "{{ $value | humanize }} evaluations of the last 10 minutes: alerts may not come.",
  },
  {
    name: "AlertsNotPassedOn",
    area: "monitoring",
    severity: "critical",
    expr: "prometheus_notifications_alertmanagers_discovered < 1 or increase(prometheus_notifications_dropped_total[10m]) > 0",
    minutes: 5,
    summary: "Prometheus cannot pass alerts on",
    description: "No Alertmanager takes them. You see this by another way than a message.",
  },
  {
    name: "NotificationsFail",
    area: "monitoring",
    severity: "critical",
    expr: "sum by (integration) (increase(alertmanager_notifications_failed_total[10m])) > 0",
    keepMinutes: 10,
    summary: "Messages by {{ $labels.integration }} do not get through",
    description: "{{ $value | humanize }} of the last 10 minutes.",
  },
  {
    name: "TooManySeries",
    area: "monitoring",
    severity: "warning",
    expr: "prometheus_tsdb_head_series > 20000",
    minutes: 15,
    summary: "Prometheus holds more series than planned",
    description: "{{ $value }}. Something makes labels without bound.",
  },
  {
    name: "StorageDamaged",
    area: "monitoring",
    severity: "warning",
    expr: "increase(prometheus_tsdb_wal_corruptions_total[1h]) > 0 or increase(prometheus_tsdb_compactions_failed_total[1h]) > 0",
    keepMinutes: 30,
    summary: "Prometheus cannot keep its data",
    description: "The disk is full or damaged: figures of the past get lost.",
  },
  {
    name: "Watchdog",
    area: "monitoring",
    severity: "none",
    expr: "vector(1)",
    summary: "Alerts work",
    description:
      "This one always fires: whoever receives it and does not hear of it any more knows that alerts do not come through.",
  },
];

const hepSilent: Alert = {
  name: "HepSilent",
  area: "monitoring",
  severity: "warning",
  expr: `(sum(rate(heplify_packets_total[5m])) or vector(0)) == 0 and on() sum(rate(kamailio_core_rcv_requests[5m])) > 0.1`,
  minutes: 10,
  summary: "No copies of SIP messages arrive at the HEP collector",
  description: "Kamailio has requests, and the collector gets nothing: Homer will have no ladders of these calls.",
};
