import { parser } from "@prometheus-io/lezer-promql";
import type { SyntaxNode } from "@lezer/common";
import type { Metric } from "../../configs/metrics/contract.ts";

/** A condition on a label: `label="value"`. */
export interface Matcher {
  readonly label: string;
  readonly operator: "=" | "!=" | "=~" | "!~";
  readonly value: string;
}

/** One use of a metric in an expression. */
export interface Selector {
  /** Name of the metric, also where it is given as `{__name__="…"}`. */
  readonly metric: string;
  readonly matchers: readonly Matcher[];
  /** Names of the functions and aggregations around it, innermost first: `rate`, `sum`. */
  readonly inside: readonly string[];
}

/** What an expression of PromQL is made of. */
export interface Expression {
  readonly selectors: readonly Selector[];
  /** Labels in `by`, `without`, `on`, `ignoring`, `group_left` and `group_right`. */
  readonly grouping: readonly string[];
}

/** Labels that Prometheus itself gives to what it scrapes. */
export const targetLabels = ["job", "instance"] as const;

/** Functions that a counter may be given to as it is; anything else wants its rate or increase. */
const counterFunctions = new Set([
  ...["rate", "irate", "increase", "resets", "changes"],
  ...["absent", "absent_over_time", "present_over_time", "count", "count_over_time", "group", "timestamp"],
]);
const rateFunctions = new Set(["rate", "irate", "increase"]);

/** @throws Error with the place, when the text is no PromQL. Variables of Grafana are none: put values in their place first. */
export function parsePromql(text: string): Expression {
  const selectors: Selector[] = [];
  const grouping: string[] = [];
  const of = (node: SyntaxNode) => text.slice(node.from, node.to);
  parser.parse(text).iterate({
    enter(reference) {
      const { node } = reference;
      if (reference.type.isError) {
        throw new Error(`no PromQL at ${JSON.stringify(text.slice(node.from, node.from + 30))} of ${text}`);
      }
      if (node.name === "GroupingLabels") grouping.push(...node.getChildren("LabelName").map(of));
      if (node.name !== "VectorSelector") return;
      const matchers = matchersOf(node, of);
      const identifier = node.getChild("Identifier");
      const named = matchers.find(({ label, operator }) => label === "__name__" && operator === "=");
      if (identifier === null && named === undefined)
        throw new Error(`a selector without a metric's name: ${of(node)}`);
      selectors.push({
        metric: identifier === null ? (named?.value ?? "") : of(identifier),
        matchers: matchers.filter(({ label }) => label !== "__name__"),
        inside: functionsAround(node, of),
      });
    },
  });
  return { selectors, grouping };
}

/**
 * What is wrong with an expression: no PromQL; a metric, a label or a label's value that the contract does not know; the rate of a gauge; a
 * counter without its rate.
 */
export function promqlProblems(text: string, contract: readonly Metric[]): string[] {
  let expression: Expression;
  try {
    expression = parsePromql(text);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  const { selectors, grouping } = expression;
  const metrics = new Map(contract.map((metric) => [metric.name, metric]));
  const labels = new Set<string>([
    ...targetLabels,
    ...selectors.flatMap(({ metric }) => Object.keys(metrics.get(metric)?.labels ?? {})),
  ]);
  return [
    ...selectors.flatMap((selector) => {
      const metric = metrics.get(selector.metric);
      return metric === undefined ? [`${selector.metric} is not in the contract`] : selectorProblems(selector, metric);
    }),
    ...grouping.filter((label) => !labels.has(label)).map((label) => `no metric here has the label ${label}: ${text}`),
  ];
}

function selectorProblems({ matchers, inside }: Selector, { name, type, labels }: Metric): string[] {
  const unknown = matchers.flatMap(({ label, operator, value }) => {
    if ((targetLabels as readonly string[]).includes(label)) return [];
    const allowed = labels[label];
    if (allowed === undefined) return [`${name} has no label ${label}`];
    if ("each" in allowed) return [];
    if (operator === "=" || operator === "!=") {
      return allowed.includes(value) ? [] : [`${name} never has ${label}="${value}"`];
    }
    const pattern = new RegExp(`^(?:${value})$`);
    return allowed.some((one) => pattern.test(one)) ? [] : [`${name} never has ${label}=~"${value}"`];
  });
  if (type === "counter" && !inside.some((one) => counterFunctions.has(one))) {
    unknown.push(`${name} is a counter: take its rate or increase`);
  }
  if (type === "gauge" && rateFunctions.has(inside[0] ?? ""))
    unknown.push(`${name} is a gauge: it has no ${inside[0]}`);
  return unknown;
}

function matchersOf(selector: SyntaxNode, of: (node: SyntaxNode) => string): Matcher[] {
  const matchers = selector.getChild("LabelMatchers")?.getChildren("UnquotedLabelMatcher") ?? [];
  return matchers.map((matcher) => {
    const part = (name: string) => {
      const node = matcher.getChild(name);
      if (node === null) throw new Error(`a matcher without ${name}: ${of(matcher)}`);
      return of(node);
    };
    return {
      label: part("LabelName"),
      operator: part("MatchOp") as Matcher["operator"],
      value: part("StringLiteral").slice(1, -1).replaceAll("\\\\", "\\"),
    };
  });
}

function functionsAround(node: SyntaxNode, of: (node: SyntaxNode) => string): string[] {
  const names: string[] = [];
  for (let parent = node.parent; parent !== null; parent = parent.parent) {
    const name = parent.getChild("FunctionIdentifier") ?? parent.getChild("AggregateOp");
    if (name !== null) names.push(of(name));
  }
  return names;
}
