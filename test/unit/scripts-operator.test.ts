import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { banKey } from "../../scripts/operator/bans.ts";
import { numberOf, optionOf, readWords, type Action } from "../../scripts/operator/command.ts";
import { operate } from "../../scripts/operator/index.ts";
import { csv, table } from "../../scripts/operator/output.ts";

const action: Action = {
  summary: "a thing",
  operands: ["NAME"],
  options: { seconds: "N: how long" },
  flags: { lasting: "for good" },
};

describe("a ban", () => {
  it("is for an IPv4 address, and for the /64 of an IPv6 one as the edge writes it", () => {
    assert.equal(banKey("203.0.113.7"), "203.0.113.7");
    assert.equal(banKey("2001:DB8::7:0:0:1"), "2001:db8:0:0::");
    assert.equal(banKey("2001:db8:0:a::"), "2001:db8:0:a::");
    assert.equal(banKey("203.0.113.0/24"), undefined);
  });
});

describe("the words of an operator's command", () => {
  it("are read in any order", () => {
    const words = readWords("ban add", action, ["--seconds=5", "x", "--lasting", "--seconds", "7"]);
    assert.deepEqual([words.operands, [...words.flags], optionOf(words, "seconds")], [["x"], ["lasting"], "7"]);
  });

  it("are refused with what is allowed", () => {
    const usage = /usage: npm run sbc -- ban add NAME \[--seconds N\] \[--lasting\]/;
    for (const [words, problem] of [
      [[], /needs NAME/],
      [["a", "b"], /"b" is one word too many/],
      [["a", "--second", "1"], /has no option --second/],
      [["a", "--seconds"], /--seconds needs a value/],
    ] as const) {
      assert.throws(() => readWords("ban add", action, words), problem);
      assert.throws(() => readWords("ban add", action, words), usage);
    }
    const words = readWords("ban add", action, ["a", "--seconds", "1.5"]);
    assert.throws(() => numberOf(words, "seconds", 1, 10), /--seconds 1.5: must be a whole number from 1 to 10/);
  });

  it("explain themselves without a stack", () => {
    const shown = (...words: string[]) => {
      let text = "";
      assert.equal(
        operate(words, (line) => (text += line)),
        0,
      );
      return text;
    };
    assert.match(shown("--help"), /usage: npm run sbc -- \[--stack NAME\] KIND ACTION/);
    assert.match(shown("node", "--help"), /npm run sbc -- node drain NAME[^]*npm run sbc -- node undrain NAME/);
    assert.match(shown("ban", "add", "--help"), /--lasting +until it is removed/);
    assert.throws(() => operate(["bans"]), /"bans" is none of subscriber, trunk, ban, node, calls, cdr/);
    assert.throws(() => operate(["ban", "lift"]), /ban has no action "lift"[^]*npm run sbc -- ban remove ADDRESS/);
    assert.throws(() => operate(["--stack", "none", "ban", "list"]), /there is no stack none/);
  });
});

describe("what an operator gets to see", () => {
  it("is a table under the names of its columns", () => {
    assert.equal(
      table([
        { a: "1", long: undefined },
        { a: "22", long: ["x", "y"] },
      ]),
      "a   long\n1\n22  x, y",
    );
    assert.equal(table([]), "none");
  });

  it("is CSV of RFC 4180, and no formula of a spreadsheet", () => {
    const rows = [
      { a: 'x,"y"', b: "=1+1" },
      { a: undefined, b: "+49301" },
      { a: "-cmd", b: "@x" },
    ];
    assert.equal(csv(["a", "b"], rows), 'a,b\r\n"x,""y""",\'=1+1\r\n,+49301\r\n\'-cmd,\'@x\r\n');
  });
});
