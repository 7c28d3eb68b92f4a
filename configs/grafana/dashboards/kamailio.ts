import { perMinute, perSecond, perSecondBy } from "./expressions.ts";
import { badAbove, badBelow, course, dashboard, figure, history, upOrDown } from "./panels.ts";

const requests = [
  "invite",
  "register",
  "options",
  "ack",
  "bye",
  "cancel",
  "message",
  "notify",
  "refer",
  "info",
  "prack",
];
const classes = ["2xx", "3xx", "4xx", "5xx", "6xx"];

/** The session border controller itself: what it gets, what it answers, what it is made of. */
export const kamailio = dashboard({
  uid: "sbc-kamailio",
  title: "Kamailio",
  description: "The session border controller: requests, transactions, registrations, memory, what it writes.",
  sections: [
    {
      heading: "State",
      panels: [
        figure({
          title: "Scraped",
          description: "Whether Prometheus gets its figures.",
          unit: "none",
          queries: { "": 'min(up{job="kamailio"})' },
          states: upOrDown,
        }),
        figure({
          title: "Up for",
          description: "Since its start. Only changes of the script or of sockets start it anew.",
          unit: "dtdurations",
          decimals: 0,
          queries: { "": "min(kamailio_uptime)" },
        }),
        figure({
          title: "Shared memory",
          description: "In use, of all that there is. Without any left, no request is answered.",
          unit: "percentunit",
          decimals: 0,
          queries: { "": "sbc:shared_memory_used:ratio" },
          thresholds: badAbove(0.75, 0.9),
        }),
        figure({
          title: "Private memory left",
          description: "Of the fullest process.",
          unit: "percentunit",
          decimals: 0,
          queries: { "": "sbc:private_memory_free:ratio" },
          thresholds: badBelow(0.1, 0.25),
        }),
        figure({
          title: "Answered with 5xx or 6xx",
          description: "Of the transactions of the last 5 minutes.",
          unit: "percentunit",
          decimals: 1,
          queries: { "": "sbc:transactions_failed:ratio5m" },
          thresholds: badAbove(0.01, 0.05),
          noValue: "no requests",
        }),
        figure({
          title: "Connections",
          description: "Open TCP connections, TLS included: phones by TLS and WebSocket, and scrapes.",
          unit: "short",
          decimals: 0,
          queries: { "": "sum(kamailio_tcp_current_opened_connections)" },
        }),
      ],
    },
    {
      heading: "Requests",
      panels: [
        course({
          title: "Requests received",
          description: "By method, also those that are refused.",
          unit: "reqps",
          min: 0,
          queries: Object.fromEntries(
            requests.map((method) => [method.toUpperCase(), perSecond(`kamailio_core_rcv_requests_${method}`)]),
          ),
        }),
        course({
          title: "Transactions by answer",
          description: "Challenges are 4xx: a phone that registers has one of 401 and one of 200.",
          unit: "reqps",
          min: 0,
          stacked: true,
          queries: Object.fromEntries(classes.map((group) => [group, perSecond(`kamailio_tmx_${group}_transactions`)])),
        }),
        course({
          title: "Final replies to INVITE received",
          description: "From nodes, trunks and phones.",
          unit: "reqps",
          min: 0,
          stacked: true,
          queries: Object.fromEntries(
            classes.map((group) => [group, perSecond(`kamailio_core_rcv_replies_${group}_invite`)]),
          ),
        }),
        course({
          title: "Refused or dropped",
          description: "Requests by the edge's reason.",
          unit: "reqps",
          min: 0,
          queries: { "{{reason}}": perSecondBy("reason", "kamailio_rejected") },
        }),
        course({
          title: "Transactions under way",
          description: "They pile up when something does not answer.",
          unit: "short",
          min: 0,
          queries: { transactions: "sum(kamailio_tmx_active_transactions)" },
        }),
        course({
          title: "Messages that could not be handled",
          description: "Malformed ones are everyday life on the Internet; errors and drops of the core are not.",
          unit: "cpm",
          min: 0,
          queries: {
            "bad URI": perMinute("kamailio_core_bad_URIs_rcvd"),
            "bad header": perMinute("kamailio_core_bad_msg_hdr"),
            dropped: perMinute("kamailio_core_drop_requests"),
            errors: perMinute("kamailio_core_err_requests"),
          },
        }),
      ],
    },
    {
      heading: "Dialogs and registrations",
      panels: [
        course({
          title: "Call legs",
          description: "A call between two phones has two.",
          unit: "short",
          min: 0,
          stacked: true,
          queries: {
            answered: "sum(kamailio_dialog_active_dialogs)",
            ringing: "sum(kamailio_dialog_early_dialogs)",
          },
        }),
        course({
          title: "Call legs begun and lost",
          description: "Expired ones reached the longest duration, or an end of theirs was gone.",
          unit: "cpm",
          min: 0,
          queries: {
            begun: perMinute("kamailio_dialog_processed_dialogs"),
            "not answered": perMinute("kamailio_dialog_failed_dialogs"),
            expired: perMinute("kamailio_dialog_expired_dialogs"),
          },
        }),
        course({
          title: "Contacts",
          description: "Registered now, and the subscribers that they belong to.",
          unit: "short",
          min: 0,
          queries: {
            contacts: "sum(kamailio_usrloc_location_contacts)",
            subscribers: "sum(kamailio_usrloc_registered_users)",
          },
        }),
        course({
          title: "Registrations",
          description: "Accepted ones, refreshed ones included; refused ones had the right password.",
          unit: "cpm",
          min: 0,
          queries: {
            accepted: perMinute("kamailio_registrar_accepted_regs"),
            refused: perMinute("kamailio_registrar_rejected_regs"),
            expired: perMinute("kamailio_usrloc_location_expires"),
          },
        }),
        history({
          title: "Asterisk nodes",
          description: "As the dispatcher sees them; a drained node is down here as well.",
          unit: "none",
          width: 8,
          queries: { "{{node}}": "kamailio_dispatcher_up" },
          states: upOrDown,
        }),
        history({
          title: "Media relays",
          description: "Whether each RTPengine answers and is not drained.",
          unit: "none",
          width: 8,
          queries: { "{{instance}}": "kamailio_rtpengine_up" },
          states: upOrDown,
        }),
      ],
    },
    {
      heading: "Memory and connections",
      panels: [
        course({
          title: "Shared memory in use",
          description: "With its overhead, and the most that ever was.",
          unit: "bytes",
          min: 0,
          queries: {
            "in use": "sum(kamailio_shmem_real_used_size)",
            "most ever": "sum(kamailio_shmem_max_used_size)",
            "all there is": "sum(kamailio_shmem_total_size)",
          },
        }),
        course({
          title: "Private memory in use",
          description: "The fullest process of each kind.",
          unit: "bytes",
          min: 0,
          queries: { "{{desc}}": "topk(5, max by (desc) (kamailio_pkgmem_used))" },
        }),
        course({
          title: "TCP and TLS connections",
          description: "Open now. Each phone by TLS or WebSocket has one.",
          unit: "short",
          min: 0,
          queries: {
            TCP: "sum(kamailio_tcp_current_opened_connections)",
            TLS: "sum(kamailio_tls_opened_connections)",
          },
        }),
        course({
          title: "Connections opened and refused",
          description: "Refused by a limit, closed because they were idle, or too slow to send to.",
          unit: "cpm",
          min: 0,
          queries: {
            opened: perMinute("kamailio_tcp_established"),
            refused: perMinute("kamailio_tcp_local_reject"),
            idle: perMinute("kamailio_tcp_con_timeout"),
            "too slow": perMinute("kamailio_tcp_send_timeout"),
          },
        }),
        course({
          title: "Errors of what it stands on",
          description: "The connection to the database, and names that could not be resolved.",
          unit: "cpm",
          min: 0,
          queries: {
            database: perMinute("kamailio_mysql_driver_errors"),
            DNS: perMinute("kamailio_dns_failed_dns_request"),
          },
        }),
        course({
          title: "Time of a scrape",
          description: "Kamailio answers scrapes with the processes that handle TCP.",
          unit: "s",
          min: 0,
          queries: { scrape: 'max(scrape_duration_seconds{job="kamailio"})' },
        }),
      ],
    },
    {
      heading: "Records and events",
      panels: [
        course({
          title: "Call records",
          description: "Failed ones were refused by the database, dropped ones found the queue full.",
          unit: "cpm",
          min: 0,
          queries: { "{{result}}": `${perSecondBy("result", "kamailio_cdr_rows")} * 60` },
        }),
        course({
          title: "Waiting",
          description:
            "Call records for the database, events for the HTTP API. They are lost when Kamailio ends before they have gone.",
          unit: "short",
          min: 0,
          queries: { "call records": "sum(kamailio_cdr_queue)", events: "sum(kamailio_events_queued)" },
        }),
        course({
          title: "Events for the HTTP API",
          description: "What became of them after they left the queue.",
          unit: "cpm",
          min: 0,
          queries: { "{{result}}": `${perSecondBy("result", "kamailio_event_deliveries")} * 60` },
        }),
      ],
    },
  ],
});
