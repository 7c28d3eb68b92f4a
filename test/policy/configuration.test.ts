import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { environments, prodConfig, readConfig } from "../../policy/configuration.ts";
import { listExemptions, staleExemptions } from "../../policy/exemptions.ts";
import { ruleNamed, rules } from "../../policy/registry.ts";
import { configProblems, configTextProblems } from "../../policy/tools/config-check.ts";
import { configured } from "../../policy/tools/evaluate.ts";
import { job, service, urn } from "./helpers.ts";

describe("policy config", () => {
  for (const environment of environments) {
    it(`of ${environment} has no mistake`, () => {
      assert.deepEqual(configProblems(rules, readConfig(environment)), []);
    });
  }

  it("of the nightly check has no mistake", () => {
    const file = new URL("../../policy/config/nightly.json", import.meta.url);
    assert.deepEqual(configProblems(rules, JSON.parse(readFileSync(file, "utf8"))), []);
  });

  it("of dev sets whatever prod sets, for it is laid over prod's", () => {
    const dev = readConfig("dev");
    for (const rule of rules) {
      const { level, settings } = configured(rule, dev);
      if (level === "disabled") continue;
      const forgotten = Object.keys(configured(rule, readConfig("prod")).settings).filter((key) => !(key in settings));
      assert.deepEqual(forgotten, [], rule.name);
    }
  });

  it("of prod gives every entry its level, which the SDK would else turn into advisory", () => {
    for (const [name, entry] of Object.entries(prodConfig(rules))) {
      assert.ok(typeof entry === "string" || entry.enforcementLevel !== undefined, name);
    }
  });

  it("uses patterns that the engine's Go regular expressions know", () => {
    for (const rule of rules) assert.doesNotMatch(JSON.stringify(rule.configSchema), /\(\?[=!<]/, rule.name);
  });

  const mistakes: Readonly<Record<string, readonly [unknown, RegExp]>> = {
    "is no object": ["mandatory", /no object of rules/],
    "names a rule that does not exist": [{ "container-no-root": "advisory" }, /container-no-root: there is no rule/],
    "has a level that does not exist": [
      { "container-nonroot-user": "strict" },
      /container-nonroot-user: Invalid option: expected one of "advisory"/,
    ],
    "has a setting that does not exist": [
      { "container-nonroot-user": { exmptions: [] } },
      /there is no setting "exmptions"; there are enforcementLevel, exemptions/,
    ],
    "has an exemption without a reason": [
      { "container-nonroot-user": { exemptions: [{ role: "job" }] } },
      /container-nonroot-user: exemptions\.0\.reason: /,
    ],
    "has an exemption with a reason that says nothing": [
      { "container-nonroot-user": { exemptions: [{ role: "job", reason: "legacy" }] } },
      /exemptions\.0\.reason: .*>=20/,
    ],
    "has an exemption for nobody": [
      { "container-nonroot-user": { exemptions: [{ role: "", reason: "a reason that is long enough" }] } },
      /exemptions\.0\.role: /,
    ],
  };
  for (const [name, [config, says]] of Object.entries(mistakes)) {
    it(`is refused when it ${name}`, () => {
      const problems = configProblems(rules, config);
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? "", says);
    });
  }
});

describe("the text of a policy config", () => {
  it("is told from what is no JSON", () => {
    assert.match(configTextProblems(rules, '{ "all": "mandatory" "x": 1 }').join(), /^this is no JSON: .*position/);
  });

  it("is read for the same mistakes", () => {
    assert.deepEqual(configTextProblems(rules, '{ "all": "mandatory" }'), []);
    assert.match(configTextProblems(rules, '{ "container-no-root": "advisory" }').join(), /there is no rule/);
  });
});

describe("exemptions", () => {
  const rule = ruleNamed("container-nonroot-user");
  const reason = "a reason that is long enough to be one";
  const config = {
    [rule.name]: {
      exemptions: [
        { role: "job", reason },
        { role: "web", reason },
      ],
    },
  };
  const recorded = [job({ user: "0:0" }), service()].map((resource) => ({ ...resource, urn: urn(resource) }));

  it("are listed with rule, role and reason", () => {
    assert.deepEqual(listExemptions(rules, config), [
      { rule: rule.name, role: "job", reason },
      { rule: rule.name, role: "web", reason },
    ]);
  });

  it("are stale when the role no longer breaks the rule", async () => {
    assert.deepEqual(await staleExemptions(rules, config, recorded), [{ rule: rule.name, role: "web", reason }]);
  });

  it("are stale when nobody has the role any more", async () => {
    const gone = recorded.filter(({ name }) => name !== "job");
    assert.deepEqual(
      (await staleExemptions(rules, config, gone)).map(({ role }) => role),
      ["job", "web"],
    );
  });
});
