import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { load } from "js-yaml";
import { parseConfig } from "../../components/config-parse.ts";
import { sampleStackFile, withSamples } from "../../scripts/sample.ts";

const certificate = () => Promise.resolve({ chainFile: "chain.pem", keyFile: "key.pem" });

describe("samples for a preview", () => {
  it("make the committed prod stack complete", async () => {
    const file = load(readFileSync(await sampleStackFile("prod"), "utf8")) as { config: Record<string, unknown> };
    const raw = Object.entries(file.config).map(([key, value]) => [
      key.replace(/^sbc:/, ""),
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
    assert.ok("config" in parseConfig(Object.fromEntries(raw) as Record<string, string>, "prod"));
  });

  it("leave what an operator has set as it is", async () => {
    const config = {
      "sbc:environment": "prod",
      "sbc:edge": { bind: "203.0.113.5", ports: { tls: 5061 } },
      "sbc:certificates": { chainFile: "mine.pem", keyFile: "mine.key" },
    };
    assert.deepEqual(await withSamples(config, certificate), {
      ...config,
      "sbc:edge": { ...config["sbc:edge"], publicAddress: "198.51.100.7" },
    });
  });

  it("leave dev as it is", async () => {
    const config = { "sbc:environment": "dev" };
    assert.deepEqual(await withSamples(config, certificate), config);
  });
});
