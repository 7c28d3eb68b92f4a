import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Metric } from "../../configs/metrics/contract.ts";
import { parsePromql, promqlProblems } from "../support/promql.ts";

const contract: Metric[] = [
  { name: "a_total", type: "counter", source: "edge", labels: { kind: ["x", "y"] }, help: "A" },
  { name: "b", type: "gauge", source: "edge", labels: { node: { each: "node" } }, help: "B" },
];

describe("an expression of PromQL", () => {
  it("gives its metrics, with their matchers and what is around them, and the labels that it groups by", () => {
    const expression = parsePromql(
      'sum by (node) (rate(a:b{job="x",l=~"1\\\\d|2"}[5m])) / on(pod) group_left(z) {__name__="foo", q!="1"} or vector(0)',
    );
    assert.deepEqual(expression, {
      selectors: [
        {
          metric: "a:b",
          matchers: [
            { label: "job", operator: "=", value: "x" },
            { label: "l", operator: "=~", value: "1\\d|2" },
          ],
          inside: ["rate", "sum"],
        },
        { metric: "foo", matchers: [{ label: "q", operator: "!=", value: "1" }], inside: [] },
      ],
      grouping: ["node", "pod", "z"],
    });
  });

  for (const text of ["sum(rate(a_total[5m])", "a_total{", "rate(a_total[$__rate_interval])", '{job="x"}']) {
    it(`that is none is refused: ${text}`, () => {
      assert.throws(() => parsePromql(text), /no PromQL|without a metric/);
    });
  }

  for (const text of [
    'sum by (kind, instance) (rate(a_total{kind="x", job="j"}[5m])) > 0',
    'max by (node) (b{node=~"sip:.*"})',
    "absent(a_total)",
    'increase(a_total{kind=~"x|z"}[1h]) unless on(instance) b == 1',
    "count(a_total)",
  ]) {
    it(`that keeps the contract has no problem: ${text}`, () => {
      assert.deepEqual(promqlProblems(text, contract), []);
    });
  }

  for (const [text, problem] of [
    ["sum(c)", /c is not in the contract/],
    ['b{host="1"}', /b has no label host/],
    ['rate(a_total{kind="z"}[5m])', /never has kind="z"/],
    ['rate(a_total{kind=~"z|w"}[5m])', /never has kind=~"z\|w"/],
    ["sum(a_total) > 3", /a_total is a counter/],
    ["rate(b[5m])", /b is a gauge/],
    ["sum by (pod) (b)", /the label pod/],
    ["b >", /no PromQL/],
  ] as const) {
    it(`with a problem tells it: ${text}`, () => {
      assert.match(promqlProblems(text, contract).join("\n"), problem);
    });
  }
});
