import { mutualTlsPort, wssPort } from "../configs/kamailio/index.ts";
import { problemIf, type Rule } from "./config-rule.ts";
import { formatAddress6, isGlobal6, parseCidr6 } from "./ipv6.ts";

const noDoor = "leaves IPv6 without any door; name a transport, or take sbc:edge.ipv6.subnet away";

const usual = { mutualTls: mutualTlsPort, wss: wssPort };

/** The rules of `sbc:edge.ipv6`. */
export const ipv6Rules: readonly Rule[] = [
  {
    reads: ["edge", "rtp"],
    check: ({ edge: { ipv6 }, rtp: { mode } }) => [
      ...problemIf(ipv6.mediaAddress !== undefined && ipv6.subnet === undefined, {
        path: ["edge", "ipv6", "subnet"],
        problem: "is required with sbc:edge.ipv6.mediaAddress: media alone is no way in",
      }),
      ...problemIf(ipv6.mediaAddress !== undefined && mode === "bridge", {
        path: ["edge", "ipv6", "mediaAddress"],
        value: ipv6.mediaAddress,
        problem:
          "is for sbc:rtp.mode host; on a bridge network each RTPengine has an address of sbc:edge.ipv6.subnet. Take it out",
        command: "pulumi config rm --path 'sbc:edge.ipv6.mediaAddress'",
      }),
      ...problemIf(ipv6.subnet !== undefined && mode === "host" && ipv6.mediaAddress === undefined, {
        path: ["edge", "ipv6", "mediaAddress"],
        problem: "is required with sbc:edge.ipv6.subnet and sbc:rtp.mode host: it must be an IPv6 address of this host",
      }),
    ],
  },
  {
    reads: ["edge"],
    check: ({ edge: { ipv6, ports } }) => [
      ...problemIf(ipv6.subnet !== undefined && ipv6.transports.length === 0, {
        path: ["edge", "ipv6", "transports"],
        value: ipv6.transports,
        problem: noDoor,
        example: "'[\"tls\"]'",
      }),
      ...(["mutualTls", "wss"] as const).flatMap((name) =>
        problemIf(ipv6.transports.includes(name) && ports[name] === 0, {
          path: ["edge", "ports", name],
          value: 0,
          problem: `leaves ${name} of sbc:edge.ipv6.transports without a socket; it must be a port, usually ${usual[name]}`,
          example: String(usual[name]),
        }),
      ),
    ],
  },
  {
    reads: ["edge", "environment"],
    check: ({ edge: { ipv6 }, prod }) => {
      if (!prod || ipv6.subnet === undefined) return [];
      const first = formatAddress6(parseCidr6(ipv6.subnet)?.first ?? 0n);
      return [
        ...ipv6.transports.flatMap((transport, index) =>
          problemIf(transport === "udp" || transport === "tcp", {
            path: ["edge", "ipv6", "transports", index],
            value: transport,
            problem: "is unencrypted SIP, which prod closes to the world; it must be tls, mutualTls or wss",
            example: "tls",
          }),
        ),
        ...problemIf(!isGlobal6(first), {
          path: ["edge", "ipv6", "subnet"],
          value: ipv6.subnet,
          problem: "is not routed on the internet, so no phone there could reach it; prod needs one of 2000::/3",
          example: "2001:db8:0:5::/64",
        }),
        ...problemIf(ipv6.mediaAddress !== undefined && !isGlobal6(ipv6.mediaAddress), {
          path: ["edge", "ipv6", "mediaAddress"],
          value: ipv6.mediaAddress,
          problem: "is not routed on the internet, so no phone there could reach it; prod needs one of 2000::/3",
        }),
      ];
    },
  },
];
