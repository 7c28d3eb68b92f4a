import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { environments, readConfig } from "../../policy/configuration.ts";
import type { Environment } from "../../policy/configuration.ts";
import { staleExemptions } from "../../policy/exemptions.ts";
import { rules } from "../../policy/registry.ts";
import { evaluate } from "../../policy/tools/evaluate.ts";
import type { RecordedResource } from "../../policy/tools/evaluate.ts";
import { recordEnvironment } from "../../policy/tools/program.ts";
import { PackProcess } from "./pack-process.ts";

/** A change of the recorded program that must not pass: it proves that the rules find their subjects in the real program. */
interface Weakening {
  readonly rules: readonly string[];
  readonly environment: Environment;
  /** Which resources are changed. */
  readonly where: (resource: RecordedResource) => boolean;
  /** Makes the change on a copy of the properties. */
  readonly change: (props: Record<string, unknown>, resource: RecordedResource) => void;
  readonly protect?: boolean;
}

const isType = (type: string) => (resource: RecordedResource) => resource.type.endsWith(`:${type}`);
const named = (name: string) => (resource: RecordedResource) => isType("Container")(resource) && resource.name === name;
const inUploads = (from: string, to: string) => (props: Record<string, unknown>) => {
  props["uploads"] = JSON.parse(JSON.stringify(props["uploads"]).replaceAll(from, to));
};
const filling = (part: string) => (resource: RecordedResource) =>
  isType("Container")(resource) && resource.name.startsWith(part) && Array.isArray(resource.props["uploads"]);

const weakenings: Readonly<Record<string, Weakening>> = {
  "the edge asks nobody to slow down": {
    rules: ["kamailio-config-hardened"],
    environment: "prod",
    where: filling("kamailio-config"),
    change: inUploads("pike_check_req", "true"),
  },
  "the edge speaks old TLS": {
    rules: ["kamailio-config-hardened"],
    environment: "prod",
    where: filling("kamailio-tls-profiles"),
    change: inUploads("TLSv1.2+", "TLSv1"),
  },
  "the media relay learns addresses at once": {
    rules: ["kamailio-config-hardened"],
    environment: "prod",
    where: filling("rtpengine-1-config"),
    change: inUploads("endpoint-learning = heuristic", "endpoint-learning = immediate"),
  },
  "prod publishes plain SIP": {
    rules: ["ports-allowlist"],
    environment: "prod",
    where: named("kamailio"),
    change: (props) => {
      (props["ports"] as object[]).push({ internal: 5060, external: 5060, protocol: "udp", ip: "192.0.2.10" });
    },
  },
  "the database forgets its volume": {
    rules: ["stack-cdr-persistent", "stack-db-private-and-persistent"],
    environment: "prod",
    where: named("mariadb"),
    change: (props) => {
      props["volumes"] = (props["volumes"] as { readOnly: boolean }[]).filter((volume) => volume.readOnly);
    },
  },
  "the database's volume may be deleted": {
    rules: ["stack-db-private-and-persistent"],
    environment: "prod",
    where: (resource) => isType("Volume")(resource) && resource.name === "mariadb-data",
    change: () => undefined,
    protect: false,
  },
  "the monitoring network is open": {
    rules: ["network-monitoring-internal"],
    environment: "dev",
    where: (resource) => isType("Network")(resource) && resource.name === "monitoring-net",
    change: (props) => {
      props["internal"] = false;
    },
  },
  "there is one voice node": {
    rules: ["stack-min-redundancy"],
    environment: "prod",
    where: named("asterisk-2"),
    change: (props) => {
      props["labels"] = [
        { label: "sbc.role", value: "tool" },
        { label: "sbc.plane", value: "voice" },
      ];
    },
  },
  "a job stays": {
    rules: ["job-one-shot"],
    environment: "prod",
    where: filling("kamailio-config"),
    change: (props) => {
      props["restart"] = "always";
    },
  },
};

describe("the pack over this repository's program", { timeout: 120_000 }, () => {
  const programs = new Map<Environment, readonly RecordedResource[]>();
  let pack: PackProcess;

  before(async () => {
    for (const environment of environments) programs.set(environment, await recordEnvironment(environment));
    pack = await PackProcess.start();
  });
  after(async () => {
    await pack.stop();
  });

  for (const environment of environments) {
    it(`finds nothing in ${environment}`, async () => {
      const resources = programs.get(environment) ?? [];
      assert.ok(resources.length > 40, `${resources.length} resources were recorded`);
      await pack.configure(rules, readConfig(environment));
      assert.deepEqual(await pack.analyze(resources), []);
    });

    it(`needs every exemption of ${environment}`, async () => {
      assert.deepEqual(await staleExemptions(rules, readConfig(environment), programs.get(environment) ?? []), []);
    });
  }

  for (const [name, { rules: broken, environment, where, change, protect }] of Object.entries(weakenings)) {
    it(`fails with ${broken.join(", ")} when ${name}`, async () => {
      const resources = programs.get(environment) ?? [];
      assert.ok(resources.some(where), "the program has the resource that is weakened");
      const weakened = resources.map((resource) => {
        if (!where(resource)) return resource;
        const props = structuredClone(resource.props);
        change(props, resource);
        return { ...resource, props, options: { ...resource.options, ...(protect === undefined ? {} : { protect }) } };
      });
      const found = await evaluate(rules, weakened, readConfig(environment));
      assert.deepEqual([...new Set(found.map((finding) => finding.rule))], broken);
    });
  }
});
