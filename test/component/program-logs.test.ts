import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { passwordOf, record, type Registered } from "../support/mocks.ts";

// Each import with a query of its own is a run of the program of its own.
let runs = 0;
const program = () => import(`../../index.ts?logs=${runs++}`) as Promise<Record<string, unknown>>;

const pipeline = ["elasticsearch", "logstash", "filebeat", "kibana"];

async function run(
  monitoring: Record<string, unknown>,
  more: Record<string, unknown> = {},
): Promise<readonly Registered[]> {
  const config = { domain: "sip.example.test", monitoring, ...more };
  return (await record(program, { config })).resources;
}

function label({ inputs }: Registered, name: string): string | undefined {
  return (inputs["labels"] as { label: string; value: string }[]).find((one) => one.label === name)?.value;
}
const containers = (resources: readonly Registered[]) =>
  resources.filter(({ type }) => type === "docker:index/container:Container");
const isJob = (container: Registered) => label(container, "sbc.role") === "job";

/** Names of containers whose inputs differ, with a number of their content taken out. */
function changed(left: readonly Registered[], right: readonly Registered[]): string[] {
  const inputs = (resources: readonly Registered[]) =>
    new Map(
      containers(resources).map(({ name, inputs: values }) => [
        name.replace(/-[0-9a-f]{8,}/, ""),
        JSON.stringify(values),
      ]),
    );
  const [a, b] = [inputs(left), inputs(right)];
  return [...new Set([...a.keys(), ...b.keys()])].filter((name) => a.get(name) !== b.get(name)).toSorted();
}

describe("a stack with the log pipeline", () => {
  let resources: readonly Registered[];
  let byName: ReadonlyMap<string, Registered>;
  const named = (name: string) => byName.get(name) ?? assert.fail(`there is no ${name}`);
  before(async () => {
    resources = await run({ profile: "full" });
    byName = new Map(containers(resources).map((container) => [container.name, container]));
  });

  test("sends the lines of every service to Filebeat, by the name of the service, and never waits", () => {
    const services = containers(resources).filter((one) => !isJob(one) && !pipeline.includes(one.name));
    assert.ok(services.length >= 6);
    for (const { name, inputs } of services) {
      assert.equal(inputs["logDriver"], "syslog", name);
      assert.deepEqual(inputs["logOpts"], {
        "syslog-address": "udp://10.6.0.6:5514",
        "syslog-format": "rfc5424micro",
        tag: name,
        mode: "non-blocking",
        "cache-max-size": "10m",
        "cache-max-file": "3",
      });
    }
  });

  test("keeps with the engine what the pipeline says about itself, and what jobs say", () => {
    const local = containers(resources).filter((one) => isJob(one) || pipeline.includes(one.name));
    for (const { name, inputs } of local) {
      assert.equal(inputs["logDriver"], "json-file", name);
      assert.deepEqual(inputs["logOpts"], { mode: "non-blocking", "max-size": "10m", "max-file": "3" }, name);
    }
  });

  /** Everything that a resource waits for. */
  function dependencies(start: Registered): Set<string> {
    const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
    const seen = new Set<string>();
    const visit = (resource: Registered | undefined) => {
      for (const urn of resource?.dependencies ?? []) {
        if (seen.has(urn)) continue;
        seen.add(urn);
        visit(byUrn.get(urn));
      }
    };
    visit(start);
    return seen;
  }

  test("lets no service of another plane wait for one that watches", () => {
    const watching = new Set(
      containers(resources)
        .filter((one) => label(one, "sbc.plane") === "monitoring")
        .map(({ urn }) => urn),
    );
    assert.ok(watching.size > 10);
    for (const container of containers(resources).filter((one) => label(one, "sbc.plane") !== "monitoring")) {
      assert.deepEqual(
        [...dependencies(container)].filter((urn) => watching.has(urn)),
        [],
        container.name,
      );
    }
  });

  test("has each part wait for what it cannot do without, and for nothing else", () => {
    const waitsFor = (name: string) => {
      const waited = dependencies(named(name));
      return containers(resources)
        .filter((one) => waited.has(one.urn) && !/-(fill|owner)$/.test(one.name))
        .map((one) => one.name)
        .toSorted();
    };
    assert.deepEqual(waitsFor("elasticsearch"), []);
    assert.deepEqual(waitsFor("elasticsearch-setup"), ["elasticsearch"]);
    assert.deepEqual(waitsFor("logstash"), ["elasticsearch", "elasticsearch-setup"]);
    assert.deepEqual(waitsFor("kibana"), ["elasticsearch", "elasticsearch-setup"]);
    assert.deepEqual(waitsFor("kibana-import"), ["elasticsearch", "elasticsearch-setup", "kibana"]);
    assert.deepEqual(waitsFor("filebeat"), []);
  });

  test("shows no password outside of what the engine encrypts", () => {
    const passwords = ["setup", "kibana", "writer", "reader", "admin"].map((user) =>
      passwordOf(`logs-${user}-password`),
    );
    let found = 0;
    for (const { name, inputs, secretInputs } of resources) {
      for (const [key, value] of Object.entries(inputs)) {
        if (!passwords.some((password) => JSON.stringify(value).includes(password))) continue;
        found++;
        assert.ok(secretInputs.includes(key), `${name}: ${key}`);
      }
    }
    assert.ok(found >= 4);
  });

  test("gives every program its key in PKCS #8, which Logstash needs, from a CA that is not the edge's", () => {
    const fills = pipeline.map((tool) => JSON.stringify(named(`${tool}-secrets-fill`).inputs["uploads"]));
    for (const files of fills) {
      assert.match(files, /-----BEGIN PRIVATE KEY-----\\n[a-z-]+-key in PKCS 8/);
      assert.match(files, /-----BEGIN CERTIFICATE-----\\nlogs-ca-certificate/);
    }
  });

  test("restarts nothing for another retention: the set-up job alone runs again", async () => {
    const shorter = await run({ profile: "full", logs: { retentionDays: 3 } });
    assert.deepEqual(changed(resources, shorter), ["elasticsearch-setup"]);
  });

  test("is not there with metrics alone, nor without Elasticsearch; logs stay with the engine then", async () => {
    for (const monitoring of [{ profile: "light" }, { profile: "full", without: ["elasticsearch"] }]) {
      const others = containers(await run(monitoring));
      assert.deepEqual(
        others.filter(({ name }) => pipeline.includes(name)),
        [],
      );
      assert.ok(others.every(({ inputs }) => inputs["logDriver"] === "json-file"));
    }
  });
});
