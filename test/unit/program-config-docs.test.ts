import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { load } from "js-yaml";
import { renderConfigReference, renderPulumiYamlConfig } from "../../components/config-docs.ts";
import { parseConfig } from "../../components/config-parse.ts";
import { configSchema } from "../../components/config-schema.ts";
import { generated } from "../../scripts/generate-config-docs.ts";

interface Declaration {
  type: string;
  default?: unknown;
}

for (const [file, render] of Object.entries(generated)) {
  test(`${file} is in step with what it is made from (else: npm run generate)`, () => {
    const current = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
    assert.equal(render(current), current);
  });
}

test("Pulumi.yaml declares every key, and demands only the domain", () => {
  const { config } = load(renderPulumiYamlConfig()) as { config: Record<string, Declaration> };
  assert.deepEqual(Object.keys(config), Object.keys(configSchema.shape));
  const demanded = Object.entries(config).filter(([, declaration]) => !("default" in declaration));
  assert.deepEqual(
    demanded.map(([key]) => key),
    ["domain"],
  );
});

test("the defaults that Pulumi.yaml declares are what the program takes for absent keys", () => {
  const { config } = load(renderPulumiYamlConfig()) as { config: Record<string, Declaration> };
  const declared = Object.entries(config).flatMap(([key, { default: value }]) =>
    value === undefined ? [] : [[key, typeof value === "string" ? value : JSON.stringify(value)]],
  );
  const explicit = parseConfig(
    { ...Object.fromEntries(declared), domain: "sip.example.test" } as Record<string, string>,
    "dev",
  );
  assert.deepEqual(explicit, parseConfig({ domain: "sip.example.test" }, "dev"));
});

test("the reference has a row for a nested key, with its range and default", () => {
  assert.match(renderConfigReference(), /^\| `sbc:asterisk\.nodes` \| integer 1 … 1000 \| `2` \| .+ \|$/m);
});
