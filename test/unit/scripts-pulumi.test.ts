import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { readCommandLine } from "../../scripts/pulumi.ts";
import { quote } from "../../scripts/stack.ts";

describe("readCommandLine", () => {
  for (const args of [
    ["up", "-s", "prod", "--yes"],
    ["up", "--stack", "prod"],
    ["--stack=prod", "up"],
    ["-C", "/somewhere", "up", "-sprod"],
    ["--color", "never", "-v", "3", "-s", "prod", "up"],
  ]) {
    it(`finds command and stack in: pulumi ${args.join(" ")}`, () => {
      const { command, stack } = readCommandLine(args);
      assert.deepEqual({ command, stack }, { command: "up", stack: "prod" });
    });
  }

  it("takes two words for the commands that have subcommands", () => {
    assert.equal(readCommandLine(["config", "set", "--path", "sbc:asterisk.nodes", "3"]).command, "config set");
    assert.deepEqual(readCommandLine(["stack", "init", "prod"]).operands, ["prod"]);
  });

  it("sees a configuration file that has been chosen, in both spellings", () => {
    assert.equal(readCommandLine(["up", "--config-file", "x.yaml"]).configFile, true);
    assert.equal(readCommandLine(["up", "--config-file=x.yaml"]).configFile, true);
    assert.equal(readCommandLine(["up"]).configFile, false);
  });

  it("leaves alone what stands after --", () => {
    const { stack, secret } = readCommandLine(["config", "set", "key", "--", "--secret", "-s", "prod"]);
    assert.deepEqual({ stack, secret }, { stack: undefined, secret: false });
  });
});

describe("quote", () => {
  for (const word of ["plain", "two words", "it's", "$(reboot) `x` \\", "line\nbreak", ""]) {
    it(`gives a shell back exactly ${JSON.stringify(word)}`, () => {
      assert.equal(execFileSync("sh", ["-c", `printf %s ${quote(word)}`], { encoding: "utf8" }), word);
    });
  }
});
