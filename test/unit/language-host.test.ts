import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseOptions, splitArguments } from "../../toolchain/language-host/options.ts";
import { requiredPlugins } from "../../toolchain/language-host/packages.ts";

describe("parseOptions", () => {
  it("takes Pulumi's defaults", () => {
    assert.deepEqual(parseOptions({}), { typescript: true, tsconfig: "", nodeargs: [] });
  });
  it("splits the arguments for node", () => {
    const { nodeargs } = parseOptions({ typescript: false, nodeargs: "--stack-trace-limit=1 --import tsx" });
    assert.deepEqual(nodeargs, ["--stack-trace-limit=1", "--import", "tsx"]);
  });
  it("names an option of the wrong type", () => {
    assert.throws(() => parseOptions({ typescript: "no" }), /typescript/);
    assert.throws(() => parseOptions({ packagemanager: "yarn" }), /packagemanager.*yarn/);
  });
});

describe("splitArguments", () => {
  const table: [string, string[]][] = [
    ["", []],
    ["  a  b ", ["a", "b"]],
    [`--title='two words' "a \\"b\\"" c\\ d`, ["--title=two words", 'a "b"', "c d"]],
    [`a''b`, ["ab"]],
  ];
  for (const [line, words] of table) it(JSON.stringify(line), () => assert.deepEqual(splitArguments(line), words));
});

describe("requiredPlugins", () => {
  it("finds the providers among the installed packages, with the versions of their SDKs", () => {
    const plugins = requiredPlugins(join(import.meta.dirname, "../.."));
    const names = plugins.map(({ name }) => name).sort();
    assert.deepEqual(names, ["docker", "random", "tls"]);
    for (const { version } of plugins) assert.match(version, /^v\d+\.\d+\.\d+$/);
  });
});
