import { perMinute, perSecondBy, rejected, totalBy } from "./expressions.ts";
import { badAbove, course, dashboard, figure, history, totals, upOrDown } from "./panels.ts";
import { quality } from "./quality.ts";

/** What the business asks: how many calls, how many succeed, by which trunk. */
export const calls = dashboard({
  uid: "sbc-calls",
  title: "Calls & KPIs",
  description: "How many calls there are, how many succeed and how they sound, by trunk as well.",
  time: "24h",
  sections: [
    {
      heading: "Key figures",
      panels: [
        quality.asr(),
        quality.ner(),
        figure({
          title: "Calls per second",
          description: "Mean of the last minute.",
          unit: "cps",
          decimals: 2,
          queries: { "": "sbc:calls:rate1m" },
        }),
        figure({
          title: "Calls in this time",
          description: "Calls that were answered or over within the time that is shown.",
          unit: "short",
          decimals: 0,
          queries: { "": "sum(increase(kamailio_calls[$__range]))" },
        }),
        figure({
          title: "Mean duration (ACD)",
          description: "Of the sessions that RTPengine ended in the last hour.",
          unit: "s",
          decimals: 0,
          queries: {
            "": "sum(increase(rtpengine_call_duration_total[1h])) / (sum(increase(rtpengine_closed_sessions_total[1h])) > 0)",
          },
          noValue: "no calls",
        }),
        quality.mos(),
      ],
    },
    {
      heading: "Calls",
      panels: [
        course({
          title: "Success",
          description: "Shares of the calls of 5 minutes. There is a gap where there were none.",
          unit: "percentunit",
          min: 0,
          max: 1,
          queries: { ASR: "sbc:asr:ratio5m", NER: "sbc:ner:ratio5m" },
        }),
        course({
          title: "Calls by what became of them",
          description: "Each call counted once, when it is answered or over.",
          unit: "cps",
          min: 0,
          stacked: true,
          queries: { "{{result}}": perSecondBy("result", "kamailio_calls") },
        }),
        totals({
          title: "Results in this time",
          description: "`failed` alone is held against the network.",
          unit: "short",
          queries: { "{{result}}": totalBy("result", "kamailio_calls") },
        }),
        course({
          title: "Call legs",
          description: "A call between two phones has two.",
          unit: "short",
          min: 0,
          queries: { legs: "sbc:call_legs:sum" },
        }),
        course({
          title: "Media of call legs",
          description: "savp and osrtp are SRTP.",
          unit: "cpm",
          min: 0,
          stacked: true,
          queries: { "{{kind}}": `${perSecondBy("kind", "kamailio_media_legs")} * 60` },
        }),
        course({
          title: "Transfers and parallel calls",
          description: "`joined` transfers had their two calls on two nodes; a parallel call rings at several phones.",
          unit: "cpm",
          min: 0,
          queries: {
            "{{kind}} transfer": `${perSecondBy("kind", "kamailio_transfers")} * 60`,
            "parallel call": perMinute("kamailio_parallel_calls"),
          },
        }),
      ],
    },
    {
      heading: "Refused calls and records",
      panels: [
        course({
          title: "Calls that could not be done",
          description:
            "Every one is a call that a customer did not get: no node, no media relay, no SRTP, a number that nobody has.",
          unit: "cpm",
          min: 0,
          queries: {
            "{{reason}}": `${perSecondBy("reason", rejected("service"))} * 60`,
          },
        }),
        course({
          title: "Calls over a limit",
          description: "Limits of the whole edge begin with `all`, the others are of one subscriber.",
          unit: "cpm",
          min: 0,
          queries: {
            "{{reason}}": `${perSecondBy("reason", rejected("limits"))} * 60`,
          },
        }),
        totals({
          title: "Call records in this time",
          description: "Failed and dropped ones can be put in from Kamailio's log.",
          unit: "short",
          queries: { "{{result}}": totalBy("result", "kamailio_cdr_rows") },
        }),
      ],
    },
    {
      heading: "Trunks",
      panels: [
        history({
          title: "Trunks up",
          description: "A trunk is up while one of its hosts gets calls.",
          unit: "none",
          width: 8,
          queries: { "{{trunk}}": "kamailio_trunk_up" },
          states: upOrDown,
          noValue: "no trunks",
        }),
        course({
          title: "Calls by trunk",
          description: "Now.",
          unit: "short",
          min: 0,
          stacked: true,
          queries: { "{{trunk}}": "sum by (trunk) (kamailio_trunk_calls_active)" },
          noValue: "no trunks",
        }),
        course({
          title: "Failed at the trunk",
          description: "Share of the trunk's calls of 5 minutes.",
          unit: "percentunit",
          min: 0,
          max: 1,
          thresholds: badAbove(0.2, 0.5),
          queries: { "{{trunk}}": "sbc:trunk_failed:ratio5m" },
          noValue: "no calls",
        }),
        totals({
          title: "Trunk calls in this time",
          description: "By trunk, direction and result.",
          unit: "short",
          width: 24,
          queries: {
            "{{trunk}} {{direction}} {{result}}": totalBy("trunk, direction, result", "kamailio_trunk_calls"),
          },
          noValue: "no trunks",
        }),
      ],
    },
  ],
});
