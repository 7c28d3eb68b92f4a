import type { LabelValues, Metric } from "./contract.ts";

type Entry = readonly [name: string, type: Metric["type"], help: string];

const of = (source: Metric["source"], prefix: string, labels: Metric["labels"], entries: readonly Entry[]): Metric[] =>
  entries.map(([name, type, help]) => ({ name: prefix + name, type, source, labels, help }));

/**
 * Those of Kamailio's own statistics (`xhttp_prom_stats all`) that say something to an operator; the rest of the 200 is exported as well. The
 * program gives them no type. Scrapes are answered through `sl`: its totals are no base for ratios of SIP.
 */
export const kamailioStatistics: readonly Metric[] = [
  ...of("kamailio", "kamailio_", {}, [
    ["uptime", "gauge", "Seconds since Kamailio's start"],
    ["core_rcv_requests", "counter", "SIP requests received"],
    ...["ack", "bye", "cancel", "info", "invite", "message", "notify", "options", "prack", "refer", "register"].map(
      (method): Entry => [`core_rcv_requests_${method}`, "counter", `SIP requests received: ${method.toUpperCase()}`],
    ),
    ["core_rcv_replies", "counter", "SIP replies received"],
    ...["2xx", "3xx", "4xx", "5xx", "6xx"].map((group): Entry => [
      `core_rcv_replies_${group}_invite`,
      "counter",
      `Final replies to INVITE received: ${group}`,
    ]),
    ["core_bad_URIs_rcvd", "counter", "Messages with a URI that cannot be parsed"],
    ["core_bad_msg_hdr", "counter", "Messages with a header that cannot be parsed"],
    ["core_drop_requests", "counter", "Requests dropped by the core"],
    ["core_err_requests", "counter", "Requests that could not be handled"],
    ["dialog_active_dialogs", "gauge", "Call legs that are answered; a call between two phones has two"],
    ["dialog_early_dialogs", "gauge", "Call legs that ring"],
    ["dialog_processed_dialogs", "counter", "Call legs begun"],
    ["dialog_failed_dialogs", "counter", "Call legs that were not answered"],
    ["dialog_expired_dialogs", "counter", "Call legs ended by the longest duration or because an end was gone"],
    ["dns_failed_dns_request", "counter", "Names that could not be resolved"],
    ["mysql_driver_errors", "counter", "Errors of the connection to the database"],
    ["pike_blocked_ips", "gauge", "Sources over the limit of requests"],
    ["registrar_accepted_regs", "counter", "Registrations accepted, refreshed ones included"],
    ["registrar_rejected_regs", "counter", "Registrations that the registrar refused"],
    ["usrloc_registered_users", "gauge", "Subscribers registered"],
    ["usrloc_location_contacts", "gauge", "Contacts registered"],
    ["usrloc_location_expires", "counter", "Contacts that expired"],
    ["shmem_total_size", "gauge", "Shared memory, bytes"],
    ["shmem_used_size", "gauge", "Shared memory in use, bytes"],
    ["shmem_real_used_size", "gauge", "Shared memory in use with its overhead, bytes"],
    ["shmem_max_used_size", "gauge", "Most shared memory ever in use, bytes"],
    ["shmem_free_size", "gauge", "Shared memory that is free, bytes"],
    ["tcp_current_opened_connections", "gauge", "Open TCP connections, TLS included"],
    ["tcp_established", "counter", "TCP connections opened"],
    ["tcp_local_reject", "counter", "TCP connections refused by a limit"],
    ["tcp_con_timeout", "counter", "TCP connections closed because they were idle"],
    ["tcp_send_timeout", "counter", "TCP sends that took too long"],
    ["tls_opened_connections", "gauge", "Open TLS connections"],
    ["tmx_active_transactions", "gauge", "Transactions under way"],
    ["tmx_UAS_transactions", "counter", "Transactions with the requests of others"],
    ["tmx_UAC_transactions", "counter", "Transactions with own requests"],
    ...["2xx", "3xx", "4xx", "5xx", "6xx"].map((group): Entry => [
      `tmx_${group}_transactions`,
      "counter",
      `Transactions answered with ${group}`,
    ]),
  ]),
  ...of(
    "kamailio",
    "kamailio_",
    {
      pid: { each: "process" },
      rank: { each: "process" },
      desc: { each: "process: its task" },
    },
    [
      ["pkgmem_used", "gauge", "Private memory in use, bytes"],
      ["pkgmem_available", "gauge", "Private memory that is free, bytes"],
    ],
  ),
];

const side: Record<string, LabelValues> = {
  name: ["pub", "priv"],
  address: { each: "media address" },
};
const relay = { type: ["userspace", "kernel"] };
/** RTPengine counts these samples as three series: their sum, the sum of their squares and their number. */
const sampled = (name: string, help: string): Entry[] => [
  [`${name}_total`, "counter", `${help}: sum`],
  [`${name}2_total`, "counter", `${help}: sum of squares`],
  [`${name}_samples_total`, "counter", `${help}: samples`],
];

/**
 * RTPengine's metrics. A call between two phones is two of its sessions. Left out is what it counts only where it changes a codec, which it never does
 * here, and shows as 0 otherwise: packets lost, twice, out of order. Its own jitter (`measure-rtp`) is left out as well: it is 16 times what the ends
 * measure of the same packets.
 */
export const rtpengineMetrics: readonly Metric[] = [
  ...of("rtpengine", "rtpengine_", {}, [
    ["uptime_seconds", "gauge", "Seconds since its start"],
    ["sessions_total", "counter", "Sessions begun"],
    ["transcoded_media", "gauge", "Streams that are transcoded"],
    ["zero_packet_streams_total", "counter", "Streams without a single packet"],
    ["one_way_sessions_total", "counter", "Sessions with media in one direction only"],
    ["call_duration_avg", "gauge", "Mean duration of the ended sessions, seconds"],
    ["call_duration_total", "counter", "Duration of the ended sessions, seconds"],
    ...sampled("mos", "Mean opinion score (1 to 5), one for each report by RTCP"),
    ...sampled("jitter", "Jitter as the ends report it, milliseconds"),
    ...sampled("packetloss", "Packet loss as the ends report it, percent"),
    ...sampled("rtt_e2e", "Round trip between the ends, microseconds"),
    ...sampled("rtt_dsct", "Round trip between one end and here, microseconds"),
  ]),
  ...of("rtpengine", "rtpengine_", { type: ["own", "foreign"] }, [["sessions", "gauge", "Sessions now"]]),
  ...of("rtpengine", "rtpengine_", { type: ["userspace", "kernel", "mixed"] }, [
    ["mediastreams", "gauge", "Media streams now"],
  ]),
  ...of("rtpengine", "rtpengine_", relay, [
    ["packets_total", "counter", "Packets relayed"],
    ["bytes_total", "counter", "Bytes relayed"],
    ["packet_errors_total", "counter", "Packets that could not be relayed"],
  ]),
  ...of(
    "rtpengine",
    "rtpengine_",
    {
      reason: [
        "final_timeout",
        "force_terminated",
        "offer_timeout",
        "rejected",
        "silent_timeout",
        "terminated",
        "timeout",
      ],
    },
    [["closed_sessions_total", "counter", "Sessions ended, by reason; `terminated` is the good one"]],
  ),
  ...of("rtpengine", "rtpengine_", side, [
    ["ports", "gauge", "Media ports of the range"],
    ["ports_used", "gauge", "Media ports in use"],
    ["ports_free", "gauge", "Media ports that are free"],
  ]),
  ...of("rtpengine", "rtpengine_", { ...side, direction: ["ingress", "egress"] }, [
    ["interface_packets", "gauge", "Packets by side; counts up although the program calls it a gauge"],
    ["interface_bytes", "gauge", "Bytes by side; counts up although the program calls it a gauge"],
    ["interface_errors", "gauge", "Errors by side; counts up although the program calls it a gauge"],
  ]),
  ...of("rtpengine", "rtpengine_", { proxy: { each: "edge" }, request: { each: "kind of request" } }, [
    ["requests_total", "counter", "Requests of the edge"],
    ["request_seconds_total", "counter", "Time that the edge's requests took, seconds"],
  ]).map((metric) => ({ ...metric, late: true })),
  ...of("rtpengine", "rtpengine_", { proxy: { each: "edge" } }, [
    ["errors_total", "counter", "Requests of the edge that failed"],
  ]).map((metric) => ({ ...metric, late: true })),
];

const eid = { eid: { each: "node, by its entity id" } };

/** Metrics of each Asterisk node (`res_prometheus`). */
export const asteriskMetrics: readonly Metric[] = [
  ...of("asterisk", "asterisk_", eid, [
    ["calls_sum", "counter", "Calls handled"],
    ["calls_count", "gauge", "Calls now"],
    ["channels_count", "gauge", "Channels now; a call has one or two"],
    ["bridges_count", "gauge", "Bridges now"],
    ["endpoints_count", "gauge", "PJSIP endpoints"],
    ["core_uptime_seconds", "counter", "Seconds since its start"],
    ["core_last_reload_seconds", "counter", "Seconds since its last reload"],
    [
      "core_scrape_time_ms",
      "counter",
      "Milliseconds that the last scrape took; no counter although the program says so",
    ],
  ]),
  ...of(
    "asterisk",
    "asterisk_",
    {
      ...eid,
      version: { each: "version" },
      build_options: { each: "build" },
      build_date: { each: "build" },
      build_host: { each: "build" },
      build_kernel: { each: "build" },
      build_os: { each: "build" },
    },
    [["core_properties", "counter", "1, with the version in its labels"]],
  ),
  ...of(
    "asterisk",
    "asterisk_",
    { ...eid, id: { each: "endpoint" }, tech: ["PJSIP"], resource: { each: "endpoint" } },
    [
      ["endpoints_state", "gauge", "State of an endpoint: 0 unknown, 1 offline, 2 online"],
      ["endpoints_channels_count", "gauge", "Channels of an endpoint"],
    ],
  ),
];
