import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parseConfig } from "../../components/config-parse.ts";
import { imageName, ownBase } from "../../components/context-hash.ts";
import { imageServices, pinnedName, pinProblems, registryProblem } from "../../components/image-pins.ts";
import { readArguments } from "../../scripts/arguments.ts";
import { pinFromLines, upstreamImages } from "../../scripts/dockerfile.ts";

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;
const other = `sha256:${"f".repeat(64)}`;
const folder = mkdtempSync(join(tmpdir(), "sbc-pins-"));
after(() => rmSync(folder, { recursive: true }));

function pinsFile(content: unknown): string {
  const file = join(folder, `${Math.random().toString(36).slice(2)}.json`);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

const complete = Object.fromEntries(
  imageServices.map((service) => [service, `sbc-${service}:0123456789ab@${digest}`] as const),
);

function problemsOf(images: object): string {
  const parsed = parseConfig({ domain: "sip.example.test", images: JSON.stringify(images) }, "dev");
  return "problems" in parsed ? parsed.problems : "";
}

describe("the name of a registry", () => {
  for (const name of ["registry.example.com", "registry.example.com:5000/sbc", "127.0.0.1:5000/a/b-c", "localhost/x"]) {
    it(`may be ${name}`, () => assert.equal(registryProblem(name), undefined));
  }
  for (const name of [
    "",
    "sbc",
    "https://registry.example.com",
    "Registry.example.com",
    "a.example/",
    "a.example//b",
  ]) {
    it(`may not be ${JSON.stringify(name)}`, () => assert.notEqual(registryProblem(name), undefined));
  }
});

describe("pins of a registry", () => {
  it("give each service the name by which it is pulled", () => {
    const pins = pinsFile(complete);
    const settings = {
      source: "registry",
      base: "sbc-base:forky",
      registry: "registry.example.com/sbc",
      pins,
    } as const;
    assert.deepEqual(pinProblems(pins), []);
    assert.equal(pinnedName("kamailio", settings), `registry.example.com/sbc/sbc-kamailio:0123456789ab@${digest}`);
  });

  it("are asked for with the command that writes them", () => {
    const text = problemsOf({ source: "registry", registry: "registry.example.com/sbc", pins: "no/such.json" });
    for (const service of imageServices) assert.match(text, new RegExp(`no digest for ${service}`));
    assert.match(text, /npm run images -- pin --registry registry\.example\.com\/sbc --file no\/such\.json/);
  });

  it("have to name the registry too", () => {
    assert.match(problemsOf({ source: "registry", pins: pinsFile(complete) }), /sbc:images\.registry/);
  });

  for (const [what, kamailio] of [
    ["a tag without digest", "sbc-kamailio:6.1"],
    ["a digest without tag", `sbc-kamailio@${digest}`],
    ["a cut digest", `sbc-kamailio:6.1@${digest.slice(0, -1)}`],
    ["a registry of its own", `elsewhere.example/sbc-kamailio:6.1@${digest}`],
    ["a number", 1],
  ] as const) {
    it(`are refused in every environment when one is ${what}`, () => {
      const pins = pinsFile({ ...complete, kamailio });
      assert.match(problemsOf({ source: "registry", registry: "a.example/sbc", pins }), /no name:tag@sha256:digest/);
    });
  }

  for (const content of ["{", "[]", "null"]) {
    it(`are told by file when it holds ${content}`, () => {
      const pins = pinsFile(content);
      assert.match(pinProblems(pins).join(), new RegExp(`^${pins} is not`));
    });
  }

  it("are not needed when images are built", () => {
    assert.equal(problemsOf({ source: "build", pins: "no/such.json" }), "");
  });
});

describe("an image's name", () => {
  it("changes with the sources of our own base image, and of no other", () => {
    const root = mkdtempSync(join(folder, "root-"));
    for (const name of ["base", "kamailio"]) {
      mkdirSync(join(root, "images", name), { recursive: true });
      writeFileSync(join(root, "images", name, "Dockerfile"), "FROM debian:forky-slim\n");
    }
    const names = () => [ownBase, "other:1"].map((base) => imageName("kamailio", base, root));
    const [ours, another] = names();
    writeFileSync(join(root, "images/base/Dockerfile"), `FROM debian:forky-slim@${digest}\n`);
    assert.notEqual(names()[0], ours);
    assert.equal(names()[1], another);
  });
});

describe("npm run images", () => {
  const usage = { operand: "push|pin|list", values: { registry: "HOST[:PORT]/PATH" } };

  it("takes an action, and options with a value of any kind", () => {
    for (const words of [
      ["push", "--registry", "a.example/sbc"],
      ["push", "--registry=a.example/sbc"],
    ]) {
      const args = readArguments("images", words, usage);
      assert.equal(args.operand, "push");
      assert.equal(args.options.get("registry"), "a.example/sbc");
    }
    assert.equal(readArguments("images", [], usage).operand, undefined);
  });

  it("says what an option takes when its value is missing", () => {
    for (const word of ["--registry", "--registry="]) {
      assert.throws(() => readArguments("images", ["push", word], usage), /--registry takes HOST\[:PORT\]\/PATH/);
    }
  });
});

describe("digests in FROM lines", () => {
  const dockerfile = [
    "ARG BASE=sbc-base:forky",
    "FROM ${BASE} AS first",
    "FROM --platform=linux/amd64 docker.io/grafana/grafana:12.1.0 AS plugins",
    `FROM debian:forky-slim@${other}`,
    "COPY --from=plugins /x /x",
    "FROM plugins",
    "FROM scratch",
    "# FROM comment:1",
    "",
  ].join("\n");

  it("are looked up for what is written out, not for arguments, stages and scratch", () => {
    assert.deepEqual(upstreamImages(dockerfile), [
      { name: "docker.io/grafana/grafana:12.1.0", digest: undefined },
      { name: "debian:forky-slim", digest: other },
    ]);
  });

  it("are written behind the tag, old ones replaced, everything else left as it is", () => {
    const pinned = pinFromLines(dockerfile, new Map(upstreamImages(dockerfile).map(({ name }) => [name, digest])));
    assert.equal(pinned, dockerfile.replace("grafana:12.1.0", `grafana:12.1.0@${digest}`).replace(other, digest));
    assert.equal(pinFromLines(pinned, new Map([["debian:forky-slim", digest]])), pinned);
  });
});
