import { badAbove, course, dashboard, figure } from "./panels.ts";
import { quality } from "./quality.ts";

const own = 'instance=~"$instance"';
const rate = (metric: string, more = "") => `rate(${metric}{${own}${more}}[$__rate_interval])`;
const sum = (metric: string, more = "") => `sum by (instance) (${rate(metric, more)})`;
/** Mean of the samples taken; none when there were none. */
const mean = (metric: string) =>
  `${sum(`rtpengine_${metric}_total`)} / (${sum(`rtpengine_${metric}_samples_total`)} > 0)`;

/** The media relay: how much it carries, how it sounds, what it has left. */
export const rtpengine = dashboard({
  uid: "sbc-rtpengine",
  title: "RTPengine",
  description: "The media relays: sessions, quality, ports. A call between two phones is two sessions.",
  instancesOf: "rtpengine",
  sections: [
    {
      heading: "State",
      panels: [
        figure({
          title: "Sessions now",
          description: "A call between two phones is two.",
          unit: "short",
          decimals: 0,
          queries: { "": `sum(rtpengine_sessions{${own},type="own"})` },
        }),
        figure({
          title: "Ports in use",
          description: "Of the fullest relay. A session takes 4.",
          unit: "percentunit",
          decimals: 0,
          queries: { "": `max(sbc:media_ports_used:ratio{${own}})` },
          thresholds: badAbove(0.6, 0.8),
        }),
        quality.mos(),
        figure({
          title: "Packet loss",
          description: "Mean of what the ends reported in the last 5 minutes.",
          unit: "percent",
          decimals: 1,
          queries: { "": "sbc:packet_loss_percent:mean5m" },
          thresholds: badAbove(1, 5),
          noValue: "no calls",
        }),
        figure({
          title: "Jitter",
          description: "Mean of what the ends reported in the last 5 minutes.",
          unit: "ms",
          decimals: 0,
          queries: { "": "sbc:jitter_ms:mean5m" },
          thresholds: badAbove(30, 50),
          noValue: "no calls",
        }),
        figure({
          title: "Up for",
          description: "The one that was started last. A new start ends the media of all its calls.",
          unit: "dtdurations",
          decimals: 0,
          queries: { "": `min(rtpengine_uptime_seconds{${own}})` },
        }),
      ],
    },
    {
      heading: "Load",
      panels: [
        course({
          title: "Sessions",
          description: "Of each relay.",
          unit: "short",
          min: 0,
          queries: { "{{instance}}": `sbc:media_sessions:sum{${own}}` },
        }),
        course({
          title: "Media streams",
          description: "All of them by userspace: the kernel module is not used.",
          unit: "short",
          min: 0,
          stacked: true,
          queries: { "{{type}}": `sum by (type) (rtpengine_mediastreams{${own}})` },
        }),
        course({
          title: "Transcoded streams",
          description: "They cost processor time.",
          unit: "short",
          min: 0,
          queries: { "{{instance}}": `sum by (instance) (rtpengine_transcoded_media{${own}})` },
        }),
        course({
          title: "Packets relayed",
          description: "A call with 20 ms packets has 100 a second and direction of each session.",
          unit: "pps",
          min: 0,
          queries: { "{{instance}}": sum("rtpengine_packets_total") },
        }),
        course({
          title: "Bytes relayed",
          description: "Payload and RTP headers.",
          unit: "Bps",
          min: 0,
          queries: { "{{instance}}": sum("rtpengine_bytes_total") },
        }),
        course({
          title: "Media ports in use",
          description: "Of each side's range.",
          unit: "short",
          min: 0,
          queries: { "{{instance}} {{name}}": `sum by (instance, name) (rtpengine_ports_used{${own}})` },
        }),
      ],
    },
    {
      heading: "Quality",
      panels: [
        course({
          title: "Mean opinion score",
          description: "Reckoned from each report by RTCP: its loss, its jitter, and the round trip.",
          unit: "none",
          decimals: 1,
          min: 1,
          max: 5,
          queries: { "{{instance}}": mean("mos") },
        }),
        course({
          title: "Loss",
          description: "As the ends report it by RTCP.",
          unit: "percent",
          min: 0,
          queries: { "{{instance}}": mean("packetloss") },
        }),
        course({
          title: "Jitter over time",
          description: "As the ends report it by RTCP.",
          unit: "ms",
          min: 0,
          queries: { "{{instance}}": mean("jitter") },
        }),
        course({
          title: "Round trip",
          description: "Between the ends of calls, and between an end and the relay.",
          unit: "µs",
          min: 0,
          queries: { "ends {{instance}}": mean("rtt_e2e"), "relay {{instance}}": mean("rtt_dsct") },
        }),
        course({
          title: "Packets not relayed",
          description: "That came in, and could not go out. What is lost on the way to here only the ends report.",
          unit: "pps",
          min: 0,
          queries: { "{{instance}}": sum("rtpengine_packet_errors_total") },
        }),
        course({
          title: "Sessions without proper sound",
          description: "One direction only, or streams without a packet.",
          unit: "cpm",
          min: 0,
          queries: {
            "one way": `sum(${rate("rtpengine_one_way_sessions_total")}) * 60`,
            "without a packet": `sum(${rate("rtpengine_zero_packet_streams_total")}) * 60`,
          },
        }),
      ],
    },
    {
      heading: "Control",
      panels: [
        course({
          title: "Sessions ended",
          description: "`terminated` is the good one.",
          unit: "cpm",
          min: 0,
          stacked: true,
          queries: { "{{reason}}": `sum by (reason) (${rate("rtpengine_closed_sessions_total")}) * 60` },
        }),
        course({
          title: "Requests of the edge",
          description: "offer, answer, delete and the pings of the edge.",
          unit: "reqps",
          min: 0,
          queries: { "{{request}}": `sum by (request) (${rate("rtpengine_requests_total")})` },
        }),
        course({
          title: "Time of a request",
          description: "Mean time that the relay takes for a request of the edge.",
          unit: "s",
          min: 0,
          queries: {
            "{{request}}": `sum by (request) (${rate("rtpengine_request_seconds_total")}) / (sum by (request) (${rate("rtpengine_requests_total")}) > 0)`,
          },
        }),
      ],
    },
  ],
});
