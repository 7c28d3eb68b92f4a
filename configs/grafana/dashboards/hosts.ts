import { perMinute, perSecondBy } from "./expressions.ts";
import { badAbove, badBelow, course, dashboard, figure, history, upOrDown } from "./panels.ts";

const rate = (selector: string) => `rate(${selector}[$__rate_interval])`;

/** What everything stands on: the host, the database, and the monitoring itself. */
export const hosts = dashboard({
  uid: "sbc-hosts",
  title: "Hosts",
  description: "The host with its processors, memory and disk; the database; the monitoring itself.",
  time: "24h",
  sections: [
    {
      heading: "Host",
      panels: [
        figure({
          title: "Processors busy",
          description: "Mean of 5 minutes. Media relays need some to spare.",
          unit: "percentunit",
          decimals: 0,
          queries: { "": "max(sbc:host_cpu_busy:ratio5m)" },
          thresholds: badAbove(0.7, 0.9),
        }),
        figure({
          title: "Memory left",
          description: "What programs can still have.",
          unit: "percentunit",
          decimals: 0,
          queries: { "": "min(sbc:host_memory_available:ratio)" },
          thresholds: badBelow(0.1, 0.2),
        }),
        figure({
          title: "Disk left",
          description: "Of the file system with Docker's data: images, volumes and logs.",
          unit: "percentunit",
          decimals: 0,
          queries: { "": "min(sbc:host_disk_free:ratio)" },
          thresholds: badBelow(0.05, 0.2),
        }),
        figure({
          title: "Clock off by",
          description: "Certificates, nonces, signatures and call records need the time.",
          unit: "s",
          decimals: 3,
          queries: { "": "max(abs(node_timex_offset_seconds))" },
          thresholds: badAbove(0.05, 0.1),
        }),
        figure({
          title: "Killed for want of memory",
          description: "Processes within the time that is shown, those of containers at their limit included.",
          unit: "short",
          decimals: 0,
          queries: { "": "sum(increase(node_vmstat_oom_kill[$__range]))" },
          thresholds: badAbove(1, 3),
        }),
        figure({
          title: "Up for",
          description: "Since the start of the host.",
          unit: "dtdurations",
          decimals: 0,
          queries: { "": "min(node_time_seconds - node_boot_time_seconds)" },
        }),
        course({
          title: "Processor time",
          description: "By mode; the rest is idle.",
          unit: "percentunit",
          min: 0,
          stacked: true,
          queries: {
            "{{mode}}": `sum by (mode) (${rate('node_cpu_seconds_total{mode!="idle"}')}) / on() group_left() sum(${rate("node_cpu_seconds_total")})`,
          },
        }),
        course({
          title: "Load",
          description: "Processes that run or wait for the disk.",
          unit: "short",
          min: 0,
          queries: {
            "1 minute": "max(node_load1)",
            "5 minutes": "max(node_load5)",
            "15 minutes": "max(node_load15)",
          },
        }),
        course({
          title: "Memory",
          description: "Of the whole host.",
          unit: "bytes",
          min: 0,
          queries: {
            "all there is": "sum(node_memory_MemTotal_bytes)",
            "can be had": "sum(node_memory_MemAvailable_bytes)",
            "cached files": "sum(node_memory_Cached_bytes)",
            "swap in use": "sum(node_memory_SwapTotal_bytes) - sum(node_memory_SwapFree_bytes)",
          },
        }),
        course({
          title: "Disk space",
          description: "Of the file system with Docker's data.",
          unit: "bytes",
          min: 0,
          queries: {
            "all there is": "max(node_filesystem_size_bytes)",
            free: "min(node_filesystem_avail_bytes)",
          },
        }),
        course({
          title: "Disk traffic",
          description: "By disk.",
          unit: "Bps",
          min: 0,
          queries: {
            "read {{device}}": perSecondBy("device", "node_disk_read_bytes_total"),
            "written {{device}}": perSecondBy("device", "node_disk_written_bytes_total"),
          },
        }),
        course({
          title: "Disk busy",
          description: "Share of the time.",
          unit: "percentunit",
          min: 0,
          queries: { "{{device}}": perSecondBy("device", "node_disk_io_time_seconds_total") },
        }),
        course({
          title: "Waiting",
          description:
            "Share of the time in which something waited for it (pressure stall information). Not every kernel tells.",
          unit: "percentunit",
          min: 0,
          queries: {
            processor: `max(${rate("node_pressure_cpu_waiting_seconds_total")})`,
            disk: `max(${rate("node_pressure_io_waiting_seconds_total")})`,
            memory: `max(${rate("node_pressure_memory_waiting_seconds_total")})`,
          },
          noValue: "not told by this kernel",
        }),
        course({
          title: "Open files",
          description: "Of the whole host.",
          unit: "short",
          min: 0,
          queries: { files: "sum(node_filefd_allocated)" },
        }),
        course({
          title: "Context switches",
          description: "Of the whole host.",
          unit: "ops",
          min: 0,
          queries: { switches: `sum(${rate("node_context_switches_total")})` },
        }),
      ],
    },
    {
      heading: "Database",
      panels: [
        course({
          title: "Connections to the database",
          description: "Open ones, those that do something, and the most that there may be.",
          unit: "short",
          min: 0,
          queries: {
            open: "sum(mysql_global_status_threads_connected)",
            running: "sum(mysql_global_status_threads_running)",
            "most at once": "max(mysql_global_status_max_used_connections)",
            "may be": "sum(mysql_global_variables_max_connections)",
          },
        }),
        course({
          title: "Statements",
          description: "All, and those that took long.",
          unit: "ops",
          min: 0,
          queries: {
            all: `sum(${rate("mysql_global_status_queries")})`,
            slow: `sum(${rate("mysql_global_status_slow_queries")})`,
          },
        }),
        course({
          title: "Traffic of the database",
          description: "With its clients.",
          unit: "Bps",
          min: 0,
          queries: {
            received: `sum(${rate("mysql_global_status_bytes_received")})`,
            sent: `sum(${rate("mysql_global_status_bytes_sent")})`,
          },
        }),
        course({
          title: "Failed logins",
          description:
            "Connections to the database that failed: somebody who has no password for it, or a service with an old one.",
          unit: "cpm",
          min: 0,
          queries: { failed: perMinute("mysql_global_status_aborted_connects") },
        }),
        course({
          title: "Waiting for locks on rows",
          description: "Milliseconds of waiting in a second.",
          unit: "ms",
          min: 0,
          queries: { waiting: `sum(${rate("mysql_global_status_innodb_row_lock_time")})` },
        }),
        figure({
          title: "Database up for",
          description: "Since its start.",
          unit: "dtdurations",
          decimals: 0,
          width: 8,
          height: 8,
          queries: { "": "min(mysql_global_status_uptime)" },
        }),
      ],
    },
    {
      heading: "Monitoring",
      panels: [
        course({
          title: "Series in memory",
          description: "More than 20,000 are not planned: something makes labels without bound.",
          unit: "short",
          min: 0,
          queries: { series: "sum(prometheus_tsdb_head_series)" },
        }),
        course({
          title: "Samples taken in",
          description: "By Prometheus.",
          unit: "ops",
          min: 0,
          queries: { samples: `sum(${rate("prometheus_tsdb_head_samples_appended_total")})` },
        }),
        course({
          title: "Time of an evaluation of the rules",
          description: "Of each group.",
          unit: "s",
          min: 0,
          queries: {
            "{{rule_group}}": "max by (rule_group) (prometheus_rule_group_last_duration_seconds)",
          },
        }),
        course({
          title: "Memory of the tools in Go",
          description: "Resident.",
          unit: "bytes",
          min: 0,
          queries: { "{{instance}}": "max by (instance) (process_resident_memory_bytes)" },
        }),
        course({
          title: "Processor time of the tools in Go",
          description: "Processors.",
          unit: "short",
          min: 0,
          queries: { "{{instance}}": perSecondBy("instance", "process_cpu_seconds_total") },
        }),
        course({
          title: "Time of a scrape",
          description: "By job, its slowest target.",
          unit: "s",
          min: 0,
          queries: { "{{job}}": "max by (job) (scrape_duration_seconds)" },
        }),
        course({
          title: "Messages of Alertmanager",
          description: "Sent to receivers, and those that they did not take.",
          unit: "cpm",
          min: 0,
          queries: {
            "{{integration}}": `${perSecondBy("integration", "alertmanager_notifications_total")} * 60`,
            "{{integration}} failed": `${perSecondBy("integration", "alertmanager_notifications_failed_total")} * 60`,
          },
        }),
        course({
          title: "Size on disk",
          description: "Blocks of Prometheus' database; the oldest go when they are too large or too old.",
          unit: "bytes",
          min: 0,
          queries: { blocks: "sum(prometheus_tsdb_storage_blocks_bytes)" },
        }),
        course({
          title: "Alerts and silences",
          description: "That Alertmanager holds.",
          unit: "short",
          min: 0,
          queries: {
            "{{state}} alerts": "sum by (state) (alertmanager_alerts)",
            "silences in force": 'sum(alertmanager_silences{state="active"})',
          },
        }),
        history({
          title: "Pages of the tools",
          description: "Whether they take connections.",
          unit: "none",
          width: 8,
          queries: { "{{instance}}": 'probe_success{job="tool"}' },
          states: upOrDown,
        }),
      ],
    },
  ],
});
