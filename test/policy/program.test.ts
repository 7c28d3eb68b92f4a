import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { environments, readConfig } from "../../policy/configuration.ts";
import type { Environment } from "../../policy/configuration.ts";
import { staleExemptions } from "../../policy/exemptions.ts";
import { rules } from "../../policy/registry.ts";
import { evaluate } from "../../policy/tools/evaluate.ts";
import type { RecordedResource } from "../../policy/tools/evaluate.ts";
import { recordEnvironment } from "../../policy/tools/program.ts";
import type { Profile } from "../../policy/tools/program.ts";
import { PackProcess } from "./pack-process.ts";

/** The program as an environment has it, with a profile of monitoring. */
type Variant = `${Environment}, ${Profile}`;
const variants: readonly Variant[] = ["dev, light", "dev, full", "prod, off", "prod, light", "prod, full"];
const environmentOf = (variant: Variant) => variant.split(", ")[0] as Environment;

/** A change of the recorded program that must not pass: it proves that the rules find their subjects in the real program. */
interface Weakening {
  readonly rules: readonly string[];
  readonly program: Variant;
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
const joining = (network: string) => (props: Record<string, unknown>) => {
  (props["networksAdvanced"] as object[]).push({ name: `sbc-prod-${network}-net` });
};
/** Takes away the volumes that the container writes to. */
const withoutData = (props: Record<string, unknown>) => {
  props["volumes"] = (props["volumes"] as { readOnly: boolean }[]).filter((volume) => volume.readOnly);
};
const publishing = (port: object) => (props: Record<string, unknown>) => {
  props["ports"] = [...((props["ports"] ?? []) as object[]), { protocol: "tcp", ip: "127.0.0.1", ...port }];
};
const pulling = (name: string) => (props: Record<string, unknown>) => {
  props["name"] = name;
};
const filling = (part: string) => (resource: RecordedResource) =>
  isType("Container")(resource) && resource.name.startsWith(part) && Array.isArray(resource.props["uploads"]);

const weakenings: Readonly<Record<string, Weakening>> = {
  "the edge asks nobody to slow down": {
    rules: ["kamailio-config-hardened"],
    program: "prod, off",
    where: filling("kamailio-config"),
    change: inUploads("pike_check_req", "true"),
  },
  "the edge speaks old TLS": {
    rules: ["kamailio-config-hardened"],
    program: "prod, off",
    where: filling("kamailio-tls-profiles"),
    change: inUploads("TLSv1.2+", "TLSv1"),
  },
  "the media relay learns addresses at once": {
    rules: ["kamailio-config-hardened"],
    program: "prod, off",
    where: filling("rtpengine-1-config"),
    change: inUploads("endpoint-learning = heuristic", "endpoint-learning = immediate"),
  },
  "prod publishes plain SIP": {
    rules: ["ports-allowlist"],
    program: "prod, off",
    where: named("kamailio"),
    change: publishing({ internal: 5060, external: 5060, protocol: "udp" }),
  },
  "the database forgets its volume": {
    rules: ["stack-cdr-persistent", "stack-db-private-and-persistent"],
    program: "prod, off",
    where: named("mariadb"),
    change: withoutData,
  },
  "the database's volume may be deleted": {
    rules: ["stack-db-private-and-persistent"],
    program: "prod, off",
    where: (resource) => isType("Volume")(resource) && resource.name === "mariadb-data",
    change: () => undefined,
    protect: false,
  },
  "the monitoring network is open": {
    rules: ["network-monitoring-internal", "stack-monitoring-isolated"],
    program: "dev, light",
    where: (resource) => isType("Network")(resource) && resource.name === "monitoring-net",
    change: (props) => {
      props["internal"] = false;
    },
  },
  "there is one voice node": {
    rules: ["stack-min-redundancy"],
    program: "prod, off",
    where: named("asterisk-2"),
    change: (props) => {
      props["labels"] = [
        { label: "sbc.role", value: "tool" },
        { label: "sbc.plane", value: "voice" },
      ];
    },
  },
  "the relay of metrics publishes a port": {
    rules: ["ports-allowlist"],
    program: "prod, full",
    where: named("media-metrics"),
    change: publishing({ internal: 8080, external: 9443 }),
  },
  "the relay of metrics is on the front door's network": {
    rules: ["stack-monitoring-isolated"],
    program: "prod, full",
    where: named("media-metrics"),
    change: joining("front"),
  },
  "another tool is on sbc_net": {
    rules: ["stack-monitoring-isolated"],
    program: "prod, full",
    where: named("prometheus"),
    change: joining("sbc"),
  },
  "Alertmanager is on sbc_net": {
    rules: ["stack-monitoring-isolated"],
    program: "prod, full",
    where: named("alertmanager"),
    change: joining("sbc"),
  },
  "the front door is on sbc_net": {
    rules: ["stack-monitoring-isolated"],
    program: "prod, full",
    where: named("nginx"),
    change: joining("sbc"),
  },
  "the front door publishes something else": {
    rules: ["ports-allowlist"],
    program: "prod, full",
    where: named("nginx"),
    change: publishing({ internal: 8080, external: 8080 }),
  },
  "the front door passes a tool's own port through": {
    rules: ["ports-control-plane-never-published"],
    program: "prod, full",
    where: named("nginx"),
    change: publishing({ internal: 9090, external: 9090 }),
  },
  "a tool publishes its pages itself": {
    rules: [
      "ports-allowlist",
      "ports-control-plane-never-published",
      "stack-dashboards-behind-auth",
      "stack-db-private-and-persistent",
      "stack-published-on-reachable-net",
    ],
    program: "prod, full",
    where: named("prometheus"),
    change: publishing({ internal: 9090, external: 9090 }),
  },
  "the front door asks for no password at one dashboard": {
    rules: ["stack-dashboards-behind-auth"],
    program: "prod, full",
    where: filling("nginx-config"),
    change: inUploads('auth_basic \\"kibana\\"', "auth_basic off"),
  },
  "the front door tells everybody its statistics": {
    rules: ["stack-dashboards-behind-auth"],
    program: "prod, full",
    where: filling("nginx-config"),
    change: inUploads("deny all;", ""),
  },
  "the metrics forget their volume": {
    rules: ["stack-db-private-and-persistent"],
    program: "prod, full",
    where: named("prometheus"),
    change: withoutData,
  },
  "the traces' volume may be deleted": {
    rules: ["stack-db-private-and-persistent"],
    program: "prod, full",
    where: (resource) => isType("Volume")(resource) && resource.name === "homer-db-data",
    change: () => undefined,
    protect: false,
  },
  "a tool's image is another publisher's": {
    rules: ["image-registry-allowlist"],
    program: "prod, full",
    where: (resource) => resource.name === "homer-app-image",
    change: pulling(`ghcr.io/somebody/homer-app:1@sha256:${"0".repeat(64)}`),
  },
  "prod runs a tool by its tag": {
    rules: ["image-digest-pinned"],
    program: "prod, full",
    where: (resource) => resource.name === "grafana-image",
    change: pulling("grafana/grafana:13"),
  },
  "dev runs another image by its tag": {
    rules: ["image-digest-pinned"],
    program: "dev, full",
    where: (resource) => resource.name === "mariadb-image",
    change: (props) => {
      delete props["build"];
      props["name"] = "mariadb:11";
    },
  },
  "a job stays": {
    rules: ["job-one-shot"],
    program: "prod, off",
    where: filling("kamailio-config"),
    change: (props) => {
      props["restart"] = "always";
    },
  },
};

describe("the pack over this repository's program", { timeout: 120_000 }, () => {
  const programs = new Map<Variant, readonly RecordedResource[]>();
  let pack: PackProcess;

  before(async () => {
    for (const variant of variants) {
      const [environment, profile] = variant.split(", ") as [Environment, Profile];
      programs.set(variant, await recordEnvironment(environment, profile));
    }
    pack = await PackProcess.start();
  });
  after(async () => {
    await pack.stop();
  });

  const roles = (variant: Variant) =>
    new Set((programs.get(variant) ?? []).filter(isType("Container")).map(({ name }) => name));

  it("judges all tools of a profile", () => {
    for (const environment of environments) {
      for (const tool of ["nginx", "prometheus", "alertmanager", "media-metrics", "grafana"])
        assert.ok(roles(`${environment}, light`).has(tool), `${environment}: ${tool}`);
      for (const tool of ["heplify-server", "homer-app", "homer-db", "elasticsearch", "logstash", "filebeat", "kibana"])
        assert.ok(roles(`${environment}, full`).has(tool), `${environment}: ${tool}`);
    }
    assert.ok(!roles("prod, off").has("prometheus"));
  });

  for (const variant of variants) {
    it(`finds nothing in ${variant}`, async () => {
      const resources = programs.get(variant) ?? [];
      assert.ok(resources.length > 40, `${resources.length} resources were recorded`);
      await pack.configure(rules, readConfig(environmentOf(variant)));
      assert.deepEqual(await pack.analyze(resources), []);
    });
  }

  for (const environment of environments) {
    it(`needs every exemption of ${environment}`, async () => {
      const resources = programs.get(`${environment}, full`) ?? [];
      assert.deepEqual(await staleExemptions(rules, readConfig(environment), resources), []);
    });
  }

  for (const [name, { rules: broken, program, where, change, protect }] of Object.entries(weakenings)) {
    it(`fails with ${broken.join(", ")} when ${name}`, async () => {
      const resources = programs.get(program) ?? [];
      assert.ok(resources.some(where), "the program has the resource that is weakened");
      const weakened = resources.map((resource) => {
        if (!where(resource)) return resource;
        const props = structuredClone(resource.props);
        change(props, resource);
        return { ...resource, props, options: { ...resource.options, ...(protect === undefined ? {} : { protect }) } };
      });
      const found = await evaluate(rules, weakened, readConfig(environmentOf(program)));
      assert.deepEqual([...new Set(found.map((finding) => finding.rule))].toSorted(), broken);
    });
  }
});
