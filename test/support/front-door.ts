import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { request } from "node:https";

/** Outputs of a stack with monitoring by which its pages are reached. */
export interface Pages {
  dashboards: Record<string, string>;
  dashboardsLogin: { user: string; password: string };
  dashboardsCa: string;
}

/**
 * Host ports of the front door's sites, beside each other from a random one on. Tests that run at the same time have ranges of their own.
 * @param low the least that the first one can be; it is less than `low + spread`.
 */
export function dashboardPorts(
  low: number,
  spread: number,
  sites: readonly string[] = ["landing", "grafana", "prometheus", "alertmanager", "homer", "kibana"],
): Record<string, number> {
  const first = low + randomInt(spread);
  return Object.fromEntries(sites.map((site, index) => [site, first + index]));
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

export interface Question {
  /** `user:password`. */
  auth?: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Asks the front door, over a connection of its own, and checks its certificate. */
export function ask(
  { dashboardsCa }: Pick<Pages, "dashboardsCa">,
  url: string,
  question: Question = {},
): Promise<Answer> {
  const { body: text = "", ...options } = question;
  return new Promise((resolve, reject) => {
    const call = request(url, { ca: dashboardsCa, agent: false, ...options }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString("utf8")));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    call.once("error", reject);
    call.end(text);
  });
}

/** As one who has the password. */
export const passFrontDoor = ({ dashboardsLogin }: Pick<Pages, "dashboardsLogin">) =>
  `${dashboardsLogin.user}:${dashboardsLogin.password}`;

/** A series of an instant query's answer. */
export interface Series {
  labels: Record<string, string>;
  value: number;
  /** Of a range: all values that differ in their time. */
  values: number[];
}

interface Sample {
  metric: Record<string, string>;
  value?: [number, string];
  values?: [number, string][];
}

/** Has Prometheus evaluate an expression now. */
export async function promql(pages: Pages, expression: string): Promise<Series[]> {
  const url = `${pages.dashboards["prometheus"] ?? assert.fail("no Prometheus")}api/v1/query?query=${encodeURIComponent(expression)}`;
  const { status, body } = await ask(pages, url, { auth: passFrontDoor(pages) });
  assert.equal(status, 200, body);
  const { data } = JSON.parse(body) as { data: { result: Sample[] } };
  return data.result.map(({ metric, value, values = [] }) => ({
    labels: metric,
    value: Number(value?.[1]),
    values: values.map(([, text]) => Number(text)),
  }));
}

/** What a Prometheus of this stack may take, whatever the profile: PromQL of the figure, and its most. */
export const prometheusBars = {
  ruleSeconds: { expression: "sum(prometheus_rule_group_last_duration_seconds)", most: 0.2 },
  activeSeries: { expression: "prometheus_tsdb_head_series", most: 5000 },
} as const;
