import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ResourceValidationArgs } from "@pulumi/policy";
import { roleOf } from "../../policy/lib/docker.ts";
import { Properties } from "../../policy/lib/properties.ts";
import { rules } from "../../policy/registry.ts";
import { containerNoNewPrivileges } from "../../policy/rules/generic/container-no-new-privileges.ts";
import type { Case } from "./cases/case.ts";
import { containerCases } from "./cases/containers.ts";
import { resourceCases } from "./cases/resources.ts";
import { stackCases } from "./cases/stacks.ts";
import { UNKNOWN_STRING, judge, resource, service, urn } from "./helpers.ts";
import type { TestResource } from "./helpers.ts";

const cases = [...containerCases, ...resourceCases, ...stackCases];

for (const { rule, passes, fails, undecided } of cases) {
  const findings = async ({ stack, settings = {} }: Case, more: Record<string, unknown> = {}) =>
    judge(rule, stack, { [rule.name]: { enforcementLevel: "mandatory", ...settings, ...more } });

  /** The first violation of the rule that is one of a resource, and not of the stack as a whole. */
  const firstAtResource = async () => {
    for (const failing of Object.values(fails)) {
      const offender = (await findings(failing))[0]?.urn;
      if (offender !== undefined) return [failing, offender] as const;
    }
    assert.fail("no failing case names a resource");
  };

  describe(rule.name, () => {
    for (const [name, passing] of Object.entries(passes)) {
      it(`passes when ${name}`, async () => {
        assert.deepEqual(
          (await findings(passing)).filter((finding) => !finding.undecided),
          [],
        );
      });
    }
    for (const [name, failing] of Object.entries(fails)) {
      it(`fails when ${name}`, async () => {
        const found = await findings(failing);
        assert.deepEqual(
          found.map(({ level, undecided: undecidedToo }) => ({ level, undecidedToo })),
          failing.says.map(() => ({ level: "mandatory", undecidedToo: false })),
        );
        // What follows the first line is the same for every violation of the rule.
        failing.says.forEach((says, index) => assert.match(found[index]?.message.split("\n")[0] ?? "", says));
      });
    }
    for (const [name, unsure] of Object.entries(undecided)) {
      it(`does not fail when ${name}`, async () => {
        const found = await findings(unsure);
        // The engine hands stack rules outputs, of which many are unknown in a preview: they stay silent.
        const expected = "validateStack" in rule ? [] : [true];
        assert.deepEqual(
          found.map((finding) => finding.undecided),
          expected,
        );
      });
    }

    it("lets an exempted role pass, and no other", async () => {
      const [failing, offender] = await firstAtResource();
      const found = failing.stack.find((resource) => urn(resource) === offender);
      assert.ok(found, "a failing case names the resource that breaks the rule");
      const role = roleOf(new Properties(found.props), found.name);
      const reason = "a reason that is long enough to be one";
      assert.deepEqual(await findings(failing, { exemptions: [{ role, reason }] }), []);
      assert.equal(
        (await findings(failing, { exemptions: [{ role: "somebody-else", reason }] })).length,
        failing.says.length,
      );
    });

    it("refuses a setting that does not exist", async () => {
      const failing = Object.values(fails)[0];
      assert.ok(failing);
      await assert.rejects(
        findings(failing, { exmptions: [] }),
        /policy config of .*: unknown setting "exmptions"; known are /,
      );
    });

    it("is silent when it is disabled", async () => {
      const failing = Object.values(fails)[0];
      assert.ok(failing);
      assert.deepEqual(await findings(failing, { enforcementLevel: "disabled" }), []);
    });
  });
}

/** Rules over texts that are often secret: what is unknown in a preview is no reason for a note, for `up` judges it again. */
const silent = [
  "env-no-plaintext-secret",
  "env-no-credential-url",
  "uploads-secret-mode",
  "no-known-default-credential",
];

describe("container-no-new-privileges as a remediation", () => {
  const remediate = (subject: TestResource): Record<string, unknown> | undefined =>
    containerNoNewPrivileges.remediateResource({ type: subject.type, props: subject.props } as ResourceValidationArgs);

  it("adds the option, and leaves everything else as it is", () => {
    const subject = service({ securityOpts: ["seccomp=/etc/sbc/seccomp.json"] });
    const securityOpts = ["seccomp=/etc/sbc/seccomp.json", "no-new-privileges:true"];
    assert.deepEqual(remediate(subject), { ...subject.props, securityOpts });
  });

  it("puts it in the place of one that is off", () => {
    const subject = service({ securityOpts: ["no-new-privileges:false", "label=type:svirt"] });
    assert.deepEqual(remediate(subject)?.["securityOpts"], ["label=type:svirt", "no-new-privileges:true"]);
  });

  for (const [name, subject] of Object.entries({
    "that has it": service({ securityOpts: ["label=type:svirt", "no-new-privileges"] }),
    "whose options a preview does not know": service({ securityOpts: [UNKNOWN_STRING] }),
    "that is no container": resource("network", "net", {}),
  })) {
    it(`leaves a resource alone ${name}`, () => assert.equal(remediate(subject), undefined));
  }
});

describe("the cases", () => {
  it("cover every rule with a pass, a violation and, where a value can be unknown, an undecided case", () => {
    assert.deepEqual(cases.map(({ rule }) => rule.name).toSorted(), rules.map(({ name }) => name).toSorted());
    for (const { rule, passes, fails, undecided } of cases) {
      assert.ok(Object.keys(passes).length > 0 && Object.keys(fails).length > 0, rule.name);
      if (!silent.includes(rule.name)) assert.ok(Object.keys(undecided).length > 0, rule.name);
    }
  });
});
