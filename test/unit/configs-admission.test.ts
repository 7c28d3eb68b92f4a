import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { admissionDefaults, admissionPolicy, type ClassRules } from "../../configs/kamailio/admission.ts";

const protection = { maxCalls: 100, callsPerSecond: 50, premiumPrefixes: ["979", "4990"], allowed: [] };
const office: ClassRules = {
  name: "office",
  maxCalls: 3,
  callsPerSecond: 2,
  callMaxSeconds: 600,
  destinations: ["49", "1"],
  dailyCalls: 20,
  dailyMinutes: 0,
};

describe("rows of admission", () => {
  it("hold all rules of each listed class, so that the edge needs to look nowhere else", () => {
    const policy = admissionPolicy({ classes: [office], protection });
    const own = Object.entries(policy).filter(([key]) => key.startsWith("class.office."));
    assert.deepEqual(Object.fromEntries(own), {
      "class.office.max_calls": 3,
      "class.office.calls_per_second": 2,
      "class.office.call_seconds": 600,
      "class.office.daily_calls": 20,
      "class.office.daily_minutes": 0,
      "class.office.to.49": 1,
      "class.office.to.1": 1,
    });
    assert.deepEqual(
      [policy["edge.max_calls"], policy["edge.calls_per_second"], policy["premium.979"], policy["premium.4990"]],
      [100, 50, 1, 1],
    );
  });

  it("let nobody out by a trunk who has not been allowed to", () => {
    const policy = admissionPolicy({ classes: [], protection });
    assert.equal(policy["class.default.max_calls"], admissionDefaults.maxCalls);
    assert.deepEqual(
      Object.keys(policy).filter((key) => key.includes(".to.")),
      [],
    );
  });

  it("take the rules of the default class from the stack when it lists that class", () => {
    const policy = admissionPolicy({ classes: [{ ...office, name: "default" }], protection });
    assert.deepEqual([policy["class.default.max_calls"], policy["class.default.to.49"]], [3, 1]);
  });
});
