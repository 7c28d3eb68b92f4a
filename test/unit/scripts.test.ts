import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describe as usageOf, readArguments } from "../../scripts/arguments.ts";
import { capture, must, UserError } from "../../scripts/run.ts";
import { explain } from "../../scripts/stack.ts";
import { testPrefix, testProcess } from "../../scripts/sweep.ts";
import { atLeast, parseVersion } from "../../scripts/versions.ts";

describe("versions", () => {
  const cases = [
    ["v3.259.0", "3.259.0", true],
    ["3.270.1", "3.259.0", true],
    ["4.0.0", "3.259.0", true],
    ["v3.258.9", "3.259.0", false],
    ["2.999.0", "3.259.0", false],
    ["go version go1.26.8 linux/amd64", "1.25", true],
    ["go version go1.19.8 linux/amd64", "1.25", false],
    ["unknown", "1.25", false],
  ] as const;
  for (const [version, floor, expected] of cases) {
    it(`${expected ? "takes" : "refuses"} ${version} where ${floor} is needed`, () => {
      assert.equal(atLeast(version, floor), expected);
    });
  }

  it("finds no version in a text without one", () => {
    assert.equal(parseVersion("nothing"), undefined);
  });
});

describe("readArguments", () => {
  const usage = { flags: { engine: "stops it" }, options: { plugins: ["official", "stand-in"] }, passesOn: true };

  it("takes dev when no stack is named", () => {
    assert.equal(readArguments("up", [], usage).stack, "dev");
  });

  it("reads stack, flags and options, and leaves the rest to pulumi", () => {
    const read = readArguments("up", ["prod", "--engine", "--plugins=stand-in", "--diff", "--target", "x"], usage);
    assert.deepEqual(
      [read.stack, [...read.flags], [...read.options], read.rest],
      ["prod", ["engine"], [["plugins", "stand-in"]], ["--diff", "--target", "x"]],
    );
  });

  it("says which values an option takes", () => {
    const message = /--plugins takes official or stand-in, not "other"/;
    assert.throws(() => readArguments("up", ["--plugins", "other"], usage), { message });
  });

  it("refuses what a command does not take, with its usage", () => {
    assert.throws(
      () => readArguments("doctor", ["dev", "--wrong"], {}),
      (error) =>
        error instanceof UserError && error.message.includes("unknown argument --wrong\nusage: npm run doctor"),
    );
  });

  it("shows flags and options in the usage", () => {
    assert.match(usageOf("down", usage), /--engine +stops it\n.*--plugins official\|stand-in/);
  });
});

describe("commands", () => {
  it("have code 127 when they are not there", () => {
    assert.equal(capture("no-such-command-anywhere", []).code, 127);
  });

  it("end when their time is over", () => {
    assert.match(capture("sleep", ["10"], { timeout: 50 }).stderr, /sleep: ended after 50 ms/);
  });

  it("show the end of their output when they fail", () => {
    assert.throws(() => must("sh", ["-c", "echo the reason; exit 3"]), /ended with code 3:\n.*the reason/s);
  });
});

describe("explain", () => {
  it("tells what a wrong passphrase means", () => {
    assert.match(explain("error: incorrect passphrase"), /not the one that this stack was made with/);
  });

  it("leaves other errors as they are", () => {
    assert.equal(explain("error: boom\n"), "error: boom");
  });
});

describe("testProcess", () => {
  for (const name of ["sbc-dev-kamailio", "sbc-test-kamailio", "sbc-e2e-mariadb", "sbc-p1-x", "my-sbc-e2e-p1-x"]) {
    it(`leaves ${name} alone`, () => assert.equal(testProcess(name), undefined));
  }

  it("finds the process in every name that a test gives", () => {
    for (const kind of ["sbc-e2e", "sbc-test", "sbc-conf", "sbc-bench"] as const) {
      assert.equal(testProcess(`${testPrefix(kind, "x")}-kamailio`), process.pid);
    }
  });
});
