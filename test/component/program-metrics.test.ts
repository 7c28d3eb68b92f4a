import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { monitoringMemory } from "../../configs/monitoring-memory.ts";
import { record, type Registered } from "../support/mocks.ts";

let runs = 0;
const program = () => import(`../../index.ts?metrics=${runs++}`) as Promise<Record<string, unknown>>;
const watched = { domain: "sip.example.test", monitoring: { profile: "light", without: ["grafana"] } };

/** The services of a stack by role. */
async function services(config: Record<string, unknown>): Promise<Map<string, Registered>> {
  const { resources } = await record(program, { config });
  const containers = resources.filter(({ type }) => type === "docker:index/container:Container");
  return new Map(containers.map((container) => [label(container, "sbc.role"), container]));
}

function label({ inputs }: Registered, name: string): string {
  const labels = inputs["labels"] as { label: string; value: string }[];
  return labels.find((one) => one.label === name)?.value ?? "";
}

const networksOf = ({ inputs }: Registered) =>
  ((inputs["networksAdvanced"] ?? []) as { name: string }[])
    .map(({ name }) => name.replace(/^sbc-dev-/, ""))
    .toSorted();

describe("the metrics plane", () => {
  let stack: Map<string, Registered>;
  before(async () => {
    stack = await services(watched);
  });

  test("is on monitoring_net alone, but for what has to ask elsewhere", () => {
    const plane = [...stack].filter(([, container]) => label(container, "sbc.plane") === "monitoring");
    assert.deepEqual(Object.fromEntries(plane.map(([role, container]) => [role, networksOf(container)])), {
      alertmanager: ["monitoring-net"],
      "blackbox-exporter": ["monitoring-net"],
      "media-metrics": ["monitoring-net", "sbc-net"],
      "mysqld-exporter": ["data-net", "monitoring-net"],
      nginx: ["front-net", "monitoring-net"],
      "nginx-exporter": ["monitoring-net"],
      "node-exporter": ["monitoring-net"],
      prometheus: ["monitoring-net"],
    });
  });

  test("has a way outside for Alertmanager only where somebody is to be told", async () => {
    const alerts = { webhooks: [{ name: "chat", url: "https://alerts.example.com/" }] };
    const told = await services({ ...watched, monitoring: { ...watched.monitoring, alerts } });
    const alertmanager = told.get("alertmanager") ?? assert.fail();
    assert.deepEqual(networksOf(alertmanager), ["front-net", "monitoring-net"]);
  });

  test("is nothing that any part of the other planes waits for", () => {
    const tools = new Set(
      [...stack].filter(([, one]) => label(one, "sbc.plane") === "monitoring").map(([, { urn }]) => urn),
    );
    for (const [role, container] of stack) {
      if (label(container, "sbc.plane") === "monitoring") continue;
      assert.deepEqual(
        container.dependencies.filter((urn) => tools.has(urn)),
        [],
        role,
      );
    }
  });

  test("publishes nothing but the front door", () => {
    for (const [role, { inputs }] of stack) {
      if (role !== "nginx" && role !== "kamailio") assert.equal(inputs["ports"], undefined, role);
    }
  });

  test("is not there, nor a user and a listener for it, where nothing watches the stack", async () => {
    const { resources } = await record(program, { config: { domain: watched.domain } });
    const names = resources.map(({ name }) => name);
    assert.ok(!names.some((name) => /prometheus|exporter|media-metrics|alertmanager/.test(name)), names.join(" "));
  });
});

describe("the table of the monitoring's memory", () => {
  test("has every container of the full profile, with the limit that it gets", async () => {
    const stack = await services({ domain: watched.domain, monitoring: { profile: "full" } });
    const plane = [...stack].filter(([, container]) => label(container, "sbc.plane") === "monitoring");
    const limits = plane.flatMap(([role, { name, inputs }]) => (role === "job" ? [] : [[name, inputs["memory"]]]));
    assert.deepEqual(
      Object.fromEntries(limits),
      Object.fromEntries(Object.entries(monitoringMemory).map(([tool, { limitMb }]) => [tool, limitMb])),
    );
  });
});
