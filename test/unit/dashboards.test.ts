import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import * as units from "@grafana/grafana-foundation-sdk/units";
import { refusals } from "../../configs/grafana/dashboards/expressions.ts";
import { renderDashboards } from "../../configs/grafana/dashboards/render.ts";
import { prometheusUid } from "../../configs/grafana/provisioning.ts";
import { edgeMetrics, metrics } from "../../configs/metrics/contract.ts";
import { emptyPanels, emptyWithReason, panelExpressions, readDashboards, withoutVariables } from "../support/panels.ts";
import { parsePromql, promqlProblems } from "../support/promql.ts";

const dashboards = Object.entries(readDashboards());
const panels = dashboards.flatMap(([file, { panels }]) => panels.map((panel) => ({ ...panel, file })));
const figures = panels.filter(({ type }) => type !== "row");

describe("the dashboards", () => {
  it("are the ones that were made, and no others", () => {
    const folder = new URL("../../configs/grafana/static/dashboards/", import.meta.url);
    assert.deepEqual(readdirSync(folder).toSorted(), Object.keys(renderDashboards()).toSorted());
  });

  it("are named like their files, each once, and cannot be edited", () => {
    for (const [file, { uid, editable, description }] of dashboards) {
      assert.equal(file, `${uid}.json`);
      assert.equal(editable, false, file);
      assert.ok(description, file);
    }
    const titles = dashboards.map(([, { title }]) => title);
    assert.deepEqual(titles, [...new Set(titles)]);
  });

  it("give every panel a title of its own, a description and a unit that Grafana knows", () => {
    const known = new Set<unknown>(Object.values(units));
    assert.ok(figures.length > 100);
    for (const [file, { panels }] of dashboards) {
      const titles = panels.map(({ title }) => title ?? "");
      assert.deepEqual(titles, [...new Set(titles)], `${file}: two of the same title`);
    }
    for (const { file, title = "", description = "", fieldConfig } of figures) {
      assert.match(title, /^[A-Z]|^nginx$/, file);
      assert.match(description, /^.+\.$/, `${file}: ${title}`);
      assert.ok(known.has(fieldConfig?.defaults.unit), `${file}: ${title}: unit ${fieldConfig?.defaults.unit}`);
    }
  });

  it("place panels within the grid, none over another", () => {
    for (const [file, { panels }] of dashboards) {
      const taken = new Map<string, string>();
      for (const { title = "", gridPos } of panels) {
        assert.ok(gridPos.x + gridPos.w <= 24, `${file}: ${title} is beyond the right edge`);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            assert.equal(taken.get(`${x},${y}`), undefined, `${file}: ${title} lies over another panel`);
            taken.set(`${x},${y}`, title);
          }
        }
      }
    }
  });

  it("ask the data source that is provisioned, by its uid", () => {
    const source = { type: "prometheus", uid: prometheusUid };
    for (const { file, title, datasource, targets = [] } of figures) {
      assert.deepEqual(datasource, source, `${file}: ${title}`);
      assert.ok(targets.length > 0, `${file}: ${title} asks nothing`);
      for (const target of targets) assert.deepEqual(target.datasource, source, `${file}: ${title}`);
      const names = targets.map(({ refId }) => refId);
      assert.deepEqual(names, [...new Set(names)], `${file}: ${title}`);
    }
  });

  it("take rates over the interval that Grafana reckons, and totals over the time that is shown", () => {
    for (const { where, expr } of panelExpressions()) {
      for (const [, window = ""] of expr.matchAll(/\brate\([^[]*\[([^\]]+)\]/g)) {
        assert.equal(window, "$__rate_interval", `${where}: ${expr}`);
      }
      assert.doesNotMatch(expr, /\birate\(/, where);
    }
  });

  it("use what is in the contract of the metrics, as what it is", () => {
    const problems = panelExpressions().flatMap(({ where, expr }) =>
      promqlProblems(withoutVariables(expr), metrics).map((problem) => `${where}: ${problem}`),
    );
    assert.deepEqual(problems, []);
  });

  it("name in a legend only labels that the series have", () => {
    for (const { where, legend, expr } of panelExpressions()) {
      const { selectors, grouping } = parsePromql(withoutVariables(expr));
      const own = selectors.flatMap(({ metric }) =>
        Object.keys(metrics.find(({ name }) => name === metric)?.labels ?? {}),
      );
      // An aggregation leaves no others than those that it names.
      const there = /(?<![:\w])(sum|min|max|count)\b/.test(expr) ? grouping : ["job", "instance", ...own];
      for (const [, label = ""] of legend.matchAll(/\{\{(\w+)\}\}/g)) {
        assert.ok(there.includes(label), `${where}: {{${label}}} of ${expr}`);
      }
    }
  });

  it("choose instances from a job that is scraped, where they use a choice at all", () => {
    for (const [file, { panels, templating }] of dashboards) {
      const uses = JSON.stringify(panels).includes("$instance");
      const [variable, ...others] = templating.list ?? [];
      assert.deepEqual(others, []);
      assert.equal(variable?.name, uses ? "instance" : undefined, file);
      if (variable === undefined) continue;
      const [, expr = ""] = /^label_values\((.+), instance\)$/.exec(variable.query.query) ?? [];
      assert.deepEqual(promqlProblems(expr, metrics), [], file);
    }
  });

  it("count every reason for which the edge refuses a request, in one group of them", () => {
    const reasons = edgeMetrics.find(({ name }) => name === "rejected")?.labels["reason"];
    assert.deepEqual(Object.values(refusals).flat().toSorted(), reasons);
  });

  it("are listed as empty only with panels that there are", () => {
    const there = new Set(panelExpressions().map(({ where }) => where));
    assert.deepEqual(
      Object.keys(emptyWithReason).filter((where) => !there.has(where)),
      [],
    );
  });

  it("are told with each expression that gives no number", async () => {
    const where = "Overview / Phones registered";
    const answer = (values: number[]) => (expr: string) =>
      Promise.resolve(expr === "sbc:registrations:sum" ? values : [0]);
    for (const [values, expected] of [
      [[], 1],
      [[NaN], 1],
      [[NaN, 0], 0],
    ] as const) {
      const empty = (await emptyPanels(answer([...values]))).filter((line) => line.startsWith(where));
      assert.equal(empty.length, expected);
    }
  });
});
