import { problemIf, type Rule } from "./config-rule.ts";

/** The rules of the WebSocket for browsers. */
export const websocketRules: readonly Rule[] = [
  {
    reads: ["edge", "certificates"],
    check: ({ edge: { ports, websocketOrigins }, certificates: { mode, acme } }) => {
      const { wss } = ports;
      const others = (["tcp", "tls", "mutualTls", "trunkTcp"] as const).map(
        (name) => [`edge.ports.${name}`, ports[name]] as const,
      );
      const http = mode === "acme" && acme.challenge === "http-01" ? acme.httpPort : 0;
      const [rival] = [...others, ["certificates.acme.httpPort", http] as const].find(([, port]) => port === wss) ?? [];
      return [
        ...problemIf(wss !== 0 && rival !== undefined, {
          path: ["edge", "ports", "wss"],
          value: wss,
          problem: `is also sbc:${rival}; the WebSocket needs a TCP port of its own`,
          example: "8443",
        }),
        ...problemIf(wss !== 0 && websocketOrigins.length === 0, {
          path: ["edge", "websocketOrigins", 0],
          problem: "is required with sbc:edge.ports.wss: without a page that may, no browser gets in",
          example: "https://phone.example.com",
        }),
        ...problemIf(wss === 0 && websocketOrigins.length > 0, {
          path: ["edge", "ports", "wss"],
          value: 0,
          problem: "leaves the pages of sbc:edge.websocketOrigins without a socket; it must be a port, usually 8443",
          example: "8443",
        }),
      ];
    },
  },
  {
    reads: ["edge", "environment"],
    check: ({ edge: { websocketOrigins }, prod }) =>
      websocketOrigins.flatMap((origin, index) =>
        problemIf(prod && !origin.startsWith("https:"), {
          path: ["edge", "websocketOrigins", index],
          value: origin,
          problem: "is a page that anybody on the way can change; it must begin with https in prod",
          example: origin.replace(/^http:/, "https:"),
        }),
      ),
  },
];
