import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { passwordOf, record, type Registered } from "../support/mocks.ts";

// Each import with a query of its own is a run of the program of its own.
let runs = 0;
const program = () => import(`../../index.ts?run=${runs++}`) as Promise<Record<string, unknown>>;

const dev = { domain: "sip.example.test", subscribers: [{ name: "alice" }, { name: "bob" }] };

const containerType = "docker:index/container:Container";

/** A stack as the program registers it. */
class Stack {
  readonly resources: readonly Registered[];
  constructor(resources: readonly Registered[]) {
    this.resources = resources;
  }
  ofType(type: string): Registered[] {
    return this.resources.filter((resource) => resource.type === type);
  }
  one(type: string, name: string): Registered {
    const found = this.ofType(type).find((resource) => resource.name === name);
    assert.ok(found, `there is no ${type} ${name}`);
    return found;
  }
  get containers(): Registered[] {
    return this.ofType(containerType);
  }
  get services(): Registered[] {
    return this.containers.filter((container) => label(container, "sbc.role") !== "job");
  }
  get jobs(): Registered[] {
    return this.containers.filter((container) => label(container, "sbc.role") === "job");
  }
}

async function run(config: Record<string, unknown> = dev, stack = "dev"): Promise<Stack> {
  const { resources } = await record(program, { config, stack });
  return new Stack(resources);
}

function label(resource: Registered, name: string): string | undefined {
  const labels = resource.inputs["labels"] as { label: string; value: string }[];
  return labels.find((one) => one.label === name)?.value;
}

/** Names of the resources that only one of two runs has, or that differ in their inputs. */
function difference(left: Stack, right: Stack): string[] {
  const inputs = (stack: Stack) => new Map(stack.resources.map(({ urn, inputs }) => [urn, JSON.stringify(inputs)]));
  const [a, b] = [inputs(left), inputs(right)];
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((urn) => a.get(urn) !== b.get(urn))
    .map((urn) => urn.split("::").at(-1) ?? "")
    .toSorted();
}

describe("dev", () => {
  let stack: Stack;
  before(async () => {
    stack = await run();
  });

  test("has the services of the core, by their names in Docker", () => {
    assert.deepEqual(stack.services.map(({ inputs }) => inputs["name"]).toSorted(), [
      "sbc-dev-asterisk-1",
      "sbc-dev-asterisk-2",
      "sbc-dev-kamailio",
      "sbc-dev-mariadb",
      "sbc-dev-rtpengine-1",
    ]);
  });

  test("every name in Docker carries the stack's", () => {
    const kinds = [containerType, "docker:index/network:Network", "docker:index/volume:Volume"];
    for (const resource of kinds.flatMap((kind) => stack.ofType(kind))) {
      assert.match(String(resource.inputs["name"]), /^sbc-dev-/);
    }
  });

  test("every resource belongs to a component, but for what several of them share", () => {
    const outside = stack.resources.filter(({ parent, type }) => parent === "" && !type.startsWith("sbc:"));
    assert.deepEqual(outside.map(({ name }) => name).toSorted(), [
      "kamailio-image",
      "subscriber-alice-password",
      "subscriber-bob-password",
    ]);
  });

  test("monitoring_net and data_net are internal; only the edge and its media and voice are on sbc_net", () => {
    const internal = (name: string) => stack.one("docker:index/network:Network", name).inputs["internal"];
    assert.deepEqual([internal("sbc-net"), internal("monitoring-net"), internal("data-net")], [false, true, true]);
    const mariadb = stack.one(containerType, "mariadb").inputs["networksAdvanced"] as { name: string }[];
    assert.deepEqual(
      mariadb.map(({ name }) => name),
      ["sbc-dev-data-net"],
    );
  });

  test("only Kamailio publishes ports, on the loopback address, sorted as the engine reads them back", () => {
    const published = stack.services.filter(({ inputs }) => inputs["ports"] !== undefined);
    assert.deepEqual(
      published.map(({ name }) => name),
      ["kamailio"],
    );
    assert.deepEqual(published[0]?.inputs["ports"], [
      { internal: 5060, external: 5060, protocol: "tcp", ip: "127.0.0.1" },
      { internal: 5060, external: 5060, protocol: "udp", ip: "127.0.0.1" },
      { internal: 5061, external: 5061, protocol: "tcp", ip: "127.0.0.1" },
    ]);
  });

  test("every service is hardened", () => {
    const uids = new Set<unknown>();
    for (const { name, inputs } of stack.services) {
      uids.add(inputs["user"]);
      assert.match(String(inputs["user"]), /^41\d\d:41\d\d$/, name);
      assert.equal(inputs["readOnly"], true, name);
      assert.deepEqual(inputs["capabilities"], { drops: ["ALL"] }, name);
      assert.deepEqual(inputs["securityOpts"], ["no-new-privileges:true"], name);
      assert.equal(inputs["privileged"], undefined, name);
      assert.equal(inputs["memorySwap"], inputs["memory"], name);
      assert.ok(Number(inputs["memory"]) > 0 && Number(inputs["cpus"]) > 0, name);
      assert.equal(inputs["restart"], "unless-stopped", name);
      assert.equal(inputs["wait"], true, name);
      assert.ok(Number(inputs["destroyGraceSeconds"]) >= 10, name);
      assert.deepEqual(
        (inputs["ulimits"] as { name: string }[]).map((limit) => limit.name),
        ["nofile", "nproc"],
        name,
      );
      assert.deepEqual(Object.keys(inputs["logOpts"] as object).toSorted(), ["max-file", "max-size", "mode"], name);
      assert.equal(inputs["uploads"], undefined, name);
      assert.equal(inputs["envs"], undefined, name);
      const { tests } = inputs["healthcheck"] as { tests: string[] };
      assert.equal(tests[0], "CMD", `${name}: the shell of CMD-SHELL knows no /dev/tcp`);
    }
    assert.equal(uids.size, 4, "one user id per kind of service");
  });

  test("a service writes only to memory, and MariaDB to its data", () => {
    const inMemory = stack.ofType("docker:index/volume:Volume").flatMap(({ inputs }) => {
      const options = inputs["driverOpts"] as { type: string } | undefined;
      return options?.type === "tmpfs" ? [inputs["name"]] : [];
    });
    for (const { name, inputs } of stack.services) {
      const mounts = inputs["volumes"] as { volumeName: string; containerPath: string; readOnly: boolean }[];
      const writable = mounts.filter(({ readOnly, volumeName }) => !readOnly && !inMemory.includes(volumeName));
      assert.deepEqual(
        writable.map(({ containerPath }) => containerPath),
        name === "mariadb" ? ["/var/lib/mysql"] : [],
        name,
      );
    }
  });

  test("a control socket is shared with jobs alone", () => {
    const sockets = ["mariadb", "asterisk-1", "asterisk-2"].map((name) => `sbc-dev-${name}-socket`);
    for (const socket of sockets) {
      const users = stack.containers.filter(({ inputs }) =>
        (inputs["volumes"] as { volumeName: string }[]).some(({ volumeName }) => volumeName === socket),
      );
      assert.equal(users.filter((user) => stack.services.includes(user)).length, 1, socket);
      assert.equal(users.length, 2, socket);
    }
  });

  test("every container can be replaced: deleted first, and replaced for what the provider does not update", () => {
    for (const { name, deleteBeforeReplace, replaceOnChanges } of stack.containers) {
      assert.equal(deleteBeforeReplace, true, name);
      const expected = ["healthcheck", "tmpfs", "init", "cpuPeriod", "cpuQuota", "#initerror"];
      assert.deepEqual(replaceOnChanges, expected, name);
    }
  });

  test("every service depends by property on its networks, image and volumes, so that their replacement reaches it", () => {
    for (const { name, propertyDependencies } of stack.services) {
      const types = (property: string) =>
        new Set((propertyDependencies[property] ?? []).map((urn) => urn.split("::").at(-2)?.split("$").at(-1)));
      assert.deepEqual([...types("networksAdvanced")], ["docker:index/network:Network"], name);
      assert.deepEqual([...types("image")], ["docker:index/remoteImage:RemoteImage"], name);
      assert.deepEqual([...types("volumes")], ["docker:index/volume:Volume"], name);
    }
  });

  test("no property of a service comes from a job, so that a job that runs again replaces nothing", () => {
    const jobs = new Set(stack.jobs.map(({ urn }) => urn));
    for (const { name, propertyDependencies, dependencies } of stack.services) {
      for (const urns of Object.values(propertyDependencies))
        assert.ok(
          urns.every((urn) => !jobs.has(urn)),
          name,
        );
      assert.ok(
        dependencies.some((urn) => jobs.has(urn)),
        `${name} has to wait for its configuration`,
      );
    }
  });

  test("only Kamailio waits for the database: the other chains start beside it", () => {
    const mariadb = stack.one(containerType, "mariadb").urn;
    const waiting = stack.services.filter(({ dependencies }) => dependencies.includes(mariadb));
    assert.deepEqual(waiting, []);
    const provision = stack.one(containerType, "database-provision");
    const nodes = ["asterisk-1", "asterisk-2"].map((name) => stack.one(containerType, name).urn);
    assert.ok([mariadb, ...nodes].every((urn) => provision.dependencies.includes(urn)));
    const after = stack.services.filter(({ dependencies }) => dependencies.includes(provision.urn));
    assert.deepEqual(
      after.map(({ name }) => name),
      ["kamailio"],
    );
  });

  test("jobs run once, have no privilege but what filling a volume takes, and publish nothing", () => {
    for (const { name, inputs } of stack.jobs) {
      assert.deepEqual(
        [inputs["mustRun"], inputs["attach"], inputs["logs"], inputs["restart"], inputs["ports"]],
        [false, true, true, "no", undefined],
        name,
      );
      const fills = name.endsWith("-fill");
      const local = fills || ["mariadb-passwords", "asterisk-reload"].includes(name);
      assert.equal(inputs["networkMode"], local ? "none" : "bridge", name);
      const { adds = [] } = inputs["capabilities"] as { adds?: string[] };
      assert.deepEqual(adds, fills ? ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"] : [], name);
      if (!fills) assert.match(String(inputs["user"]), /^41\d\d:41\d\d$/, name);
    }
  });

  test("secrets are marked wherever they go, and go nowhere but into uploads of mode 0400", () => {
    const passwords = stack.ofType("random:index/randomPassword:RandomPassword").map(({ name }) => passwordOf(name));
    let found = 0;
    for (const { name, inputs, secretInputs } of stack.resources) {
      for (const [property, value] of Object.entries(inputs)) {
        const text = JSON.stringify(value);
        if (!passwords.some((password) => text.includes(password)) && !text.includes("BEGIN PRIVATE KEY")) continue;
        found++;
        assert.ok(secretInputs.includes(property), `${name}.${property} holds a secret that is not marked`);
        if (property !== "uploads") {
          assert.match(property, /PrivateKeyPem$|privateKeyPem$/, `${name}.${property}`);
          continue;
        }
        for (const upload of value as { content: string; permissions: string }[]) {
          const holds =
            passwords.some((password) => upload.content.includes(password)) ||
            upload.content.includes("BEGIN PRIVATE KEY");
          if (holds) assert.equal(upload.permissions, "0400", name);
        }
      }
    }
    assert.ok(found >= 6, "the test has to find what it judges");
  });

  test("plain configuration stays readable in a preview", () => {
    const plain = stack.jobs.filter(({ name }) => /-config-[0-9a-f]{12}-fill$/.test(name));
    assert.equal(plain.length, 5);
    for (const { name, secretInputs } of plain) assert.deepEqual(secretInputs, [], name);
  });

  test("generated passwords are long and need no escaping", () => {
    for (const { inputs } of stack.ofType("random:index/randomPassword:RandomPassword")) {
      assert.deepEqual([inputs["length"], inputs["special"]], [32, false]);
    }
  });

  test("the certificate is for the domain and the addresses that phones may be given", () => {
    const request = stack.one("tls:index/certRequest:CertRequest", "kamailio-tls-request");
    assert.deepEqual(request.inputs["dnsNames"], ["sip.example.test"]);
    assert.deepEqual(request.inputs["ipAddresses"], ["127.0.0.1", "10.5.0.2"]);
    for (const key of stack.ofType("tls:index/privateKey:PrivateKey")) {
      assert.deepEqual([key.inputs["algorithm"], key.inputs["ecdsaCurve"]], ["ECDSA", "P256"]);
    }
  });
});

describe("a change replaces only what it has to", () => {
  const cases: [string, Record<string, unknown>, RegExp[]][] = [
    [
      "a subscriber more",
      { subscribers: [{ name: "alice" }, { name: "bob" }, { name: "carol" }] },
      [/^database-provision$/, /^kamailio-reload$/, /^subscriber-carol-password$/],
    ],
    [
      "a node more",
      { asterisk: { nodes: 3 } },
      [/^asterisk-3($|-config-|-socket$)/, /^asterisk-reload$/, /^database-provision$/, /^kamailio-reload$/],
    ],
    ["a node that is drained", { asterisk: { drain: ["asterisk-2"] } }, [/^database-provision$/, /^kamailio-reload$/]],
    [
      "a blocked network",
      { protection: { blocked: ["203.0.113.0/24"] } },
      [/^database-provision$/, /^kamailio-reload$/],
    ],
    ["a timer of the edge", { timers: { nodePingSeconds: 9 } }, [/^kamailio$/, /^kamailio-config-/]],
    ["calls per node", { asterisk: { maxCalls: 9 } }, [/^asterisk-\d($|-config-)/]],
    ["the media range", { rtp: { portMin: 40000, portMax: 41000 } }, [/^rtpengine-1($|-config-)/]],
    [
      "an RTPengine more",
      { rtp: { instances: 2 } },
      [/^rtpengine-2($|-config-)/, /^database-provision$/, /^kamailio-reload$/],
    ],
    [
      "an RTPengine that is drained",
      { rtp: { instances: 2, drain: ["rtpengine-2"] } },
      [/^rtpengine-2($|-config-)/, /^database-provision$/, /^kamailio-reload$/],
    ],
    ["SRTP that is required", { rtp: { srtp: { tls: "required" } } }, [/^database-provision$/, /^kamailio-reload$/]],
    ["the database's memory", { database: { bufferPoolMb: 100 } }, [/^mariadb($|-config-)/]],
    ["a container's memory", { resources: { rtpengine: { memoryMb: 300 } } }, [/^rtpengine-1$/]],
  ];
  for (const [name, config, allowed] of cases) {
    test(name, async () => {
      const changed = difference(await run(), await run({ ...dev, ...config }));
      for (const resource of changed)
        assert.ok(
          allowed.some((pattern) => pattern.test(resource)),
          `${resource} was touched`,
        );
      for (const pattern of allowed)
        assert.ok(
          changed.some((resource) => pattern.test(resource)),
          `${pattern} was not touched`,
        );
    });
  }
});

describe("a counter of rotations replaces its secret and no other", () => {
  const cases: [string, Record<string, unknown>, string][] = [
    ["database.kamailio", { rotation: { database: { kamailio: 1 } } }, "database-kamailio-password"],
    ["database.asterisk", { rotation: { database: { asterisk: 1 } } }, "database-asterisk-password"],
    ["database.report", { rotation: { database: { report: 1 } } }, "database-report-password"],
    ["database.schema", { rotation: { database: { schema: 1 } } }, "database-schema-password"],
    ["edge.opsToken", { rotation: { edge: { opsToken: 1 } } }, "kamailio-ops-token"],
    ["edge.nonceKey", { rotation: { edge: { nonceKey: 1 } } }, "kamailio-nonce-secret"],
    ["certificates.server", { rotation: { certificates: { server: 1 } } }, "kamailio-tls-key"],
    ["certificates.ca", { rotation: { certificates: { ca: 1 } } }, "ca-key"],
    ["a subscriber", { subscribers: [{ name: "alice", rotation: 1 }, { name: "bob" }] }, "subscriber-alice-password"],
  ];
  for (const [name, config, secret] of cases) {
    test(name, async () => {
      const [before, after] = [await run(), await run({ ...dev, ...config })];
      const triggers = new Map(before.resources.map(({ urn, replacementTrigger }) => [urn, replacementTrigger]));
      const changed = after.resources.filter(({ urn, replacementTrigger }) => triggers.get(urn) !== replacementTrigger);
      assert.deepEqual(
        changed.map(({ name: resource }) => resource),
        [secret],
      );
      // Without a value the first rotation would be no change to the engine.
      assert.equal(triggers.get(changed[0]?.urn ?? ""), 0);
      assert.deepEqual(difference(before, after), []);
    });
  }
});

describe("configuration that another knows by the network", () => {
  test("with a public address phones are told that address and the published ports", async () => {
    const edge = { bind: "192.0.2.10", publicAddress: "198.51.100.7", ports: { udp: 15060 } };
    const stack = await run({ ...dev, edge });
    const fill = stack.jobs.find(({ name }) => /^kamailio-config-.*-fill$/.test(name));
    const uploads = fill?.inputs["uploads"] as { file: string; content: string }[];
    const text = uploads.find(({ file }) => file.endsWith("/stack.cfg"))?.content ?? "";
    assert.match(text, /listen=udp:10\.5\.0\.2:5060 advertise 198\.51\.100\.7:15060/);
  });

  test("with IPv6 sbc_net has a subnet of it, and the edge and its media an address each, and nobody else", async () => {
    const ipv6 = { subnet: "fd00:5bc::/64", transports: ["tls"] };
    const { resources, value } = await record(program, { config: { ...dev, edge: { ipv6 } } });
    const stack = new Stack(resources);
    const networks = stack.ofType("docker:index/network:Network");
    assert.deepEqual(
      networks
        .toSorted((a, b) => b.name.localeCompare(a.name))
        .map(({ name, inputs }) => [name, inputs["ipv6"], (inputs["ipamConfigs"] as unknown[]).length]),
      [
        ["sbc-net", true, 2],
        ["monitoring-net", undefined, 1],
        ["data-net", undefined, 1],
      ],
    );
    const addresses = stack.services.flatMap(({ name, inputs }) =>
      (inputs["networksAdvanced"] as { ipv6Address?: string }[]).flatMap(({ ipv6Address: address }) =>
        address === undefined ? [] : [[name, address]],
      ),
    );
    assert.deepEqual(Object.fromEntries(addresses), { kamailio: "fd00:5bc::2", "rtpengine-1": "fd00:5bc::4" });
    assert.partialDeepStrictEqual(value["sip"], { tls6: "[fd00:5bc::2]:5061" });
  });

  test("on the host's network media have the host's IPv6 address", async () => {
    const ipv6 = { subnet: "fd00:5bc::/64", mediaAddress: "fd00:5bc:1::10" };
    const stack = await run({
      ...dev,
      edge: { bind: "192.0.2.10", publicAddress: "192.0.2.10", ipv6 },
      rtp: { mode: "host" },
    });
    const fill = stack.jobs.find(({ name }) => /^rtpengine-1-config-.*-fill$/.test(name));
    assert.match(JSON.stringify(fill?.inputs["uploads"]), /interface = pub\/192\.0\.2\.10;pub\/fd00:5bc:1::10;priv\//);
  });

  test("two RTPengines on the host's network have control sockets and media ports of their own", async () => {
    const stack = await run({
      ...dev,
      edge: { publicAddress: "192.0.2.10" },
      rtp: { mode: "host", instances: 2, portMin: 30000, portMax: 30099 },
    });
    const values = [1, 2].map((instance) => {
      const fill = stack.jobs.find(({ name }) => new RegExp(`^rtpengine-${instance}-config-.*-fill$`).test(name));
      const [file] = fill?.inputs["uploads"] as { content: string }[];
      return ["listen-ng", "listen-http", "port-min", "port-max"].map(
        (key) => new RegExp(`^${key} = (.*)$`, "m").exec(file?.content ?? "")?.[1],
      );
    });
    assert.deepEqual(values, [
      ["10.5.0.1:22222", "10.5.0.1:2225", "30000", "30049"],
      ["10.5.0.1:22223", "10.5.0.1:2226", "30050", "30099"],
    ]);
  });

  test("a published media range is published port by port on the bind address", async () => {
    const stack = await run({ ...dev, rtp: { publish: true, portMin: 30000, portMax: 30007 } });
    const ports = stack.one(containerType, "rtpengine-1").inputs["ports"] as {
      internal: number;
      external: number;
      ip: string;
    }[];
    assert.deepEqual(
      ports.map(({ internal, external, ip }) => [internal, external, ip]),
      [30000, 30001, 30002, 30003, 30004, 30005, 30006, 30007].map((port) => [port, port, "127.0.0.1"]),
    );
  });
});

describe("devices with certificates", () => {
  const identities = {
    ...dev,
    edge: { ports: { mutualTls: 5062 } },
    signature: { mode: "hmac", keys: [{ id: "first" }] },
    devices: [
      { name: "desk-1", subscriber: "alice" },
      { name: "lost", subscriber: "bob", revoked: true },
    ],
  };

  test("are let in by a port, a CA and a volume that are not there without them", async () => {
    const stack = await run(identities);
    const kamailio = stack.one(containerType, "kamailio").inputs;
    assert.ok(
      (kamailio["ports"] as { internal: number; ip: string }[]).some(
        ({ internal, ip }) => internal === 5062 && ip === "127.0.0.1",
      ),
    );
    const mounts = kamailio["volumes"] as { volumeName: string; containerPath: string }[];
    assert.ok(
      mounts.some(
        ({ volumeName, containerPath }) => volumeName.endsWith("-clients") && containerPath === "/run/tls-clients",
      ),
    );
    assert.deepEqual(
      (await run()).resources.filter(({ name }) => /device|clients/.test(name)).map(({ name }) => name),
      [],
    );
  });

  test("have certificates that are no server's, and the CA's key stays in a job without network and rights", async () => {
    const stack = await run(identities);
    const leaf = stack.one("tls:index/locallySignedCert:LocallySignedCert", "device-desk-1-certificate");
    assert.deepEqual(leaf.inputs["allowedUses"], ["digital_signature", "client_auth"]);
    const fill = stack.one(containerType, "kamailio-clients-fill");
    assert.ok(fill.secretInputs.includes("uploads"));
    assert.deepEqual([fill.inputs["networkMode"], fill.inputs["capabilities"]], ["none", { drops: ["ALL"] }]);
    const files = (fill.inputs["uploads"] as { file: string; content: string }[]).map(({ file }) => file);
    assert.deepEqual(files.toSorted(), [
      "/etc/sbc/job/clients.sh",
      "/run/secrets/ca.key",
      "/run/secrets/ca.pem",
      "/run/secrets/revoked-1.pem",
    ]);
    const keyed = stack.containers.filter(({ inputs }) => JSON.stringify(inputs).includes("device-ca-key"));
    assert.deepEqual(
      keyed.map(({ name }) => name),
      ["kamailio-clients-fill"],
    );
  });

  test("and signature keys change nothing but rows and their reload when one is new", async () => {
    const more = {
      ...identities,
      signature: { mode: "hmac", keys: [{ id: "first" }, { id: "second" }] },
    };
    assert.deepEqual(difference(await run(identities), await run(more)), [
      "database-provision",
      "kamailio-reload",
      "signature-key-second",
    ]);
  });
});
