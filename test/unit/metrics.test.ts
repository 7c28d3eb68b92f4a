import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderMetrics } from "../../configs/kamailio/metrics.ts";
import { readFolder } from "../../configs/files.ts";
import { edgeMetrics, listedSeries, metrics, type Metric } from "../../configs/metrics/contract.ts";
import { contractProblems, parseExposition, sum, unknownMetrics } from "../support/exposition.ts";

const script = Object.values(readFolder(new URL("../../configs/kamailio/static/", import.meta.url))).join("\n");

interface Use {
  text: string;
  name: string;
  type: string;
  values: string[];
}

/** Every place of the script that counts or sets something. */
const uses: Use[] = [...script.matchAll(/prom_(counter|gauge)_(?:inc|set|reset)\(((?:"[^"]*"|[^")])*)\)/g)].map(
  ([text, type = "", words = ""]) => {
    const [name = "", , ...values] = [...words.matchAll(/"([^"]*)"/g)].map(([, word = ""]) => word);
    return { text, name, type, values };
  },
);

describe("the contract of the metrics", () => {
  it("lists each metric once", () => {
    const names = metrics.map(({ name }) => name);
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
    );
  });

  it("has names, labels and help texts that Kamailio and Prometheus take", () => {
    for (const { name, labels, help } of edgeMetrics) {
      assert.match(name, /^[a-z][a-z0-9_]*$/);
      assert.ok(Object.keys(labels).length <= 3, `${name}: Kamailio takes three labels`);
      assert.match(help, /^[^'";\\\n]+$/, `${name}: these would end the declaration`);
      for (const value of listedSeries(labels).flat()) assert.match(value, /^[a-z0-9_.-]+$/i, name);
    }
  });

  it("knows everything that the script counts, with its type, labels and their values", () => {
    assert.ok(uses.length > 10);
    for (const { text, name, type, values } of uses) {
      const metric = edgeMetrics.find((candidate) => candidate.name === name);
      assert.ok(metric, `${text}: no such metric in configs/metrics/contract.ts`);
      assert.equal(type, metric.type, text);
      const labels = Object.entries(metric.labels);
      assert.equal(values.length, labels.length, `${text}: labels ${labels.map(([label]) => label).join()}`);
      labels.forEach(([label, allowed], index) => {
        const value = values[index] ?? "";
        // What a variable holds is seen in a scrape only.
        if ("each" in allowed || value.startsWith("$")) return;
        assert.ok(allowed.includes(value), `${text}: ${label}="${value}" is not in configs/metrics/contract.ts`);
      });
    }
  });

  it("lists nothing that the script never touches", () => {
    for (const { name, labels } of edgeMetrics) {
      const own = uses.filter((use) => use.name === name);
      assert.ok(own.length > 0, `${name} is never counted`);
      Object.values(labels).forEach((allowed, index) => {
        if ("each" in allowed || own.some(({ values }) => values[index]?.startsWith("$"))) return;
        const unused = allowed.filter((value) => !own.some(({ values }) => values[index] === value));
        assert.deepEqual(unused, [], `${name}: values that are never counted`);
      });
    }
  });

  it("declares and initialises them for Kamailio", () => {
    const rendered = renderMetrics();
    for (const { name, type } of edgeMetrics) assert.ok(rendered.includes(`"prom_${type}", "name=${name};`), name);
    assert.ok(rendered.includes('prom_counter_inc("rejected", "0", "auth");'));
    assert.doesNotMatch(rendered, /"dispatcher_up", "0"/);
  });
});

describe("a scrape", () => {
  const contract: Metric[] = [
    { name: "a_total", type: "counter", source: "edge", labels: { kind: ["x", "y"] }, help: "A" },
    { name: "b", type: "gauge", source: "edge", labels: { node: { each: "node" } }, help: "B" },
    { name: "c", type: "gauge", source: "edge", labels: {}, help: "C", late: true },
  ];
  const good =
    '# TYPE a_total counter\na_total{kind="x"} 3 1795612781462\na_total{kind="y"} 4\n# TYPE b gauge\nb{node="sip:n:1"} 1.5e1\n';

  it("that keeps the contract has no problem", () => {
    assert.deepEqual(contractProblems(parseExposition(good), contract), []);
    assert.deepEqual(unknownMetrics(parseExposition(good), contract), []);
    assert.equal(sum(parseExposition(good), "a_total"), 7);
    assert.equal(sum(parseExposition(good), "a_total", { kind: "y" }), 4);
    assert.equal(sum(parseExposition(good), "b"), 15);
  });

  for (const [name, text, problem] of [
    ["missing metric", good.replaceAll("a_total", "a2"), /a_total is not exported/],
    ["other label", good.replace("node=", "host="), /b has the labels host, not node/],
    ["other value", good.replace('"y"', '"z"'), /a_total has kind="z"/],
    ["other type", good.replace("b gauge", "b counter"), /b is a counter, not a gauge/],
  ] as const) {
    it(`with a problem tells it: ${name}`, () => {
      assert.match(contractProblems(parseExposition(text), contract).join("\n"), problem);
    });
  }

  it("with an unknown metric of its own tells it", () => {
    assert.deepEqual(unknownMetrics(parseExposition(`${good}# TYPE d counter\nd 1\n`), contract), ["d"]);
  });

  it("that is none is an error", () => {
    assert.throws(() => parseExposition("<html>"), /no line of the text format/);
  });
});
