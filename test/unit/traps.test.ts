import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
const rows = [...read("docs/traps.md").matchAll(/\| `(test\/\S+)`: (.+?) +\|$/gm)];

test("docs/traps.md names tests", () => assert.ok(rows.length > 10));

for (const [, file = "", name = ""] of rows) {
  test(`the trap's test exists: ${name}`, () =>
    assert.ok(read(file).includes(`it("${name}"`), `${file} has no such test`));
}
