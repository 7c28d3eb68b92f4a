import { perMinute, perSecondBy, rejected, totalBy } from "./expressions.ts";
import { badAbove, course, dashboard, figure, history, list, totals, upOrDown } from "./panels.ts";

const inRange = (selector: string) => `sum(increase(${selector}[$__range]))`;

/** Who tries what, and what became of it. Never by address: that is in the logs, and would be a label without bound. */
export const security = dashboard({
  uid: "sbc-security",
  title: "Security",
  description: "Bans, wrong passwords, signatures, scanners, fraud, certificates. Addresses and names are in the logs.",
  time: "24h",
  sections: [
    {
      heading: "In this time",
      panels: [
        figure({
          title: "Banned now",
          description: "Sources, and users behind the address of an office, that are ignored.",
          unit: "short",
          decimals: 0,
          queries: { "": "sum(kamailio_bans_active)" },
        }),
        figure({
          title: "Bans",
          description: "Within the time that is shown.",
          unit: "short",
          decimals: 0,
          queries: { "": inRange("kamailio_bans") },
        }),
        figure({
          title: "Wrong credentials",
          description: "Wrong passwords, names, signatures and client certificates. Challenges are not counted.",
          unit: "short",
          decimals: 0,
          queries: { "": inRange(rejected("credentials")) },
        }),
        figure({
          title: "Scanners",
          description:
            "What tools send that look for victims, and what banned sources go on sending: refused or dropped.",
          unit: "short",
          decimals: 0,
          queries: { "": inRange(rejected("scanners")) },
        }),
        figure({
          title: "Fraud",
          description:
            "Calls to premium numbers or forbidden destinations, over the daily limits, or that nobody would pay for.",
          unit: "short",
          decimals: 0,
          queries: { "": inRange(rejected("fraud")) },
          thresholds: badAbove(1, 10),
        }),
        figure({
          title: "Signatures that do not hold",
          description: "Mismatches, replays and unknown keys of the X-Company-Signature header.",
          unit: "short",
          decimals: 0,
          queries: { "": inRange('kamailio_signatures{result=~"mismatch|replay|unknown_key"}') },
          thresholds: badAbove(1, 10),
        }),
      ],
    },
    {
      heading: "Attacks",
      panels: [
        course({
          title: "Bans by reason",
          description: "A flood, wrong credentials, or one user behind the address of an office.",
          unit: "cpm",
          min: 0,
          queries: { "{{reason}}": `${perSecondBy("reason", "kamailio_bans")} * 60` },
        }),
        course({
          title: "Bans in force",
          description: "They end by themselves.",
          unit: "short",
          min: 0,
          queries: {
            "ignored now": "sum(kamailio_bans_active)",
            "over the limit of requests": "sum(kamailio_pike_blocked_ips)",
          },
        }),
        course({
          title: "Credentials",
          description: "By reason of the refusal.",
          unit: "cpm",
          min: 0,
          queries: { "{{reason}}": `${perSecondBy("reason", rejected("credentials"))} * 60` },
        }),
        course({
          title: "What scanners send",
          description: "By reason of the refusal.",
          unit: "cpm",
          min: 0,
          queries: { "{{reason}}": `${perSecondBy("reason", rejected("scanners"))} * 60` },
        }),
        course({
          title: "What fraud tries",
          description: "By reason of the refusal.",
          unit: "cpm",
          min: 0,
          queries: { "{{reason}}": `${perSecondBy("reason", rejected("fraud"))} * 60` },
        }),
        totals({
          title: "Refusals in this time",
          description: "The ten most frequent reasons.",
          unit: "short",
          queries: { "{{reason}}": `topk(10, ${totalBy("reason", "kamailio_rejected")})` },
        }),
      ],
    },
    {
      heading: "Proofs",
      panels: [
        course({
          title: "Signatures",
          description: "X-Company-Signature headers that were looked at, by what became of them.",
          unit: "cpm",
          min: 0,
          queries: { "{{result}}": `${perSecondBy("result", "kamailio_signatures")} * 60` },
        }),
        course({
          title: "SRTP and RTP",
          description: "Call legs whose media was agreed: savp and osrtp are SRTP.",
          unit: "cpm",
          min: 0,
          stacked: true,
          queries: { "{{kind}}": `${perSecondBy("kind", "kamailio_media_legs")} * 60` },
        }),
        course({
          title: "Contacts replaced",
          description:
            "Of the same phone at an older address, or the oldest beyond the limit. Many of the latter: a stolen password.",
          unit: "cpm",
          min: 0,
          queries: { "{{reason}}": `${perSecondBy("reason", "kamailio_contacts_replaced")} * 60` },
        }),
        course({
          title: "Connections refused",
          description: "TCP and TLS connections over a limit.",
          unit: "cpm",
          min: 0,
          queries: { refused: perMinute("kamailio_tcp_local_reject") },
        }),
        list({
          title: "Certificates end in",
          description: "By probe, the first of its chain.",
          unit: "dtdurations",
          width: 8,
          queries: { "": "probe_ssl_earliest_cert_expiry - time()" },
          thresholds: ["red", [3 * 86400, "yellow"], [21 * 86400, "green"]],
          columns: { instance: "Where", Value: "Ends in" },
        }),
        history({
          title: "TLS probes",
          description: "Whether a client would have got in.",
          unit: "none",
          width: 8,
          queries: { "{{instance}}": 'probe_success{job="tls"}' },
          states: upOrDown,
        }),
      ],
    },
  ],
});
