import type { RtpPort } from "./rtp-port.ts";

/**
 * What an SDP offers or answers: `rtp` plain, `savp` SRTP, `osrtp` plain with a key (RFC 8643), `weak` SRTP with a cut tag only,
 * `unencrypted` SRTP that encrypts nothing, `mixed` one stream of each, `dtls` what a browser has, `none` no SDP at all.
 */
export type MediaKind = "rtp" | "savp" | "osrtp" | "weak" | "unencrypted" | "mixed" | "dtls" | "none";

/** The SDP; an answer names the suite by the number that it has in the offer (RFC 4568 §5.1.3). */
export function renderSdp(kind: MediaKind, address: string, media: RtpPort, offer = ""): string {
  if (kind === "none") return "";
  const key = (suite: string, parameters = "") => {
    const tag = new RegExp(`^a=crypto:(\\d+) ${suite} `, "m").exec(offer)?.[1] ?? "1";
    return `a=crypto:${tag} ${suite} inline:${media.own.inline}${parameters}`;
  };
  const strong = "AES_CM_128_HMAC_SHA1_80";
  const stream = (transport: string, port: number, ...lines: string[]) => [
    `m=audio ${port} ${transport} 0`,
    "a=rtpmap:0 PCMU/8000",
    "a=ptime:20",
    ...lines,
  ];
  const streams: Record<Exclude<MediaKind, "none">, string[]> = {
    rtp: stream("RTP/AVP", media.port),
    savp: stream("RTP/SAVP", media.port, key(strong)),
    osrtp: stream("RTP/AVP", media.port, key(strong)),
    weak: stream("RTP/SAVP", media.port, key("AES_CM_128_HMAC_SHA1_32")),
    unencrypted: stream("RTP/SAVP", media.port, key(strong, " UNENCRYPTED_SRTP")),
    dtls:
      media.browser === undefined
        ? []
        : [
            `m=audio ${media.port} UDP/TLS/RTP/SAVPF 111 0`,
            "a=rtpmap:111 opus/48000/2",
            ...["a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=mid:0", "a=sendrecv", "a=rtcp-mux"],
            `a=ice-ufrag:${media.browser.fragment}`,
            `a=ice-pwd:${media.browser.password}`,
            `a=candidate:1 1 UDP 2122260223 ${address} ${media.port} typ host`,
            `a=fingerprint:sha-256 ${media.browser.fingerprint}`,
            `a=setup:${offer === "" ? "actpass" : "active"}`,
          ],
    mixed: [...stream("RTP/SAVP", media.port, key(strong)), ...stream("RTP/AVP", media.port + 2)],
  };
  const network = `IN ${address.includes(":") ? "IP6" : "IP4"} ${address}`;
  return ["v=0", `o=test 1 ${Date.now()} ${network}`, "s=-", `c=${network}`, "t=0 0", ...streams[kind], ""].join(
    "\r\n",
  );
}
