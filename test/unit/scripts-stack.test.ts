import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { inSomeSbcFolder, paths } from "../../scripts/paths.ts";
import { advise, lostPassphrase, pulumiEnvironment } from "../../scripts/stack.ts";

const variables = [
  "PULUMI_BACKEND_URL",
  "PULUMI_CONFIG_PASSPHRASE",
  "PULUMI_CONFIG_PASSPHRASE_FILE",
  "PULUMI_HOME",
  "PATH",
];

describe("pulumiEnvironment", () => {
  const kept = new Map(variables.map((name) => [name, process.env[name]]));
  const cli = { path: "/usr/bin/pulumi", version: "3.259.0", origin: "PATH" } as const;

  beforeEach(() => {
    for (const name of variables.filter((name) => name !== "PATH")) Reflect.deleteProperty(process.env, name);
  });
  afterEach(() => {
    for (const [name, value] of kept) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  });

  it("uses the folder of this clone when nothing is set", () => {
    const environment = pulumiEnvironment(cli, "dev");
    assert.equal(environment["PULUMI_BACKEND_URL"], `file://${paths.state}`);
    assert.equal(environment["PULUMI_CONFIG_PASSPHRASE_FILE"], paths.passphrase);
    assert.equal(environment["PULUMI_STACK"], "dev");
  });

  it("keeps a person's own back end, and the log-in to it", () => {
    process.env["PULUMI_BACKEND_URL"] = "s3://states";
    process.env["PULUMI_HOME"] = "/home/ann/.pulumi";
    const environment = pulumiEnvironment(cli, "dev");
    assert.equal(environment["PULUMI_BACKEND_URL"], "s3://states");
    assert.equal(environment["PULUMI_CREDENTIALS_PATH"], "/home/ann/.pulumi");
  });

  it("gives no passphrase file to who has set the passphrase itself", () => {
    process.env["PULUMI_CONFIG_PASSPHRASE"] = "";
    assert.equal("PULUMI_CONFIG_PASSPHRASE_FILE" in pulumiEnvironment(cli, "dev"), false);
  });

  it("takes nothing from another clone whose environment the shell still has", () => {
    process.env["PULUMI_BACKEND_URL"] = "file:///home/ann/other/.sbc/state";
    process.env["PULUMI_CONFIG_PASSPHRASE_FILE"] = "/home/ann/other/.sbc/passphrase";
    const environment = pulumiEnvironment(cli, "dev");
    assert.equal(environment["PULUMI_BACKEND_URL"], `file://${paths.state}`);
    assert.equal(environment["PULUMI_CONFIG_PASSPHRASE_FILE"], paths.passphrase);
  });

  it("puts the shim first on PATH, and leaves out what npm adds for the time of a script", () => {
    process.env["PATH"] = `/work/node_modules/.bin:/usr/bin:${paths.bin}`;
    const folders = (pulumiEnvironment(cli, "dev")["PATH"] ?? "").split(":");
    assert.equal(folders[0], paths.bin);
    assert.equal(folders.at(-1), "/usr/bin");
    assert.equal(folders.filter((folder) => folder === paths.bin).length, 1);
  });
});

describe("inSomeSbcFolder", () => {
  it("is true for paths and file URLs below a .sbc folder only", () => {
    assert.equal(inSomeSbcFolder("/a/.sbc/state"), true);
    assert.equal(inSomeSbcFolder("file:///a/.sbc/state"), true);
    assert.equal(inSomeSbcFolder("/a/my.sbc/state"), false);
  });
});

describe("advise", () => {
  for (const [error, advice] of [
    ["error: incorrect passphrase", /Put the right one back/],
    ["write /var/lib/docker/tmp: no space left on device", /docker system df/],
    ["error: the stack is currently locked by 1 lock(s)", /pulumi cancel/],
    ["connect ENOENT /var/run/docker.sock: connect: no such file", /Docker Engine is gone/],
  ] as const) {
    it(`knows what to do about: ${error}`, () => assert.match(advise(error) ?? "", advice));
  }

  it("says nothing about what it does not know", () => assert.equal(advise("error: boom"), undefined));
});

describe("lostPassphrase", () => {
  it("names the stacks, the file, and how to start anew", () => {
    const text = lostPassphrase(["prod"]);
    for (const part of [paths.passphrase, "of prod cannot", "name=^sbc-prod-", paths.state])
      assert.ok(text.includes(part));
  });
});
