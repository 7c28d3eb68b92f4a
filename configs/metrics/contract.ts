import { asteriskMetrics, kamailioStatistics, rtpengineMetrics } from "./programs.ts";
import { recordedMetrics } from "./recorded.ts";
import {
  alertmanagerMetrics,
  heplifyMetrics,
  mysqldMetrics,
  nginxMetrics,
  nodeMetrics,
  nodePressureMetrics,
  probeMetrics,
  prometheusMetrics,
  scrapeMetrics,
} from "./tools.ts";

/** One metric. */
export interface Metric {
  /** Name as Prometheus sees it. */
  readonly name: string;
  /** What it counts as; Kamailio's own statistics do not say it themselves. */
  readonly type: "counter" | "gauge";
  /** Program that exports it; `scrape` is made by Prometheus itself, `recorded` by its rules. */
  readonly source:
    | "edge"
    | "kamailio"
    | "rtpengine"
    | "asterisk"
    | "node"
    | "blackbox"
    | "mysqld"
    | "nginx"
    | "heplify"
    | "alertmanager"
    | "prometheus"
    | "scrape"
    | "recorded";
  /** Label → the values that it may have. */
  readonly labels: Readonly<Record<string, LabelValues>>;
  /** What it says, in a sentence. */
  readonly help: string;
  /** Not exported until there is something that it tells about: a trunk, a call. */
  readonly late?: boolean;
}

/** All values that there may be, or one for each of what. The latter are bounded by the configuration, never by what strangers send. */
export type LabelValues = readonly string[] | { readonly each: string };

/** One label value for each Asterisk node. */
export const eachNode: LabelValues = { each: "Asterisk node, by its SIP URI" };

/** One label value for each trunk. */
export const eachTrunk: LabelValues = { each: "trunk, by its name" };

/** A metric of the edge's own script: {@link edgeMetrics}. */
export interface EdgeMetric extends Pick<Metric, "name" | "type" | "labels" | "help" | "late"> {
  /** As the script names it: exported with {@link edgePrefix} before it. */
  readonly name: string;
}

/** Goes before the name of every metric of Kamailio. */
export const edgePrefix = "kamailio_";

/**
 * The metrics of the edge's script. Declared to Kamailio and set to 0 at its start from here (`metrics.cfg`), and held against the script by a
 * test, so that nothing can be counted that is not listed, nor the other way round. At most three labels.
 *
 * Every combination of labels with listed values exists from the start. One with an {@link LabelValues} of `each` is made by the script, in
 * `route[METRICS]`; a series that nobody has touched for 10 minutes is no longer exported.
 */
export const edgeMetrics: readonly EdgeMetric[] = [
  {
    name: "rejected",
    type: "counter",
    labels: {
      reason: [
        "all_call_rate",
        "all_calls",
        "answer",
        "auth",
        "banned",
        "blocked",
        "call_rate",
        "calls",
        "certificate",
        "core_socket",
        "daily_calls",
        "daily_minutes",
        "destination",
        "domain",
        "flood",
        "identity",
        "malformed",
        "no_account",
        "no_dialog",
        "no_media",
        "no_node",
        "not_allowed",
        "origin",
        "premium",
        "route",
        "signature",
        "size",
        "srtp",
        "target",
        "transit",
        "trunk_number",
        "trunk_source",
        "user_agent",
        "websocket",
      ],
    },
    help: "Requests that the edge refused or dropped, by reason",
  },
  {
    name: "signatures",
    type: "counter",
    labels: { result: ["good", "malformed", "mismatch", "missing", "replay", "time", "unknown_key"] },
    help: "X-Company-Signature headers that were looked at, by what became of them",
  },
  {
    name: "bans",
    type: "counter",
    labels: { reason: ["credentials", "flood", "user"] },
    help: "Bans of sources, and (user) of one user behind the address of an office",
  },
  {
    name: "bans_active",
    type: "gauge",
    labels: {},
    help: "Sources, and users behind the address of an office, that are ignored now",
  },
  {
    name: "contacts_replaced",
    type: "counter",
    labels: { reason: ["limit", "moved"] },
    help: "Contacts that a registration took away: of the same phone at an older address, or the oldest beyond the limit",
  },
  {
    name: "calls",
    type: "counter",
    labels: {
      result: [
        "answered",
        "busy",
        "cancelled",
        "declined",
        "failed",
        "no_answer",
        "not_found",
        "refused",
        "unavailable",
      ],
    },
    help: "Calls by what became of them, each counted once, when it is answered or over",
  },
  {
    name: "parallel_calls",
    type: "counter",
    labels: {},
    help: "Calls that rang at several phones of a subscriber",
  },
  {
    name: "transfers",
    type: "counter",
    labels: { kind: ["attended", "blind", "joined", "refused"] },
    help: "Transfers that phones asked for, by kind (joined: its two calls were on two nodes)",
  },
  {
    name: "cdr_rows",
    type: "counter",
    labels: { result: ["dropped", "failed", "written"] },
    help: "Call records: written, refused by the database (failed), or dropped from a full queue",
  },
  {
    name: "cdr_queue",
    type: "gauge",
    labels: {},
    help: "Call records that wait for the database",
  },
  {
    name: "registration_rows",
    type: "counter",
    labels: { result: ["failed", "written"] },
    help: "Contacts written to the database, or refused by it (failed)",
  },
  {
    name: "dialog_rows",
    type: "counter",
    labels: { result: ["dropped", "failed", "written"] },
    help: "Changes of calls for the database: written, refused by it (failed), or dropped from a full queue",
  },
  {
    name: "dialog_queue",
    type: "gauge",
    labels: {},
    help: "Changes of calls that wait for the database",
  },
  {
    name: "dispatcher_transitions",
    type: "counter",
    labels: { node: eachNode, state: ["down", "up"] },
    help: "Changes of state of the Asterisk nodes",
  },
  {
    name: "dispatcher_up",
    type: "gauge",
    labels: { node: eachNode },
    help: "1 while the node gets calls, 0 while it is down or drained",
  },
  {
    name: "dispatcher_drained",
    type: "gauge",
    labels: { node: eachNode },
    help: "1 while the node is drained: no new calls because the operator said so",
  },
  {
    name: "trunk_up",
    type: "gauge",
    labels: { trunk: eachTrunk },
    help: "1 while a host of the trunk gets calls",
    late: true,
  },
  {
    name: "trunk_calls_active",
    type: "gauge",
    labels: { trunk: eachTrunk },
    help: "Calls that the trunk has now",
    late: true,
  },
  {
    name: "trunk_calls",
    type: "counter",
    labels: { trunk: eachTrunk, direction: ["in", "out"], result: ["answered", "failed", "refused"] },
    help: "Calls by trunk: answered, failed at the trunk, or refused by the edge",
    late: true,
  },
  {
    name: "media_legs",
    type: "counter",
    labels: { kind: ["dtls", "osrtp", "rtp", "savp"] },
    help: "Call legs whose media was agreed, by kind: dtls, savp and osrtp are SRTP",
  },
  {
    name: "rtpengine_up",
    type: "gauge",
    labels: { relay: { each: "RTPengine, by its control socket" } },
    help: "1 while the RTPengine answers the edge and is not drained",
  },
  {
    name: "events",
    type: "counter",
    labels: {
      kind: ["register", "unregister", "expire", "call_start", "call_answer", "call_end", "call_failed"],
      result: ["queued", "overflow"],
    },
    help: "Events for the HTTP API, overflow were dropped because too many waited",
  },
  {
    name: "event_deliveries",
    type: "counter",
    labels: { result: ["sent", "expired", "refused"] },
    help: "Events that left the queue, expired and refused ones were dropped",
  },
  {
    name: "event_requests",
    type: "counter",
    labels: { result: ["ok", "error"] },
    help: "Requests to the HTTP API, each with up to 50 events",
  },
  { name: "events_queued", type: "gauge", labels: {}, help: "Events that wait for the HTTP API" },
];

/** Everything that the stack exports, by program: rules, dashboards and documentation build on it. */
export const metrics: readonly Metric[] = [
  ...edgeMetrics.map((metric): Metric => ({ ...metric, name: edgePrefix + metric.name, source: "edge" })),
  ...kamailioStatistics,
  ...rtpengineMetrics,
  ...asteriskMetrics,
  ...nodeMetrics,
  ...nodePressureMetrics,
  ...probeMetrics,
  ...mysqldMetrics,
  ...nginxMetrics,
  ...heplifyMetrics,
  ...alertmanagerMetrics,
  ...prometheusMetrics,
  ...scrapeMetrics,
  ...recordedMetrics,
];

/** Every combination of the labels' listed values, in the order of the labels; none when a label has one value for each of something. */
export function listedSeries(labels: Metric["labels"]): string[][] {
  return Object.values(labels).reduce<string[][]>(
    (series, values) => ("each" in values ? [] : series.flatMap((one) => values.map((value) => [...one, value]))),
    [[]],
  );
}
