import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { DOCUMENTATION } from "../../policy/lib/rule.ts";
import { genericRules, rules, stackRules } from "../../policy/registry.ts";

const pages = new URL("../../docs/policies/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, pages), "utf8");

describe("rule metadata", () => {
  for (const rule of rules) {
    it(`of ${rule.name} is complete`, () => {
      assert.match(rule.name, /^[a-z]+(-[a-z]+)+$/);
      assert.ok(rule.displayName && rule.displayName.length < 60);
      // The rule, a colon, and why it matters.
      assert.match(rule.description, /^[A-Z].{20,}: .{20,}\.$/s);
      assert.match(rule.enforcementLevel ?? "", /^(mandatory|advisory)$/);
      assert.match(rule.severity ?? "", /^(low|medium|high|critical)$/);
      const { name, version, reference, specification } = rule.framework ?? {};
      assert.ok(name && version && reference && specification);
      assert.ok(rule.tags && rule.tags.length > 0);
      assert.match(rule.remediationSteps ?? "", /^[A-Z].*\.$/s);
      assert.equal(rule.url, `${DOCUMENTATION}/${rule.name}.md`);
      for (const [setting, schema] of Object.entries(rule.configSchema?.properties ?? {})) {
        assert.ok(schema.description && schema.type && schema.default !== undefined, setting);
      }
    });
  }

  it("has unique names, one file each, in the folder of its half", () => {
    const files = (half: string) =>
      readdirSync(new URL(`../../policy/rules/${half}/`, import.meta.url)).map((file) => file.replace(/\.ts$/, ""));
    assert.deepEqual(genericRules.map(({ name }) => name).toSorted(), files("generic").toSorted());
    assert.deepEqual(stackRules.map(({ name }) => name).toSorted(), files("stack").toSorted());
    assert.equal(new Set(rules.map(({ name }) => name)).size, rules.length);
  });
});

describe("docs/policies", () => {
  it("has a page for each rule, and no other", () => {
    const expected = ["README.md", ...rules.map(({ name }) => `${name}.md`)];
    assert.deepEqual(readdirSync(pages).toSorted(), expected.toSorted());
  });

  for (const rule of rules) {
    it(`says what, why, source, fix and tension of ${rule.name} in at most 20 lines`, () => {
      const page = read(`${rule.name}.md`);
      assert.ok(page.startsWith(`# ${rule.name}\n`));
      assert.ok(page.split("\n").length <= 21);
      for (const part of ["What", "Why", "Source", "Fix", "Tension"])
        assert.match(page, new RegExp(`^- \\*\\*${part}:\\*\\* \\S`, "m"));
      assert.ok(page.includes(`${rule.framework?.name} ${rule.framework?.version}, ${rule.framework?.reference}`));
      assert.ok(page.toLowerCase().includes(`${rule.enforcementLevel} · ${rule.severity}`));
      for (const [setting, schema] of Object.entries(rule.configSchema?.properties ?? {})) {
        if (setting === "exemptions") continue;
        const meaning = String(schema.description).replace(/\.$/, "");
        const said = `\`${setting}\` (${meaning}; default \`${JSON.stringify(schema.default)}\`)`;
        assert.ok(page.replaceAll(" ", "").includes(said.replaceAll(" ", "")), `the page does not say: ${said}`);
      }
    });
  }

  it("lists every tag, and no other", () => {
    const tags = new Set(rules.flatMap((rule) => rule.tags ?? []).filter((tag) => !tag.startsWith("production:")));
    const [, list = ""] = /^Tags: (.*)\.$/m.exec(read("README.md")) ?? [];
    assert.deepEqual(list.split(", "), [...tags].toSorted());
  });

  it("lists every rule", () => {
    const index = read("README.md");
    for (const { name } of rules) assert.ok(index.includes(`| [${name}](${name}.md)`), name);
  });

  it("maps each production rule to the rules that carry its tag", () => {
    const lines = read("README.md").split("\n");
    const tags = new Set(rules.flatMap((rule) => rule.tags ?? []).filter((tag) => tag.startsWith("production:")));
    assert.equal(tags.size, 6);
    for (const tag of tags) {
      const row = lines.find((line) => line.includes(`(\`${tag}\`)`)) ?? "";
      const linked = [...row.matchAll(/\]\(([a-z-]+)\.md\)/g)].map((match) => match[1]);
      const tagged = rules.filter((rule) => rule.tags?.includes(tag)).map(({ name }) => name);
      assert.deepEqual(linked.toSorted(), tagged.toSorted(), tag);
    }
  });
});
