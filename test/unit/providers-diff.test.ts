import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { difference } from "../../toolchain/providers/shared/diff.ts";
import { uncoveredPaths, type AnyProperties } from "../../toolchain/providers/shared/properties.ts";
import { hasUnknown, unknown } from "../../toolchain/providers/shared/unknown.ts";

const properties: AnyProperties = {
  name: { change: "replace", covers: true },
  labels: { change: "replace", covers: { label: true, value: true }, set: true },
  command: { change: "replace", covers: true, computed: true },
  memory: { change: "update", covers: true, default: 0 },
  options: { change: "update", covers: true },
  mounts: { change: "replace", covers: { target: true, tmpfsOptions: { mode: true }, volumeOptions: false } },
  gpus: false,
};

describe("difference", () => {
  const table: [string, Record<string, unknown>, Record<string, unknown>, string[]][] = [
    ["nothing", { name: "a" }, { name: "a" }, []],
    ["a changed scalar", { name: "a" }, { name: "b" }, ["update name replace"]],
    ["an added value", {}, { memory: 5 }, ["update memory"]],
    ["an explicit default", {}, { memory: 0 }, []],
    ["a dropped value", { memory: 5 }, {}, ["update memory"]],
    ["a dropped value that stays in use", { command: ["a"] }, {}, []],
    [
      "a list's order",
      { command: ["a", "b"] },
      { command: ["b", "a"] },
      ["update command[0] replace", "update command[1] replace"],
    ],
    [
      "a set's order",
      {
        labels: [
          { label: "a", value: "1" },
          { value: "2", label: "b" },
        ],
      },
      {
        labels: [
          { label: "b", value: "2" },
          { label: "a", value: "1" },
        ],
      },
      [],
    ],
    [
      "a set's member",
      { labels: [{ label: "a", value: "1" }] },
      { labels: [{ label: "a", value: "2" }] },
      ["update labels[0].value replace"],
    ],
    ["a longer list", { command: ["a"] }, { command: ["a", "b"] }, ["add command[1] replace"]],
    [
      "a map's key",
      { options: { "max-size": "1m" } },
      { options: { "max-file": "2" } },
      ['delete options["max-size"]', 'add options["max-file"]'],
    ],
    ["an empty list for none", {}, { labels: [] }, []],
    ["an unknown value", { name: "a" }, { name: unknown }, ["update name replace"]],
    [
      "an unknown member of a set",
      { labels: [{ label: "a", value: "1" }] },
      { labels: [{ label: "a", value: unknown }] },
      ["update labels[0].value replace"],
    ],
  ];
  for (const [what, before, after, expected] of table) {
    it(`tells ${what}`, () => {
      const found = difference(properties, before, after);
      assert.deepEqual(
        found.map(({ path, kind, replace }) => `${kind} ${path}${replace ? " replace" : ""}`),
        expected,
      );
    });
  }
});

describe("uncoveredPaths", () => {
  it("finds nothing in what is covered", () => {
    const inputs = { name: "a", mounts: [{ target: "/a", tmpfsOptions: { mode: 1 } }], options: { any: "key" } };
    assert.deepEqual(uncoveredPaths(properties, inputs), []);
  });
  it("names an uncovered property, an uncovered field and a name that the type does not have", () => {
    const inputs = {
      gpus: "all",
      mounts: [{ target: "/a" }, { volumeOptions: {}, tmpfsOptions: { size: 1 } }],
      typo: 1,
    };
    assert.deepEqual(uncoveredPaths(properties, inputs), [
      "gpus",
      "mounts[1].volumeOptions",
      "mounts[1].tmpfsOptions.size",
      "typo",
    ]);
  });
  it("lets a value pass that is not known yet", () => {
    assert.deepEqual(uncoveredPaths(properties, { mounts: unknown, name: unknown }), []);
  });
});

describe("hasUnknown", () => {
  it("finds the mark at any depth", () => {
    assert.equal(hasUnknown({ a: [{ b: unknown }] }), true);
    assert.equal(hasUnknown({ a: [{ b: "known" }], c: null }), false);
  });
});
