import { badBelow, figure } from "./panels.ts";

/** Figures that several dashboards show, always in the same way. */
export const quality = {
  asr: () =>
    figure({
      title: "Answered (ASR)",
      description: "Share of the calls of the last 5 minutes that were answered (ITU-T E.425).",
      unit: "percentunit",
      decimals: 0,
      queries: { "": "sbc:asr:ratio5m" },
      thresholds: badBelow(0.3, 0.4),
      noValue: "no calls",
    }),
  ner: () =>
    figure({
      title: "Network did its part (NER)",
      description:
        "Share of the calls of the last 5 minutes that did not fail (ITU-T E.425): busy, declined and unanswered ones are none of the network's faults.",
      unit: "percentunit",
      decimals: 0,
      queries: { "": "sbc:ner:ratio5m" },
      thresholds: badBelow(0.9, 0.95),
      noValue: "no calls",
    }),
  mos: () =>
    figure({
      title: "Sound (MOS)",
      description:
        "Mean opinion score, as RTPengine reckons it from the reports (RTCP) of the last 5 minutes: 4.4 is the best of G.711, below 3.5 people complain.",
      unit: "none",
      decimals: 1,
      queries: { "": "sbc:mos:mean5m" },
      thresholds: badBelow(3, 3.5),
      noValue: "no calls",
    }),
};
