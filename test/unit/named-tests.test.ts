import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");

for (const [page, least] of [
  ["docs/traps.md", 10],
  ["docs/acceptance.md", 50],
] as const) {
  describe(`${page} names tests that exist`, () => {
    const rows = [...read(page).matchAll(/\| `(test\/\S+)`: (.+?) +\|/gm)];
    test("one in each row", () => {
      const lines = read(page)
        .split("\n")
        .filter((line) => /^\| (?!Trap|Promise|Case|-)/.test(line));
      assert.equal(rows.length, lines.length);
      assert.ok(rows.length > least);
    });
    for (const [, file = "", name = ""] of rows) {
      // Of a name that is made of parts the page has the first.
      const found = [`it("${name}"`, `it(\`${name} `].some((text) => read(file).includes(text));
      test(`${file}: ${name}`, () => assert.ok(found, "no such test"));
    }
  });
}
