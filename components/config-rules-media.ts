import type { Config } from "./config-parse.ts";
import type { ConfigProblem } from "./config-problems.ts";
import { problemIf } from "./config-rule.ts";

/**
 * Where SRTP's keys would be sent in the clear. They stand in the SDP, so SRTP protects nobody where the signalling is not encrypted itself
 * (RFC 4568 §7, RFC 8643 §4). A mistake in prod; dev may have it, for a phone under test, with a warning.
 */
export function readableKeys({ rtp, trunks }: Pick<Config, "rtp" | "trunks">): ConfigProblem[] {
  const problem = (who: string) =>
    `would send the keys of SRTP over ${who} unencrypted, for everybody on the way to read; it must be off there, or the signalling TLS`;
  return [
    ...(["udp", "tcp"] as const).flatMap((ingress) =>
      problemIf(rtp.srtp[ingress] !== "off", {
        path: ["rtp", "srtp", ingress],
        value: rtp.srtp[ingress],
        problem: problem(ingress.toUpperCase()),
        example: "off",
      }),
    ),
    ...trunks.flatMap(({ srtp = "off", hosts }, index) => {
      const plain = hosts.find(({ transport }) => transport !== "tls");
      return problemIf(srtp !== "off" && plain !== undefined, {
        path: ["trunks", index, "srtp"],
        value: srtp,
        problem: problem(`${plain?.transport.toUpperCase()} to ${plain?.host}`),
        example: "off",
      });
    }),
  ];
}
