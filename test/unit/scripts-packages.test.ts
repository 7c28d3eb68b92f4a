import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { packagesMatch } from "../../scripts/packages-match.ts";

describe("packagesMatch", () => {
  const locked = {
    "": { version: "0.1.0" },
    "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
    "node_modules/b": { version: "1.0.0", integrity: "sha512-b", optional: true },
  };
  const a = { "node_modules/a": locked["node_modules/a"] };

  it("takes the packages of the lock file, with or without the optional ones", () => {
    assert.equal(packagesMatch(locked, a), true);
    assert.equal(packagesMatch(locked, { ...a, "node_modules/b": locked["node_modules/b"] }), true);
  });

  for (const [what, installed] of [
    ["a package that is missing", {}],
    ["another version", { "node_modules/a": { version: "1.0.1", integrity: "sha512-a" } }],
    ["other content of the same version", { "node_modules/a": { version: "1.0.0", integrity: "sha512-x" } }],
    ["a package that nobody asked for", { ...a, "node_modules/c": { version: "1.0.0" } }],
  ] as const) {
    it(`sees ${what}`, () => assert.equal(packagesMatch(locked, installed), false));
  }
});
