import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { passwordOf, record, type Registered } from "../support/mocks.ts";

// Each import with a query of its own is a run of the program of its own.
let runs = 0;
const program = () => import(`../../index.ts?grafana=${runs++}`) as Promise<Record<string, unknown>>;

async function run(more: Record<string, unknown> = {}): Promise<readonly Registered[]> {
  const config = { domain: "sip.example.test", monitoring: { profile: "light" }, ...more };
  return (await record(program, { config })).resources;
}

function one(resources: readonly Registered[], name: string): Registered {
  const found = resources.find((resource) => resource.name === name && !resource.type.startsWith("sbc:"));
  return found ?? assert.fail(`no ${name}`);
}

describe("Grafana", () => {
  test("has its own image from its publisher or from whoever the configuration names, and is on one network only", async () => {
    const own = await run();
    assert.match(String(one(own, "grafana-image").inputs["name"]), /^grafana\/grafana:/);
    const images = { grafana: "mirror.example.com/grafana:13" };
    const named = await run({ monitoring: { profile: "light", images } });
    assert.equal(one(named, "grafana-image").inputs["name"], images.grafana);
    const networks = one(own, "grafana").inputs["networksAdvanced"] as { ipv4Address: string }[];
    assert.deepEqual(
      networks.map(({ ipv4Address }) => ipv4Address),
      ["10.6.0.13"],
    );
    assert.equal(one(own, "grafana").inputs["ports"], undefined);
  });

  test("gets its password by a file that nobody else may read, and by nothing that is not secret", async () => {
    const resources = await run();
    const [password, key] = [passwordOf("grafana-password"), passwordOf("grafana-secret-key")];
    const holders = resources.filter(({ inputs }) =>
      [password, key].some((text) => JSON.stringify(inputs).includes(text)),
    );
    assert.deepEqual(
      holders.map(({ name }) => name),
      ["grafana-secrets-fill"],
    );
    assert.deepEqual(
      holders.flatMap(({ secretInputs }) => secretInputs),
      ["uploads"],
    );
  });

  test("is replaced with the volume of its secrets when its password is rotated, and nothing else is", async () => {
    const trigger = (resources: readonly Registered[], name: string) => one(resources, name).replacementTrigger;
    const [before, after] = [await run(), await run({ rotation: { grafana: 1 } })];
    assert.notEqual(trigger(before, "grafana-password"), trigger(after, "grafana-password"));
    assert.equal(trigger(before, "grafana-secret-key"), trigger(after, "grafana-secret-key"));
    const { propertyDependencies } = one(after, "grafana");
    const needed = (propertyDependencies["volumes"] ?? []).map((urn) => urn.split("::").at(-1));
    assert.ok(needed.includes("grafana-secrets"), needed.join());
  });

  test("is left out with the landing page saying so, where the configuration says that it is", async () => {
    const resources = await run({ monitoring: { profile: "light", without: ["grafana"] } });
    assert.deepEqual(
      resources.filter(({ name }) => name.startsWith("grafana")).map(({ name }) => name),
      [],
    );
    const fill = resources.find(({ name }) => /^nginx-landing-.*-fill$/.test(name)) ?? assert.fail("no landing page");
    const uploads = fill.inputs["uploads"] as { file: string; content: string }[];
    const page = uploads.find(({ file }) => file.endsWith("/page.json"))?.content ?? "";
    const { tools, leftOut, logins } = JSON.parse(page) as Record<string, { name?: string; user?: string }[]>;
    assert.deepEqual(
      tools?.map(({ name }) => name),
      ["Prometheus", "Alertmanager"],
    );
    assert.deepEqual(leftOut, [{ name: "grafana", reason: "sbc:monitoring.without says so" }]);
    assert.deepEqual(
      logins?.map(({ user }) => user),
      ["operator"],
    );
  });
});
