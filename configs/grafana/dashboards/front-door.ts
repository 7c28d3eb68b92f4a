import { perSecond } from "./expressions.ts";
import { badAbove, badBelow, course, dashboard, figure, history, list, upOrDown } from "./panels.ts";

/** nginx before the tools. */
export const frontDoor = dashboard({
  uid: "sbc-front-door",
  title: "Front door",
  description: "nginx before the tools: requests, connections, certificates. Who asked for what is in its log.",
  sections: [
    {
      heading: "State",
      panels: [
        figure({
          title: "nginx",
          description: "Whether it answers its exporter.",
          unit: "none",
          queries: { "": "min(nginx_up)" },
          states: upOrDown,
        }),
        figure({
          title: "Connections now",
          description: "A browser keeps some open for each tool.",
          unit: "short",
          decimals: 0,
          queries: { "": "sum(nginx_connections_active)" },
        }),
        figure({
          title: "Requests",
          description: "Those without a password included.",
          unit: "reqps",
          decimals: 1,
          queries: { "": perSecond("nginx_http_requests_total") },
        }),
        figure({
          title: "Connections turned away",
          description: "Accepted and not handled, within the time that is shown: nginx was at its limit.",
          unit: "short",
          decimals: 0,
          queries: {
            "": "sum(increase(nginx_connections_accepted[$__range])) - sum(increase(nginx_connections_handled[$__range]))",
          },
          thresholds: badAbove(1, 10),
        }),
        figure({
          title: "Certificate ends in",
          description: "The first of those that are looked at.",
          unit: "dtdurations",
          decimals: 0,
          queries: { "": "min(probe_ssl_earliest_cert_expiry) - time()" },
          thresholds: badBelow(3 * 86400, 21 * 86400),
        }),
        figure({
          title: "Slowest probe",
          description: "Time for a TCP connection and its TLS handshake.",
          unit: "s",
          decimals: 3,
          queries: { "": 'max(probe_duration_seconds{job="tls"})' },
          thresholds: badAbove(0.5, 2),
        }),
      ],
    },
    {
      heading: "Traffic",
      panels: [
        course({
          title: "Requests answered",
          description: "By all listeners together.",
          unit: "reqps",
          min: 0,
          queries: { requests: perSecond("nginx_http_requests_total") },
        }),
        course({
          title: "Connections",
          description: "By what they do.",
          unit: "short",
          min: 0,
          stacked: true,
          queries: {
            reading: "sum(nginx_connections_reading)",
            answering: "sum(nginx_connections_writing)",
            "kept open": "sum(nginx_connections_waiting)",
          },
        }),
        course({
          title: "New connections",
          description: "Each is a TLS handshake.",
          unit: "cps",
          min: 0,
          queries: {
            accepted: perSecond("nginx_connections_accepted"),
            handled: perSecond("nginx_connections_handled"),
          },
        }),
      ],
    },
    {
      heading: "Probes",
      panels: [
        history({
          title: "TLS",
          description: "Whether a client would have got in.",
          unit: "none",
          queries: { "{{instance}}": 'probe_success{job="tls"}' },
          states: upOrDown,
        }),
        list({
          title: "Certificates",
          description: "By probe, the first of its chain.",
          unit: "dtdurations",
          queries: { "": "probe_ssl_earliest_cert_expiry - time()" },
          thresholds: ["red", [3 * 86400, "yellow"], [21 * 86400, "green"]],
          columns: { instance: "Where", Value: "Ends in" },
        }),
      ],
    },
  ],
});
