import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { extract } from "tar-stream";
import {
  createOptions,
  resourceLimits,
  type ContainerInputs,
} from "../../toolchain/providers/docker/container-config.ts";
import { containerProblems } from "../../toolchain/providers/docker/container-properties.ts";
import { parseDuration } from "../../toolchain/providers/docker/duration.ts";
import { overlap } from "../../toolchain/providers/docker/subnets.ts";
import { tarOf } from "../../toolchain/providers/docker/uploads.ts";
import { unknown } from "../../toolchain/providers/shared/unknown.ts";

const inputs = (more: Partial<ContainerInputs> = {}): ContainerInputs => ({ name: "n", image: "i", ...more });

describe("parseDuration", () => {
  const table: [string, number | undefined][] = [
    ["30s", 30e9],
    ["1m0s", 60e9],
    ["1h2m3s", 3723e9],
    ["500ms", 500e6],
    ["1.5s", 1.5e9],
    ["0", 0],
    ["0s", 0],
    ["30", undefined],
    ["", undefined],
    ["s", undefined],
    ["1d", undefined],
  ];
  for (const [text, expected] of table)
    it(`reads ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text), expected));
});

describe("overlap", () => {
  const table: [string, string, boolean][] = [
    ["10.5.0.0/24", "10.5.0.0/24", true],
    ["10.5.0.0/24", "10.5.0.128/25", true],
    ["10.5.0.128/25", "10.5.0.0/24", true],
    ["10.0.0.0/8", "10.5.0.0/24", true],
    ["10.5.0.0/24", "10.5.1.0/24", false],
    ["fd00::/64", "fd00::1:0/112", true],
    ["fd00::/64", "10.5.0.0/24", false],
    ["nonsense", "10.5.0.0/24", false],
  ];
  for (const [a, b, expected] of table) it(`${a} and ${b}: ${expected}`, () => assert.equal(overlap(a, b), expected));

  it("is symmetrical", () => {
    const subnet = fc
      .tuple(fc.nat(255), fc.nat(255), fc.integer({ min: 8, max: 30 }))
      .map(([a, b, bits]) => `10.${a}.${b}.0/${bits}`);
    fc.assert(fc.property(subnet, subnet, (a, b) => overlap(a, b) === overlap(b, a)));
  });
});

describe("createOptions", () => {
  it("turns the official units into Docker's", () => {
    const limits = resourceLimits(inputs({ memory: 64, memorySwap: 64, memoryReservation: 32, cpuShares: 5 }));
    assert.deepEqual(limits, {
      CpuShares: 5,
      CpusetCpus: "",
      Memory: 64 * 2 ** 20,
      MemoryReservation: 32 * 2 ** 20,
      MemorySwap: 64 * 2 ** 20,
    });
    assert.equal(resourceLimits(inputs({ memorySwap: -1 })).MemorySwap, -1);
    assert.equal(createOptions(inputs({ cpus: "0.3" })).HostConfig?.NanoCpus, 300_000_000);
  });

  it("takes the official defaults", () => {
    const { HostConfig: host } = createOptions(inputs());
    assert.equal(host?.NetworkMode, "bridge");
    assert.deepEqual(host?.RestartPolicy, { Name: "no", MaximumRetryCount: 0 });
    assert.equal(host?.Init, false);
  });

  it("binds volumes, published ports and labels", () => {
    const options = createOptions(
      inputs({
        volumes: [{ volumeName: "data", containerPath: "/data", readOnly: true }],
        ports: [
          { internal: 5060, external: 5060, ip: "127.0.0.1", protocol: "udp" },
          { internal: 5060, external: 5060, ip: "127.0.0.1" },
        ],
        labels: [{ label: "a", value: "b" }],
      }),
    );
    assert.deepEqual(options.HostConfig?.Binds, ["data:/data:ro"]);
    assert.deepEqual(options.HostConfig?.PortBindings, {
      "5060/udp": [{ HostIp: "127.0.0.1", HostPort: "5060" }],
      "5060/tcp": [{ HostIp: "127.0.0.1", HostPort: "5060" }],
    });
    assert.deepEqual(options.Labels, { a: "b" });
  });
});

describe("containerProblems", () => {
  const problems = (more: Partial<ContainerInputs>): string[] =>
    containerProblems(inputs(more)).map(({ property }) => property);
  const table: [string, Partial<ContainerInputs>, string[]][] = [
    ["nothing", {}, []],
    ["an upload into a read-only root", { readOnly: true, uploads: [{ file: "/a", content: "x" }] }, ["uploads"]],
    ["an empty upload", { uploads: [{ file: "/a", content: "" }] }, ["uploads[0].content"]],
    [
      "an upload of two kinds",
      { uploads: [{ file: "/a", content: "x", contentBase64: "eA==" }] },
      ["uploads[0].content"],
    ],
    [
      "a mode that is none",
      { uploads: [{ file: "/a", content: "x", permissions: "644" }] },
      ["uploads[0].permissions"],
    ],
    ["an owner's name", { uploads: [{ file: "/a", content: "x", owner: "root" }] }, ["uploads[0].owner"]],
    ["a duration without unit", { healthcheck: { tests: ["CMD", "true"], interval: "5" } }, ["healthcheck.interval"]],
    ["an unknown restart policy", { restart: "sometimes" }, ["restart"]],
    ["an empty argument", { command: ["a", ""] }, ["command"]],
    ["a job that removes itself", { rm: true, attach: true }, ["rm"]],
    ["what is not known yet", { uploads: [{ file: "/a", content: unknown }], restart: unknown }, []],
  ];
  for (const [what, more, expected] of table) it(`tells ${what}`, () => assert.deepEqual(problems(more), expected));
});

describe("tarOf", () => {
  it("packs name, mode, owner and content of each file", async () => {
    const archive = await tarOf([
      { file: "/run/secret", content: "geheim ß", permissions: "0400", owner: "4101", group: "4102" },
      { file: "/bin/tool", contentBase64: "AAEC", executable: true },
    ]);
    const found: unknown[] = [];
    const reader = extract();
    reader.end(archive);
    for await (const entry of reader) {
      const { name, mode, uid, gid } = entry.header;
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry as AsyncIterable<Uint8Array>) chunks.push(chunk);
      found.push([name, mode?.toString(8), uid, gid, Buffer.concat(chunks).toString("hex")]);
    }
    assert.deepEqual(found, [
      ["run/secret", "400", 4101, 4102, Buffer.from("geheim ß").toString("hex")],
      ["bin/tool", "744", 0, 0, "000102"],
    ]);
  });
});
