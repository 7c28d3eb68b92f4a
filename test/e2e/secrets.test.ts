import assert from "node:assert/strict";
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { SipAgent, waitFor, type Credentials } from "../sip/agent.ts";
import { noise } from "../sip/audio.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import { returned } from "../sip/rtp.ts";
import { checks, isJob, problemsOf, type Inspected } from "./hardening.ts";
import { dockerPlaces, findLeaks, outputsOf, ProcessWatch, secretsOf, type Places, type Secret } from "./leaks.ts";
import { EdgeStack, freePort, hangUpAll, targetOf, type Outputs, type Run } from "./stack.ts";

const domain = "sip.example.test";
const repository = join(import.meta.dirname, "../..");

/** One stack for all of it: what runs is judged first, then its secrets are rotated, and at the end all of them are searched for. */
describe("a running stack", { timeout: 240_000 }, () => {
  let stack: EdgeStack;
  let outputs: Outputs;
  let phone: SipAgent;
  let bobsPhone: SipAgent;
  let watch: ProcessWatch;
  const printed: Places = new Map();
  /** All that there have been, by their values. */
  const secrets = new Map<string, Secret>();
  let present: Secret[];

  const user = (name: string, from = outputs): Credentials => ({
    name,
    password: from.subscribers[name] ?? assert.fail(`no subscriber ${name}`),
  });

  /** Brings the stack up and remembers what was printed, and every secret that there has been. */
  async function up(...flags: string[]): Promise<Run> {
    const run = await stack.up(...flags);
    printed.set(`output of up ${printed.size + 1}`, run.output);
    assert.equal(run.code, 0, run.output);
    const exported = await stack.exported("--show-secrets");
    present = secretsOf(exported, domain);
    for (const secret of present) secrets.set(secret.value, secret);
    outputs = outputsOf(exported);
    return run;
  }

  async function inspected(): Promise<Inspected[]> {
    const { container } = await stack.things();
    return JSON.parse(await docker(["container", "inspect", ...container])) as Inspected[];
  }

  /** Name → identity of every service: another one for another container, and for the same one started again. */
  async function identities(): Promise<Map<string, string>> {
    const { kamailio, rtpengine, mariadb, asterisk } = outputs.containers;
    const names = [kamailio, mariadb, ...rtpengine, ...asterisk];
    const text = await docker(["inspect", "--format", "{{.Name}} {{.Id}} {{.State.StartedAt}}", ...names]);
    return new Map(
      text.split("\n").map((line) => [line.slice(1, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]),
    );
  }

  /** Services that are not what they were. */
  async function restartedSince(earlier: Map<string, string>): Promise<string[]> {
    const now = await identities();
    return [...now].filter(([name, identity]) => earlier.get(name) !== identity).map(([name]) => name);
  }

  /** True when the database lets a user in by the network with this password. */
  async function admits(name: string, password: string): Promise<boolean> {
    const login = `[client]\nhost=127.0.0.1\nuser=${name}\npassword=${password}\n`;
    const { exitCode } = await tryDocker(
      ["exec", "--interactive", outputs.containers.mariadb].concat([
        "mariadb",
        "--defaults-file=/dev/stdin",
        "--protocol=tcp",
        "--execute",
        "SELECT 1",
      ]),
      { input: login },
    );
    return exitCode === 0;
  }

  /** Brings the stack up while a phone is in a call to the echo test, and ends the call from the far end afterwards. */
  async function upDuringCall(agent: SipAgent, who: Credentials) {
    const talking = agent.capture(() =>
      agent.run("talk", { user: who, called: "600", audio: noise(4, 7), limitSeconds: 120 }),
    );
    const run = await up();
    await hangUpAll(outputs);
    const call = await talking;
    assert.deepEqual(call.result.log["invite"], ["200"], call.result.errors);
    assert.ok(call.media.sent.length > 50, `${call.media.sent.length} packets`);
    return { call, run };
  }

  const passwordOf = (resource: string): string =>
    present.find(({ name }) => name === `${resource}.result`)?.value ?? assert.fail(`no secret ${resource}`);

  before(async () => {
    watch = ProcessWatch.start();
    stack = await EdgeStack.create({
      edge: { ports: { udp: 0, tcp: 0, tls: await freePort(), mutualTls: await freePort() } },
      subscribers: [{ name: "alice" }, { name: "bob" }],
      signature: { mode: "hmac", keys: [{ id: "first" }] },
      devices: [{ name: "desk", subscriber: "bob" }],
      // Nobody has this name: what is told waits, signed again and again.
      events: { url: "https://events-api.test/sbc" },
    });
    // The most talkative form of output.
    await up("--diff");
    const target = targetOf(outputs);
    [phone, bobsPhone] = await Promise.all([
      SipAgent.start(outputs.sbcNetwork, target),
      SipAgent.start(outputs.sbcNetwork, target),
    ]);
  });

  after(async () => {
    watch.stop();
    await phone?.[Symbol.asyncDispose]();
    await bobsPhone?.[Symbol.asyncDispose]();
    await stack?.destroy();
    await stack?.remove();
  });

  describe("is hardened", () => {
    let containers: Inspected[];
    const services = () => containers.filter((container) => !isJob(container));

    before(async () => {
      containers = (await inspected()).filter(({ Config }) => Config.Labels["sbc.role"] !== undefined);
    });

    it("as the CIS Docker Benchmark wants it", () => {
      assert.equal(services().length, 5);
      assert.ok(containers.length > 15, "jobs are judged too");
      assert.deepEqual(containers.flatMap(problemsOf), []);
    });

    for (const { cis, title, only = "service", broken } of checks) {
      it(`and a container that breaks CIS ${cis} would be found: ${title}`, () => {
        const good = containers.find((container) => isJob(container) === (only === "job")) ?? assert.fail();
        const bad = structuredClone(good);
        broken(bad);
        assert.ok(
          problemsOf(bad).some((problem) => problem.includes(`CIS ${cis} (`)),
          problemsOf(bad).join("\n"),
        );
      });
    }

    it("in the kernel's own words: no right, none to gain, system calls filtered, a user of its own", async () => {
      const users = new Set<string>();
      for (const { Name, State, Config } of services()) {
        const status = await readFile(`/proc/${State.Pid}/status`, "utf8");
        const value = (key: string) => new RegExp(`^${key}:\\s+(.*)$`, "m").exec(status)?.[1];
        assert.deepEqual(
          {
            inherited: value("CapInh"),
            effective: value("CapEff"),
            bounding: value("CapBnd"),
            ambient: value("CapAmb"),
          },
          {
            inherited: "0000000000000000",
            effective: "0000000000000000",
            bounding: "0000000000000000",
            ambient: "0000000000000000",
          },
          Name,
        );
        assert.deepEqual([value("NoNewPrivs"), value("Seccomp")], ["1", "2"], Name);
        assert.deepEqual(new Set(value("Uid")?.split("\t")), new Set([Config.User.split(":")[0]]), Name);
        users.add(`${Config.Labels["sbc.role"]} ${Config.User}`);
      }
      assert.equal(users.size, 4, [...users].join());
    });

    it("in its mounts: what can be written to runs no program and knows no device (CIS 5.13)", async () => {
      for (const { Name } of services()) {
        const mounts = await docker(["exec", Name.slice(1), "cat", "/proc/self/mounts"]);
        const inMemory = mounts
          .split("\n")
          .map((line) => line.split(" "))
          .filter(
            ([, path = "", type, options = ""]) =>
              type === "tmpfs" && /^\/(run|tmp|var)\//.test(path) && options.startsWith("rw,"),
          );
        if (/-rtpengine-\d+$/.test(Name)) continue;
        assert.ok(inMemory.length > 0, Name);
        for (const [, path, , options = ""] of inMemory) {
          for (const wanted of ["nosuid", "nodev", "noexec"]) {
            assert.ok(options.split(",").includes(wanted), `${Name} ${path}: ${options}`);
          }
        }
      }
    });

    it("in its networks: only the edge, its media and its voice can be reached from outside (CIS 5.30)", async () => {
      const networks = JSON.parse(await docker(["network", "inspect", ...Object.values(outputs.networks)])) as {
        Name: string;
        Internal: boolean;
      }[];
      const internal = new Map(networks.map(({ Name, Internal }) => [Name, Internal]));
      const { sbc, monitoring, data } = outputs.networks;
      assert.deepEqual([internal.get(sbc), internal.get(monitoring), internal.get(data)], [false, true, true]);
      const mariadb = services().find(({ Config }) => Config.Labels["sbc.role"] === "mariadb");
      assert.deepEqual(Object.keys(mariadb?.NetworkSettings.Networks ?? {}), [data]);
    });

    it("in its ports: those of TLS, on the loopback address", () => {
      const published = services().flatMap(({ HostConfig }) => Object.entries(HostConfig.PortBindings ?? {}));
      assert.deepEqual(
        published.map(([port, bindings]) => [port, bindings.map(({ HostIp }) => HostIp)]),
        [
          ["5061/tcp", ["127.0.0.1"]],
          ["5062/tcp", ["127.0.0.1"]],
        ],
      );
    });

    it("in its processes: none is a remote shell (CIS 5.7)", async () => {
      for (const { Name } of services()) {
        assert.doesNotMatch(await docker(["top", Name.slice(1), "-eo", "pid,args"]), /sshd|dropbear|telnetd/, Name);
      }
    });
  });

  describe("rotates its secrets", () => {
    it("without a restart, a lost call or a closed TLS connection, where the program can reload", async () => {
      const earlier = await identities();
      const old = outputs;
      const databaseUsers = ["schema", "asterisk", "report", "kamailio"] as const;
      const passwords = () => databaseUsers.map((name) => passwordOf(`database-${name}-password`));
      const oldPasswords = passwords();
      await using connection = await TlsConnection.open(phone, outputs.addresses.kamailio.sbc);
      assert.match(await connection.options(), /^SIP\/2\.0 200 /m);
      const registered = await bobsPhone.register(user("bob"));
      assert.deepEqual(registered.log["register"], ["200"], registered.errors);

      await stack.configure({
        subscribers: [{ name: "alice", rotation: 1 }, { name: "bob" }],
        signature: { mode: "hmac", keys: [{ id: "first", rotation: 1 }] },
        devices: [{ name: "desk", subscriber: "bob", rotation: 1 }],
        rotation: { database: { schema: 1, asterisk: 1, report: 1 }, certificates: { server: 1, ca: 1, devices: 1 } },
      });
      const { call, run } = await upDuringCall(bobsPhone, user("bob"));

      assert.deepEqual(await restartedSince(earlier), [], JSON.stringify(run.changes));
      assert.equal(call.result.exitCode, 0, call.result.errors);
      assert.ok(returned(call.media) >= call.media.sent.length * 0.95, "the call had media all the time");
      assert.match(await connection.options(), /^SIP\/2\.0 200 /m, "the connection is still open");
      assert.notEqual(outputs.caCertificate, old.caCertificate);
      assert.equal(await phone.certificateProblem(outputs.caCertificate), undefined);
      assert.notEqual(await phone.certificateProblem(old.caCertificate), undefined);

      const newPasswords = passwords();
      for (const [index, name] of databaseUsers.entries()) {
        const changed = name !== "kamailio";
        assert.equal(newPasswords[index] !== oldPasswords[index], changed, name);
        assert.ok(await admits(name, newPasswords[index] ?? ""), name);
        assert.equal(await admits(name, oldPasswords[index] ?? ""), !changed, name);
      }
      const status = async (who: Credentials) => (await phone.register(who)).log["register"]?.[0];
      assert.notEqual(outputs.subscribers["alice"], old.subscribers["alice"]);
      assert.equal(await status(user("alice")), "200");
      assert.match((await status(user("alice", old))) ?? "", /^40[13]$/);
      const bobs = await bobsPhone.register(user("bob", old));
      assert.deepEqual(bobs.log["register"], ["200"], "the others keep theirs");
    });

    it("and voicemail connects with the new password on every node", async () => {
      const sql = (statement: string) =>
        docker([
          "exec",
          outputs.containers.mariadb,
          "mariadb",
          "--batch",
          "--skip-column-names",
          "--execute",
          statement,
        ]);
      await sql("KILL USER asterisk");
      const connected = async () =>
        Number(
          await sql(
            "SELECT COUNT(DISTINCT SUBSTRING_INDEX(host, ':', 1)) FROM information_schema.processlist WHERE user = 'asterisk'",
          ),
        );
      await waitFor("both nodes at the database", async () => {
        // Calls at the same time go to different nodes.
        const listen = { called: "*97", holdMs: 300, limitSeconds: 10 };
        await Promise.all([
          phone.run("mailbox", { ...listen, user: user("alice") }),
          bobsPhone.run("mailbox", { ...listen, user: user("bob") }),
        ]);
        return (await connected()) === outputs.containers.asterisk.length;
      });
    });

    it("by a restart of Kamailio alone, where it reads them at its start only; calls go on and registrations stay", async () => {
      const earlier = await identities();
      const oldPassword = passwordOf("database-kamailio-password");
      await stack.configure({
        rotation: {
          database: { schema: 1, asterisk: 1, report: 1, kamailio: 1 },
          edge: { opsToken: 1, nonceKey: 1, eventsKey: 1 },
          certificates: { server: 1, ca: 1, devices: 1 },
        },
      });
      const { call } = await upDuringCall(phone, user("alice"));
      assert.deepEqual(await restartedSince(earlier), [outputs.containers.kamailio]);
      assert.equal(call.result.exitCode, 0, call.result.errors);
      assert.ok(returned(call.media) >= call.media.sent.length * 0.95, "the call had media all the time");
      assert.equal(await admits("kamailio", oldPassword), false);
      const { done } = await bobsPhone.wait("answer");
      const toBob = await phone.run("call", { user: user("alice"), called: "bob", holdMs: 300 });
      assert.deepEqual(toBob.log["invite"], ["200"], toBob.errors);
      assert.equal((await done).exitCode, 0, "bob is still registered");
    });
  });

  describe("keeps its secrets", () => {
    const searched = async (): Promise<Places> => {
      const places: Places = new Map(printed);
      for (const [name, text] of await stack.files()) {
        // Written with --event-log, a debugging option of the CLI: its events hold secrets in plain text. Nothing but tests uses it.
        if (!name.startsWith("events-")) places.set(`file ${name}`, text);
      }
      for (const name of ["Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml"]) {
        places.set(name, await readFile(join(repository, name), "utf8"));
      }
      places.set("exported state", await stack.exported());
      const { container, ...things } = await stack.things();
      // A test's phone knows its password.
      const own = container.filter((name) => !name.includes("-agent-"));
      for (const [name, text] of await dockerPlaces({ ...things, container: own })) places.set(name, text);
      await watch.look();
      places.set("processes of the host", watch.text);
      return places;
    };

    it("out of state, stack files, output, inspection, processes, logs, layers and images, before and after rotation", async () => {
      const names = new Set([...secrets.values()].map(({ name }) => name));
      for (const name of [
        "database-schema-password",
        "kamailio-ops-token",
        "kamailio-nonce-secret",
        "subscriber-alice-password",
        "signature-key-first",
      ]) {
        assert.ok(names.has(`${name}.result`), name);
      }
      assert.ok(names.has("subscriber-alice-password.ha1-md5"));
      for (const resource of ["ca-key.privateKeyPem", "device-ca-key.privateKeyPem", "device-desk-key.privateKeyPem"]) {
        const all = [...secrets.values()].filter(({ name }) => name === resource);
        assert.equal(all.length, 2, `${resource}: old secrets are searched for as well`);
      }
      const places = await searched();
      assert.ok(places.size > 50, [...places.keys()].join("\n"));
      assert.ok((places.get("processes of the host") ?? "").includes("pulumi"), "the watch has seen the deployment");
      assert.deepEqual(findLeaks([...secrets.values()], places), []);
    });

    it("and one that did get out would be found", async () => {
      const find = (name: string) => [...secrets.values()].find((secret) => secret.name === name) ?? assert.fail(name);
      const password = find("subscriber-bob-password.result");
      const hash = find("subscriber-bob-password.ha1-md5");
      const key = find("ca-key.privateKeyPem");
      const container = `${stack.prefix}-planted-${randomBytes(2).toString("hex")}`;
      const pem = Buffer.concat([Buffer.from([1, 2]), Buffer.from(key.value, "latin1")]).toString("base64");
      await docker([
        ...[
          "run",
          "--detach",
          "--init",
          "--name",
          container,
          "--label",
          `note=${Buffer.from(`bob:${password.value}`).toString("base64")}`,
        ],
        ...["--env", `URL=${encodeURIComponent(hash.value)}`, "--entrypoint", "bash", "sbc-base:forky"],
        ...["-c", 'printf "%s\\n" "$1" | fold -w 20; printf "%s" "$URL" > /left; sleep 60', "planted", pem],
      ]);
      try {
        await waitFor("the planted secret", async () => (await docker(["logs", container])).length > 40);
        await watch.look();
        const places = await dockerPlaces({ container: [container], network: [], volume: [] });
        places.set("processes of the host", watch.text);
        places.set("exported state", `{"a": "\\n${password.value}\\n"}`);
        const leaks = findLeaks([password, hash, key], places);
        for (const [secret, place] of [
          [password, "container inspect"],
          [hash, "container inspect"],
          [key, `log of ${container}`],
          [key, `processes of ${container}`],
          [key, "processes of the host"],
          [hash, `layer of ${container}`],
          [password, "exported state"],
        ] as const) {
          assert.ok(
            leaks.some((leak) => leak.startsWith(`${secret.name} is in ${place},`)),
            `${secret.name} in ${place}`,
          );
        }
      } finally {
        await docker(["rm", "--force", container]);
      }
    });
  });
});

/** A TLS connection of a phone that stays open. */
class TlsConnection {
  readonly #client: ChildProcessWithoutNullStreams;
  /** As phones do it (RFC 5626 §3.5.1): the edge closes what is silent for too long. */
  readonly #keepAlive = setInterval(() => this.#client.stdin.write("\r\n\r\n"), 5000);
  #received = "";

  private constructor(client: ChildProcessWithoutNullStreams) {
    this.#client = client;
    client.stdout.on("data", (chunk: Buffer) => (this.#received += chunk.toString("latin1")));
    // Of a connection that was closed, which the next question shows.
    client.stdin.on("error", () => undefined);
  }

  static async open(agent: SipAgent, address: string): Promise<TlsConnection> {
    const openssl = ["openssl", "s_client", "-connect", `${address}:5061`, "-nocommands", "-ign_eof"];
    const connection = new TlsConnection(spawn("docker", ["exec", "--interactive", agent.container, ...openssl]));
    await waitFor("a TLS connection", async () => connection.#received.includes("Verify return code"));
    return connection;
  }

  /** Asks the edge over this connection, and returns what it says. */
  async options(): Promise<string> {
    this.#received = "";
    const id = randomBytes(4).toString("hex");
    const lines = [
      `OPTIONS sip:${domain} SIP/2.0`,
      `Via: SIP/2.0/TLS phone.invalid;rport;branch=z9hG4bK-${id}`,
      "Max-Forwards: 70",
      `From: <sip:probe@${domain}>;tag=${id}`,
      `To: <sip:${domain}>`,
      `Call-ID: ${id}@phone.invalid`,
      "CSeq: 1 OPTIONS",
      "Content-Length: 0",
    ];
    this.#client.stdin.write(`${lines.join("\r\n")}\r\n\r\n`);
    await waitFor("an answer over TLS", async () => this.#received.includes("SIP/2.0 ")).catch(() => undefined);
    return this.#received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#keepAlive);
    this.#client.kill();
  }
}
