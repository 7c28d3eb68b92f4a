import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { rules } from "../../policy/registry.ts";
import { recordProgram } from "../../policy/tools/record.ts";
import { ScenarioStack } from "./cli.ts";
import { broken, expected, isAdvisory, scenarioConfig as config } from "./expectations.ts";
import { labels, resource, service } from "./helpers.ts";
import { PackProcess } from "./pack-process.ts";
import { scenarios } from "./scenarios/scenarios.ts";

const names = Object.keys(scenarios);
const alone = names.filter((name) => scenarios[name]?.alone === true);
/** Broken in an exported state, not in a preview: see the last test. */
const ON_STATE = "tls-not-due";
describe("the pack under the real CLI", { timeout: 600_000 }, () => {
  let stack: ScenarioStack;
  let standIn = false;

  before(async () => {
    stack = await ScenarioStack.create();
  });
  after(async () => {
    await stack.remove();
  });

  it("lets a stack pass that keeps every rule", async () => {
    const run = await stack.preview([], "policy", config);
    assert.equal(run.code, 0, run.output);
    assert.deepEqual(run.violations, []);
    standIn = run.output.includes("stand-in");
  });

  it("has a violating program for every rule", () => {
    assert.deepEqual([...names, ON_STATE].toSorted(), rules.map(({ name }) => name).toSorted());
  });

  it("fails with exactly the broken rule, at its resource", async (test) => {
    const wanted = names.filter((name) => !(standIn && scenarios[name]?.refusedByStandIn !== undefined));
    for (const name of names.filter((candidate) => !wanted.includes(candidate))) {
      test.diagnostic(
        `${name}: not by this CLI, for the Docker plugin is a stand-in and ${scenarios[name]?.refusedByStandIn}`,
      );
    }
    // Each rule's own preview takes two to four seconds: test/long/ has them. Here most scenarios are previewed together.
    const groups = [wanted.filter((name) => !alone.includes(name)), ...alone.map((name) => [name])];
    for (const group of groups) {
      const run = await stack.preview(group, "policy", config);
      assert.deepEqual(broken(run), expected(group), run.output);
      assert.equal(run.code, group.every(isAdvisory) ? 0 : 1, run.output);
    }
    test.diagnostic(`${wanted.length} scenarios in ${groups.length} previews by the real CLI`);
  });

  it("says what is wrong, why it matters, how to fix it and where to read more", async () => {
    const run = await stack.preview(["container-grace-period"], "policy", config);
    assert.match(run.output, /\[mandatory\].*\[severity: high\].*container-grace-period.*container-grace-period\)/);
    assert.match(run.output, /kills it at once, which corrupts databases/);
    assert.match(run.output, /No grace period is set; the role "web" needs 10 seconds/);
    assert.match(run.output, /Fix: Set `destroyGraceSeconds`/);
    assert.match(run.output, /docs\/policies\/container-grace-period\.md/);
  });

  it("refuses an exemption without a reason before anything is judged", async () => {
    const run = await stack.preview([], "policy", { "container-nonroot-user": { exemptions: [{ role: "job" }] } });
    assert.notEqual(run.code, 0);
    assert.match(run.output, /container-nonroot-user: exemptions\.0: reason is required/);
  });

  it("refuses a level that does not exist", async () => {
    const run = await stack.preview([], "policy", { "container-nonroot-user": "strict" });
    assert.notEqual(run.code, 0);
    assert.match(run.output, /"strict" is not a valid enforcement level/);
  });

  it("refuses a setting that does not exist", async () => {
    const run = await stack.preview([], "policy", { "container-nonroot-user": { exmptions: [] } });
    assert.notEqual(run.code, 0);
    assert.match(
      run.output,
      /policy config of container-nonroot-user: unknown setting "exmptions"; known are enforcementLevel, exemptions/,
    );
  });

  it("judges an exported state: a certificate near its end, and no option that a state does not hold", async () => {
    const due = await stack.analyze(exportedState(2));
    assert.notEqual(due.code, 0);
    assert.match(due.output, /tls-not-due/);
    assert.match(due.output, /The certificate expires at/);
    const fresh = await stack.analyze(exportedState(200));
    assert.equal(fresh.code, 0, fresh.output);
  });
});

describe("the pack in its own process", () => {
  let pack: PackProcess;

  before(async () => {
    pack = await PackProcess.start();
  });
  after(async () => {
    await pack.stop();
  });

  it("tells the engine everything about each rule", async () => {
    const { policiesList: policies } = await pack.info();
    assert.deepEqual(
      policies.map(({ name }) => name),
      rules.map(({ name }) => name),
    );
    for (const policy of policies) {
      const { displayname, description, severity, framework, remediationSteps, url, tagsList, configschema } = policy;
      assert.ok(displayname && description && severity && framework?.reference && remediationSteps && url, policy.name);
      assert.ok(tagsList.length > 0 && configschema?.properties, policy.name);
    }
  });

  it("fails with exactly the broken rule where a stand-in of the Docker plugin would refuse first", async () => {
    const refused = names.filter((name) => scenarios[name]?.refusedByStandIn !== undefined);
    process.env["SCENARIOS"] = refused.join(",");
    const directory = new URL("scenarios", import.meta.url).pathname;
    const resources = await recordProgram({
      directory,
      node: process.execPath,
      nodeArgs: [],
      config: {},
      stack: "test",
    });
    await pack.configure(rules, config as never);
    const found = await pack.analyze(resources);
    assert.deepEqual(
      found.map(({ rule, urn }) => `${rule} at ${urn?.split("::").at(-1)}`).toSorted(),
      expected(refused),
    );
  });
});

/** What `pulumi stack export` writes for a stack with a certificate and what the rules about absence look for. */
function exportedState(daysLeft: number): object {
  const time = new Date().toISOString();
  const end = new Date(Date.now() + daysLeft * 86_400_000).toISOString();
  const stackUrn = "urn:pulumi:prod::sbc::pulumi:pulumi:Stack::sbc-prod";
  const certificate = resource("leaf", "client-cert", {
    allowedUses: ["client_auth"],
    validityPeriodHours: 8760,
    earlyRenewalHours: 720,
    validityEndTime: end,
    readyForRenewal: false,
  });
  const resources = [
    certificate,
    resource("volume", "data", { name: "data" }, { options: { protect: true } }),
    service(
      { labels: labels("mariadb", "data"), volumes: [{ volumeName: "data", containerPath: "/var/lib/mysql" }] },
      { name: "mariadb" },
    ),
    ...[1, 2].map((index) => service({ labels: labels("asterisk", "voice") }, { name: `asterisk-${index}` })),
  ];
  return {
    manifest: { time, magic: "", version: "" },
    resources: [
      { created: time, modified: time, urn: stackUrn, custom: false, type: "pulumi:pulumi:Stack" },
      ...resources.map(({ type, name, props, options }) => ({
        created: time,
        modified: time,
        urn: `urn:pulumi:prod::sbc::${type}::${name}`,
        custom: true,
        id: name,
        type,
        inputs: props,
        outputs: props,
        parent: stackUrn,
        protect: options?.protect === true,
      })),
    ],
  };
}
