import type { LabelValues, Metric } from "../metrics/contract.ts";

/** A figure that Prometheus works out again and again, so that alerts, dashboards and the landing page show the same. */
export interface Recording {
  /** Its name: `what:figure:how`. */
  readonly record: string;
  readonly expr: string;
  readonly labels: Metric["labels"];
  /** What it says, in a sentence. */
  readonly help: string;
}

const instance: Record<string, LabelValues> = { instance: { each: "container, by its name" } };
/** Increase in a second, of all series together. */
export const perSecond = (metric: string) => `sum(rate(${metric}[5m]))`;

/**
 * Mean of the samples of the last 5 minutes. RTPengine has the sum of the samples and their number; without any there is no mean.
 */
const mean = (metric: string) =>
  `${perSecond(`rtpengine_${metric}_total`)} / (${perSecond(`rtpengine_${metric}_samples_total`)} > 0)`;

/** Calls that the edge took on, in a second. A call that found no node up has been refused before it was one. */
export const attempts = `(${perSecond("kamailio_calls")} + (${perSecond('kamailio_rejected{reason="no_node"}')} or vector(0)))`;

/** All of them. */
export const recordings: readonly Recording[] = [
  {
    record: "sbc:calls:rate1m",
    expr: attempts.replaceAll("[5m]", "[1m]"),
    labels: {},
    help: "Calls in a second (CPS), counted when they are answered or over",
  },
  { record: "sbc:calls:rate5m", expr: attempts, labels: {}, help: "The same as a mean of 5 minutes" },
  {
    record: "sbc:asr:ratio5m",
    expr: `${perSecond('kamailio_calls{result="answered"}')} / (${attempts} > 0)`,
    labels: {},
    help: "Answer seizure ratio (ITU-T E.425): calls that were answered",
  },
  {
    record: "sbc:ner:ratio5m",
    expr: `${perSecond('kamailio_calls{result!="failed"}')} / (${attempts} > 0)`,
    labels: {},
    help: "Network effectiveness ratio (ITU-T E.425): calls with which the network did what it was asked for, busy and unanswered ones included",
  },
  {
    record: "sbc:call_legs:sum",
    expr: "sum(kamailio_dialog_active_dialogs) + sum(kamailio_dialog_early_dialogs)",
    labels: {},
    help: "Call legs that ring or are answered; a call between two phones has two",
  },
  {
    record: "sbc:trunk_failed:ratio5m",
    expr: 'sum by (trunk) (rate(kamailio_trunk_calls{result="failed"}[5m])) / (sum by (trunk) (rate(kamailio_trunk_calls[5m])) > 0)',
    labels: { trunk: { each: "trunk, by its name" } },
    help: "Calls that failed at the trunk",
  },
  {
    record: "sbc:registrations:sum",
    expr: "sum(kamailio_usrloc_location_contacts)",
    labels: {},
    help: "Phones that are registered",
  },
  {
    record: "sbc:registrations_accepted:rate5m",
    expr: perSecond("kamailio_registrar_accepted_regs"),
    labels: {},
    help: "Registrations in a second, refreshed ones included",
  },
  {
    record: "sbc:transactions_failed:ratio5m",
    expr: `(${perSecond("kamailio_tmx_5xx_transactions")} + ${perSecond("kamailio_tmx_6xx_transactions")}) / (${[
      "2xx",
      "3xx",
      "4xx",
      "5xx",
      "6xx",
    ]
      .map((group) => perSecond(`kamailio_tmx_${group}_transactions`))
      .join(" + ")} > 0)`,
    labels: {},
    help: "Transactions that were answered with 5xx or 6xx",
  },
  { record: "sbc:mos:mean5m", expr: mean("mos"), labels: {}, help: "Mean opinion score, 1 to 5" },
  {
    record: "sbc:packet_loss_percent:mean5m",
    expr: mean("packetloss"),
    labels: {},
    help: "Packet loss that the ends of calls report",
  },
  { record: "sbc:jitter_ms:mean5m", expr: mean("jitter"), labels: {}, help: "Jitter that the ends of calls report" },
  {
    record: "sbc:rtt_ms:mean5m",
    expr: `(${mean("rtt_e2e")}) / 1000`,
    labels: {},
    help: "Round trip between the ends of calls",
  },
  {
    record: "sbc:media_sessions:sum",
    expr: 'sum by (instance) (rtpengine_sessions{type="own"})',
    labels: instance,
    help: "Sessions of each RTPengine; a call between two phones is two",
  },
  {
    record: "sbc:media_ports_used:ratio",
    expr: "sum by (instance) (rtpengine_ports_used) / sum by (instance) (rtpengine_ports)",
    labels: instance,
    help: "Media ports in use, of each RTPengine",
  },
  {
    record: "sbc:shared_memory_used:ratio",
    expr: "max(kamailio_shmem_real_used_size / kamailio_shmem_total_size)",
    labels: {},
    help: "Kamailio's shared memory that is in use",
  },
  {
    record: "sbc:private_memory_free:ratio",
    expr: "min(kamailio_pkgmem_available / (kamailio_pkgmem_used + kamailio_pkgmem_available))",
    labels: {},
    help: "Private memory that the fullest process of Kamailio has left",
  },
  {
    record: "sbc:host_cpu_busy:ratio5m",
    expr: 'sum by (instance) (rate(node_cpu_seconds_total{mode!~"idle|iowait"}[5m])) / sum by (instance) (rate(node_cpu_seconds_total[5m]))',
    labels: instance,
    help: "Processors of the host that are busy",
  },
  {
    record: "sbc:host_memory_available:ratio",
    expr: "min by (instance) (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
    labels: instance,
    help: "Memory of the host that programs can still have",
  },
  {
    record: "sbc:host_disk_free:ratio",
    expr: "min by (instance) (node_filesystem_avail_bytes / node_filesystem_size_bytes)",
    labels: instance,
    help: "What is free of the file system with Docker's data",
  },
  {
    record: "sbc:database_connections_used:ratio",
    expr: "max(mysql_global_status_threads_connected / mysql_global_variables_max_connections)",
    labels: {},
    help: "Connections of the database that are in use",
  },
];
