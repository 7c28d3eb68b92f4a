import type { Metric } from "./contract.ts";

type Entry = readonly [name: string, type: Metric["type"], help: string, labels?: Metric["labels"]];

const of = (source: Metric["source"], entries: readonly Entry[]): Metric[] =>
  entries.map(([name, type, help, labels = {}]) => ({ name, type, source, labels, help }));

const late = (metrics: readonly Metric[]): Metric[] => metrics.map((metric) => ({ ...metric, late: true }));

const cpu = {
  cpu: { each: "processor" },
  mode: ["idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"],
};
const device = { device: { each: "disk" } };
/** The one file system that the exporter looks at: that of Docker's data folder. */
const filesystem = {
  device: { each: "disk" },
  device_error: { each: "error" },
  fstype: { each: "file system" },
  mountpoint: ["/etc/hosts"],
};

/**
 * What rules and dashboards use of the node exporter. It runs in a container without anything of the host: processor, memory, disks and
 * clock are the host's all the same, network interfaces and processes are not.
 */
export const nodeMetrics: readonly Metric[] = of("node", [
  ["node_boot_time_seconds", "gauge", "Time of the host's start"],
  ["node_cpu_seconds_total", "counter", "Time that each processor spent, by mode", cpu],
  ["node_load1", "gauge", "Processes that run or wait for the disk, mean of a minute"],
  ["node_load5", "gauge", "Processes that run or wait for the disk, mean of 5 minutes"],
  ["node_load15", "gauge", "Processes that run or wait for the disk, mean of 15 minutes"],
  ["node_context_switches_total", "counter", "Context switches"],
  ["node_memory_MemTotal_bytes", "gauge", "Memory of the host"],
  ["node_memory_MemAvailable_bytes", "gauge", "Memory that programs can still have"],
  ["node_memory_MemFree_bytes", "gauge", "Memory that is used for nothing"],
  ["node_memory_Buffers_bytes", "gauge", "Memory used for buffers"],
  ["node_memory_Cached_bytes", "gauge", "Memory used as cache of files"],
  ["node_memory_SwapTotal_bytes", "gauge", "Swap space"],
  ["node_memory_SwapFree_bytes", "gauge", "Swap space that is free"],
  ["node_filesystem_size_bytes", "gauge", "Size of the file system with Docker's data", filesystem],
  ["node_filesystem_avail_bytes", "gauge", "What is free of it", filesystem],
  ["node_filesystem_files", "gauge", "Inodes of it", filesystem],
  ["node_filesystem_files_free", "gauge", "Inodes of it that are free", filesystem],
  ["node_disk_read_bytes_total", "counter", "Bytes read", device],
  ["node_disk_written_bytes_total", "counter", "Bytes written", device],
  ["node_disk_io_time_seconds_total", "counter", "Time during which the disk was busy", device],
  ["node_filefd_allocated", "gauge", "Open files of the host"],
  ["node_filefd_maximum", "gauge", "Most files that may be open"],
  ["node_time_seconds", "gauge", "The host's clock"],
  ["node_timex_sync_status", "gauge", "1 while the clock is set by a time server"],
  ["node_timex_offset_seconds", "gauge", "How far the clock is off"],
  ["node_timex_maxerror_seconds", "gauge", "How far the clock may be off at most"],
  [
    "node_vmstat_oom_kill",
    "counter",
    "Processes killed for want of memory, those of containers at their limit included",
  ],
]);

/** Pressure stall information; not every kernel has it. */
export const nodePressureMetrics: readonly Metric[] = late(
  of("node", [
    ["node_pressure_cpu_waiting_seconds_total", "counter", "Time during which something waited for a processor"],
    ["node_pressure_io_waiting_seconds_total", "counter", "Time during which something waited for a disk"],
    ["node_pressure_memory_waiting_seconds_total", "counter", "Time during which something waited for memory"],
  ]),
);

/** A probe of the blackbox exporter: jobs `tls` and `sip`. */
export const probeMetrics: readonly Metric[] = [
  ...of("blackbox", [
    ["probe_success", "gauge", "1 when the probe got what it expected"],
    ["probe_duration_seconds", "gauge", "Time that the probe took"],
  ]),
  ...late(
    of("blackbox", [["probe_ssl_earliest_cert_expiry", "gauge", "When the first certificate of the chain ends"]]),
  ),
];

const status = (name: string, type: Metric["type"], help: string): Entry => [`mysql_global_status_${name}`, type, help];

/** What rules and dashboards use of the exporter of the database. */
export const mysqldMetrics: readonly Metric[] = of("mysqld", [
  ["mysql_up", "gauge", "1 while the exporter can ask the database"],
  status("uptime", "gauge", "Seconds since the database's start"),
  status("threads_connected", "gauge", "Connections"),
  status("threads_running", "gauge", "Connections that do something"),
  status("max_used_connections", "gauge", "Most connections at once since the start"),
  status("aborted_connects", "counter", "Connections that failed"),
  status("queries", "counter", "Statements"),
  status("slow_queries", "counter", "Statements that took long"),
  status("bytes_received", "counter", "Bytes from clients"),
  status("bytes_sent", "counter", "Bytes to clients"),
  status("innodb_row_lock_time", "counter", "Milliseconds of waiting for locks on rows"),
  ["mysql_global_variables_max_connections", "gauge", "Most connections that there may be"],
]);

/** The front door's nginx. */
export const nginxMetrics: readonly Metric[] = of("nginx", [
  ["nginx_up", "gauge", "1 while the exporter can ask nginx"],
  ["nginx_connections_active", "gauge", "Connections"],
  ["nginx_connections_reading", "gauge", "Connections whose request is being read"],
  ["nginx_connections_writing", "gauge", "Connections that are being answered"],
  ["nginx_connections_waiting", "gauge", "Connections that are kept open"],
  ["nginx_connections_accepted", "counter", "Connections accepted"],
  ["nginx_connections_handled", "counter", "Connections handled; fewer than accepted when a limit was reached"],
  ["nginx_http_requests_total", "counter", "Requests"],
]);

const group = { rule_group: { each: "group of rules" } };

/** What Prometheus says of itself, and of each target that it scrapes. */
export const prometheusMetrics: readonly Metric[] = [
  ...of("prometheus", [
    ["prometheus_config_last_reload_successful", "gauge", "1 when the configuration was taken"],
    ["prometheus_notifications_alertmanagers_discovered", "gauge", "Alertmanagers that it knows"],
    ["prometheus_notifications_dropped_total", "counter", "Alerts that were not passed on"],
    ["prometheus_notifications_queue_length", "gauge", "Alerts that wait"],
    ["prometheus_tsdb_head_series", "gauge", "Series in memory"],
    ["prometheus_tsdb_head_samples_appended_total", "counter", "Samples taken in", { type: ["float", "histogram"] }],
    ["prometheus_tsdb_storage_blocks_bytes", "gauge", "Size of the blocks on disk"],
    ["prometheus_tsdb_wal_corruptions_total", "counter", "Damages of the write-ahead log"],
    ["prometheus_tsdb_compactions_failed_total", "counter", "Compactions that failed"],
    ["process_resident_memory_bytes", "gauge", "Memory in use, of every program in Go"],
    ["process_cpu_seconds_total", "counter", "Processor time, of every program in Go"],
    ["process_start_time_seconds", "gauge", "Time of the start, of every program in Go"],
  ]),
  ...late(
    of("prometheus", [
      ["prometheus_rule_evaluation_failures_total", "counter", "Rules that could not be evaluated", group],
      ["prometheus_rule_group_iterations_missed_total", "counter", "Evaluations that were left out", group],
      ["prometheus_rule_group_last_duration_seconds", "gauge", "Time that the last evaluation took", group],
      ["prometheus_rule_group_interval_seconds", "gauge", "Time between two evaluations", group],
    ]),
  ),
];

/** Made by Prometheus for each target, and for each alert. No program exports them. */
export const scrapeMetrics: readonly Metric[] = of("scrape", [
  ["up", "gauge", "1 when the last scrape succeeded"],
  ["scrape_duration_seconds", "gauge", "Time that the last scrape took"],
  ["scrape_samples_scraped", "gauge", "Samples that the target exported"],
  ["scrape_samples_post_metric_relabeling", "gauge", "Samples that were kept of them"],
  ["scrape_series_added", "gauge", "New series in the last scrape"],
  [
    "ALERTS",
    "gauge",
    "1 for each alert that is pending or fires; it carries the labels of the alert as well",
    {
      alertname: { each: "alert" },
      alertstate: ["pending", "firing"],
      severity: ["critical", "warning", "none"],
    },
  ],
]);

/** Receivers that the configuration knows; the others that the program exports are dropped. */
const integration = { integration: ["email", "webhook"] };

/** What rules and dashboards use of Alertmanager. */
export const alertmanagerMetrics: readonly Metric[] = of("alertmanager", [
  ["alertmanager_alerts", "gauge", "Alerts that it holds", { state: ["active", "suppressed", "unprocessed"] }],
  ["alertmanager_silences", "gauge", "Silences", { state: ["active", "pending", "expired"] }],
  ["alertmanager_config_last_reload_successful", "gauge", "1 when the configuration was taken"],
  ["alertmanager_notifications_total", "counter", "Messages sent to receivers", integration],
  [
    "alertmanager_notifications_failed_total",
    "counter",
    "Messages that a receiver did not take",
    {
      ...integration,
      reason: ["clientError", "contextCanceled", "contextDeadlineExceeded", "other", "serverError"],
    },
  ],
]);

/** What rules use of heplify-server, the HEP collector. */
export const heplifyMetrics: readonly Metric[] = late(
  of("heplify", [
    [
      "heplify_packets_total",
      "counter",
      "HEP packets that arrived",
      { node_id: { each: "program that sends HEP" }, type: { each: "kind of packet" } },
    ],
  ]),
);
