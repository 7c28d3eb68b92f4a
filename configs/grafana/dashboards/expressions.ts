/** Growth of a counter in a second, all its series added. */
export const perSecond = (selector: string) => `sum(rate(${selector}[$__rate_interval]))`;
/** The same in a minute: for what happens seldom. */
export const perMinute = (selector: string) => `${perSecond(selector)} * 60`;
/** Growth in a second, by labels. */
export const perSecondBy = (labels: string, selector: string) =>
  `sum by (${labels}) (rate(${selector}[$__rate_interval]))`;
/** Growth within the time that is shown, by labels. */
export const totalBy = (labels: string, selector: string) => `sum by (${labels}) (increase(${selector}[$__range]))`;
/** 0 where there is no series. */
export const orNone = (expr: string) => `(${expr}) or vector(0)`;

/** The reasons for which the edge refuses requests, by what is behind them. */
export const refusals = {
  /** Somebody is not who he says he is. */
  credentials: ["auth", "certificate", "identity", "signature"],
  /** What tools that look for victims send, and what comes from sources that are not served. */
  scanners: [
    ...[
      "banned",
      "blocked",
      "core_socket",
      "domain",
      "flood",
      "malformed",
      "no_dialog",
      "not_allowed",
      "origin",
      "route",
      "size",
    ],
    ...["target", "trunk_source", "user_agent", "websocket"],
  ],
  /** What toll fraud is about. */
  fraud: ["daily_calls", "daily_minutes", "destination", "no_account", "premium", "transit"],
  /** More at once than is allowed. */
  limits: ["all_call_rate", "all_calls", "call_rate", "calls"],
  /** Calls that a customer did not get although he might have. */
  service: ["answer", "no_media", "no_node", "srtp", "trunk_number"],
} as const;
/** Requests that were refused for a reason of a group. */
export const rejected = (group: keyof typeof refusals) => `kamailio_rejected{reason=~"${refusals[group].join("|")}"}`;
