import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { renderConfigReference } from "../../components/config-docs.ts";
import { metrics } from "../../configs/metrics/contract.ts";
import { alerts } from "../../configs/prometheus/alerts.ts";
import { recordings } from "../../configs/prometheus/recording.ts";
import { missingMetrics, neededMetrics, renderRules } from "../../configs/prometheus/rules.ts";
import { parsePromql, promqlProblems } from "../support/promql.ts";
import { alertSettings } from "../support/alert-cases.ts";

const all = [...alerts(alertSettings), ...missingMetrics(alertSettings)];
const runbooks = new URL("../../docs/runbooks/", import.meta.url);

describe("the rules of Prometheus", () => {
  for (const { record, expr, labels } of recordings) {
    it(`${record} uses what the contract knows, and has the labels that it promises`, () => {
      assert.deepEqual(promqlProblems(expr, metrics), []);
      const grouped = /^\(?sum by \(([^)]*)\)/.exec(expr)?.[1]?.split(", ") ?? [];
      const promised = /^min by|^sum by/.test(expr) ? Object.keys(labels) : grouped;
      assert.deepEqual(Object.keys(labels).toSorted(), promised.toSorted());
    });
  }

  for (const { name, expr, labels } of all) {
    it(`${[name, ...Object.values(labels ?? {})].join(" ")} uses what the contract knows`, () => {
      assert.deepEqual(promqlProblems(expr, metrics), []);
    });
  }

  it("have names of their own, except one for each job", () => {
    const names = all.map(({ name, labels }) => JSON.stringify([name, labels]));
    assert.deepEqual(names, [...new Set(names)]);
  });

  it("know every metric that an alert stands on and that is there from the start", () => {
    const needed = new Set(Object.values(neededMetrics(alertSettings)).flat());
    const watched = metrics.filter(({ late, source }) => late !== true && !["scrape", "blackbox"].includes(source));
    const used = alerts(alertSettings).flatMap(({ expr }) => parsePromql(expr).selectors.map(({ metric }) => metric));
    const unwatched = watched.filter(({ name }) => used.includes(name) && !needed.has(name));
    assert.deepEqual(unwatched, []);
  });

  it("wait as long as the patience says", () => {
    const rules = (patience: number) => renderRules({ ...alertSettings, patience, runbooks: "" })["alerts.yml"];
    assert.match(rules(1), /alert: EdgeDown\n {8}expr: .*\n {8}for: 60s/);
    assert.match(rules(0.5), /alert: EdgeDown\n {8}expr: .*\n {8}for: 30s/);
    assert.doesNotMatch(rules(0), /for: [1-9]/);
  });
});

describe("the runbooks", () => {
  const names = [...new Set(all.map(({ name }) => name))];

  for (const name of names) {
    it(`say of ${name} what it means, how to look and what to do`, () => {
      const file = new URL(`${name}.md`, runbooks);
      assert.ok(existsSync(file), `docs/runbooks/${name}.md is missing`);
      const text = readFileSync(file, "utf8");
      assert.ok(text.startsWith(`# ${name}\n`));
      assert.deepEqual(
        [...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title),
        ["What it means", "How to look", "What to do"],
      );
    });
  }

  it("name keys of the configuration that there are", () => {
    const keys = [...renderConfigReference().matchAll(/^\| `(sbc:[^`]+)`/gm)].map(([, key = ""]) => key);
    for (const name of names) {
      const text = readFileSync(new URL(`${name}.md`, runbooks), "utf8");
      for (const [, key = ""] of text.matchAll(/`(sbc:[\w.[\]]+)`/g)) {
        assert.ok(
          keys.some((one) => one === key || one.startsWith(`${key}.`) || one.startsWith(`${key}[`)),
          `${name}: ${key}`,
        );
      }
    }
  });

  it("are of alerts that there are", () => {
    const files = readdirSync(runbooks).filter((file) => file !== "README.md");
    assert.deepEqual(files.toSorted(), names.map((name) => `${name}.md`).toSorted());
  });
});
