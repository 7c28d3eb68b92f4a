import { badAbove, badBelow, course, dashboard, figure, history, upOrDown } from "./panels.ts";

const own = 'instance=~"$instance"';
const byInstance = (metric: string) => `sum by (instance) (${metric}{${own}})`;

/** The nodes behind the edge. */
export const asterisk = dashboard({
  uid: "sbc-asterisk",
  title: "Asterisk",
  description: "The nodes behind the edge: calls, channels, endpoints.",
  instancesOf: "asterisk",
  sections: [
    {
      heading: "State",
      panels: [
        figure({
          title: "Nodes scraped",
          description: "Nodes whose figures Prometheus gets.",
          unit: "short",
          decimals: 0,
          width: 6,
          queries: { "": `sum(up{job="asterisk",${own}})` },
          thresholds: badBelow(1),
        }),
        figure({
          title: "Nodes with calls",
          description: "Nodes to which the edge sends calls.",
          unit: "short",
          decimals: 0,
          width: 6,
          queries: { "": "sum(kamailio_dispatcher_up)" },
          thresholds: badBelow(1),
        }),
        figure({
          title: "Calls now",
          description: "Those that ring included.",
          unit: "short",
          decimals: 0,
          width: 6,
          queries: { "": `sum(asterisk_calls_count{${own}})` },
        }),
        figure({
          title: "Started anew",
          description: "Restarts of nodes within the time that is shown.",
          unit: "short",
          decimals: 0,
          width: 6,
          queries: { "": `sum(resets(asterisk_core_uptime_seconds{${own}}[$__range]))` },
          thresholds: badAbove(1, 3),
        }),
      ],
    },
    {
      heading: "Calls",
      panels: [
        course({
          title: "Calls by node",
          description: "The edge spreads new calls evenly; a drained node runs empty.",
          unit: "short",
          min: 0,
          stacked: true,
          queries: { "{{instance}}": byInstance("asterisk_calls_count") },
        }),
        course({
          title: "Channels",
          description: "A call has one or two.",
          unit: "short",
          min: 0,
          queries: { "{{instance}}": byInstance("asterisk_channels_count") },
        }),
        course({
          title: "Calls handled",
          description: "New calls of each node.",
          unit: "cpm",
          min: 0,
          queries: { "{{instance}}": `sum by (instance) (rate(asterisk_calls_sum{${own}}[$__rate_interval])) * 60` },
        }),
        course({
          title: "Bridges",
          description: "Calls that are connected, and conference rooms.",
          unit: "short",
          min: 0,
          queries: { "{{instance}}": byInstance("asterisk_bridges_count") },
        }),
        history({
          title: "Endpoints",
          description: "What each node calls through, as it sees it.",
          unit: "none",
          width: 16,
          queries: { "{{instance}} {{resource}}": `asterisk_endpoints_state{${own}}` },
          states: { 0: ["unknown", "yellow"], 1: ["offline", "red"], 2: ["online", "green"] },
        }),
      ],
    },
    {
      heading: "Node",
      panels: [
        history({
          title: "Gets calls",
          description: "As the edge's dispatcher sees the node; a drained one is down here as well.",
          unit: "none",
          width: 8,
          queries: { "{{node}}": "kamailio_dispatcher_up" },
          states: upOrDown,
        }),
        history({
          title: "Drained",
          description: "No new calls because the operator said so.",
          unit: "none",
          width: 8,
          queries: { "{{node}}": "kamailio_dispatcher_drained" },
          states: { 0: ["no", "green"], 1: ["drained", "blue"] },
        }),
        course({
          title: "Time of a scrape",
          description: "As Prometheus sees it.",
          unit: "s",
          min: 0,
          queries: { "{{instance}}": `max by (instance) (scrape_duration_seconds{job="asterisk",${own}})` },
        }),
      ],
    },
  ],
});
