import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { mutualTlsPort, opsPort } from "../../configs/kamailio/index.ts";
import { SipAgent, waitFor, type Credentials } from "../sip/agent.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import type { Outcome } from "../sip/scripts/identify.ts";
import { testAuthority } from "../support/certificates.ts";
import { parseExposition, scrapeScript, sum } from "../support/exposition.ts";
import { ensureTesterImage } from "../support/images.ts";
import { EdgeStack, targetOf, type Outputs } from "./stack.ts";

const domain = "sip.example.test";

/** A client certificate and its key, PEM. */
interface Client {
  certificate: string;
  key: string;
}

interface IdentityOutputs extends Outputs {
  addresses: Outputs["addresses"] & { kamailio: { sbc: string; data: string } };
  signatureKeys: Record<string, string>;
  devices: Record<string, Client>;
}

type Step = Readonly<Record<string, unknown>>;

/** The one stack: `machine` must sign, `desk` must come with its certificate, the others need neither. */
const identities = {
  subscribers: [
    { name: "alice" },
    { name: "bob" },
    { name: "robot", class: "machine" },
    { name: "desk", class: "desk" },
  ],
  classes: [
    { name: "machine", signature: "required" },
    { name: "desk", certificate: "required" },
  ],
  signature: { mode: "hmac", keys: [{ id: "first" }, { id: "second" }] },
  devices: [
    { name: "desk-1", subscriber: "desk" },
    { name: "desk-2", subscriber: "desk" },
    { name: "alice-1", subscriber: "alice" },
    { name: "lost", subscriber: "alice", revoked: true },
    { name: "pbx.example.test" },
  ],
  // Nobody is at that address.
  trunks: [
    {
      name: "pbx",
      hosts: [{ host: "192.0.2.1", transport: "tls" }],
      certificateName: "pbx.example.test",
      probe: false,
      numbers: [{ number: "+49301", subscriber: "bob" }],
    },
  ],
};

describe("identification", { timeout: 420_000 }, () => {
  let stack: EdgeStack;
  let outputs: IdentityOutputs;
  let agents: [SipAgent, SipAgent, SipAgent];
  /** A registration whose credentials come later than their nonce is good for; begun at once, for it takes its time. */
  let late: Promise<Outcome[]>;

  const credentials = (name: string): Credentials => ({
    name,
    password: outputs.subscribers[name] ?? assert.fail(`no subscriber ${name}`),
  });
  /** A step of a subscriber who knows his password. */
  const right = (method: string, user: string, more: Step = {}): Step => ({
    method,
    user,
    password: credentials(user).password,
    ...(method === "INVITE" && { called: "600" }),
    ...more,
  });
  const signed = (id: string, more: Step = {}) => ({ signature: { id, key: outputs.signatureKeys[id], ...more } });

  /** Runs the steps on one socket: UDP, or with `tls` a connection to that port. */
  function identify(
    agent: SipAgent,
    steps: readonly Step[],
    tls?: Partial<Client> & { port?: number },
  ): Promise<Outcome[]> {
    const { port = tls === undefined ? 5060 : mutualTlsPort, ...client } = tls ?? {};
    const input = {
      address: outputs.addresses.kamailio.sbc,
      port,
      domain,
      steps,
      ...(tls !== undefined && { tls: client }),
    };
    return agent.script("identify", input, 150);
  }
  const statuses = (outcomes: readonly Outcome[]) => outcomes.map(({ status }) => status);
  const device = (name: string): Client => outputs.devices[name] ?? assert.fail(`no device ${name}`);

  const inKamailio = (...command: string[]) => docker(["exec", outputs.containers.kamailio, ...command]);
  async function counted(name: string, labels: Record<string, string>): Promise<number> {
    const scrape = scrapeScript(outputs.addresses.kamailio.data, opsPort);
    return sum(parseExposition(await inKamailio("bash", "-c", scrape)), `kamailio_${name}`, labels);
  }
  const registered = async (name: string) =>
    (await inKamailio("kamcmd", "ul.lookup", "location", `${name}@${domain}`)).includes("AoR:");
  const banned = async (address: string) =>
    (await inKamailio("kamcmd", "htable.get", "ipban", address)).includes(`name: ${address}`);

  before(async () => {
    stack = await EdgeStack.create({
      edge: { digest: "both", ports: { udp: 0, tcp: 0, tls: 0, mutualTls: 15_062 } },
      // Floods are tested elsewhere; a nonce lives as short as it can, so that one can be seen to expire.
      protection: { pikeDensity: 1000, officeDensity: 1000, nonceSeconds: 10, banSeconds: 5 },
      ...identities,
    });
    const { code, output } = await stack.up();
    assert.equal(code, 0, output);
    outputs = (await stack.outputs()) as IdentityOutputs;
    const target = targetOf(outputs);
    const start = () => SipAgent.start(outputs.sbcNetwork, target);
    agents = await Promise.all([start(), start(), start()]);
    late = identify(agents[2], [right("REGISTER", "bob", { thinkMs: 12_000 })]);
    late.catch(() => undefined);
  });

  after(async () => {
    for (const agent of agents ?? []) await agent[Symbol.asyncDispose]();
    await stack?.destroy();
    await stack?.remove();
  });

  describe("by digest", () => {
    it("lets the phone choose between SHA-256 and MD5, the better one first", async () => {
      const outcomes = await identify(agents[0], [
        right("REGISTER", "alice", { algorithm: "SHA-256" }),
        right("REGISTER", "alice", { algorithm: "MD5" }),
        right("INVITE", "alice", { algorithm: "SHA-256" }),
      ]);
      assert.deepEqual(statuses(outcomes), [200, 200, 200]);
      const algorithms = outcomes.map(({ challenges }) => challenges.map((text) => /algorithm=(\S+)/.exec(text)?.[1]));
      assert.deepEqual(
        algorithms,
        outcomes.map(() => ["SHA-256", "MD5"]),
      );
    });

    for (const [kind, step] of [
      ["counts", {}],
      ["does not count, as before RFC 2617", { old: true }],
    ] as const) {
      it(`takes a nonce once from a phone that ${kind}`, async () => {
        const again = { method: "REGISTER", user: "alice", replay: "request" };
        const outcomes = await identify(agents[0], [right("REGISTER", "alice", step), again]);
        assert.deepEqual(statuses(outcomes), [200, 401]);
        assert.ok(outcomes[1]?.challenges.every((challenge) => challenge.includes("stale=true")));
      });
    }

    it("tells nobody who exists: same code, same answer, same time", async (test) => {
      const pairs = 8;
      const wrong = (user: string) => ({ method: "REGISTER", user, password: "wrong" });
      const steps = Array.from({ length: pairs }, () => [wrong("bob"), wrong("nix")]).flat();
      const outcomes = await identify(agents[2], steps);
      const blurred = outcomes.map(({ answer }) =>
        answer.replaceAll(/nonce="[^"]*"|\b(bob|nix)\b|branch=\S+|tag=\S+|^Call-ID: .*$/gm, "…"),
      );
      assert.equal(new Set(blurred).size, 1, blurred.slice(0, 2).join("\n"));
      assert.match(blurred[0] ?? "", /^SIP\/2\.0 401 /);
      const median = (values: readonly number[]) =>
        values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
      const difference = median(
        Array.from(
          { length: pairs },
          (_, index) => (outcomes[2 * index]?.ms ?? 0) - (outcomes[2 * index + 1]?.ms ?? 0),
        ),
      );
      test.diagnostic(`median of ${pairs} pairs: ${difference.toFixed(2)} ms between a known and an unknown user`);
      assert.ok(Math.abs(difference) < 20, `${difference} ms between a known and an unknown user`);
    });
  });

  describe("by X-Company-Signature", () => {
    it("lets a class that has to sign register and call with any of the keys, and others without", async () => {
      const outcomes = await identify(agents[0], [
        right("REGISTER", "robot", signed("first")),
        right("REGISTER", "robot", signed("second")),
        right("INVITE", "robot", signed("second")),
        right("REGISTER", "alice"),
        right("REGISTER", "alice", signed("first")),
      ]);
      assert.deepEqual(statuses(outcomes), [200, 200, 200, 200, 200]);
    });

    it("refuses what is missing, wrong, too old, too new, unknown or used", async () => {
      const cases: [Step, string][] = [
        [right("REGISTER", "robot"), "missing"],
        [right("INVITE", "robot"), "missing"],
        [right("REGISTER", "robot", signed("first", { tamper: true })), "mismatch"],
        [right("REGISTER", "robot", { signature: { id: "first", key: outputs.signatureKeys["second"] } }), "mismatch"],
        [right("REGISTER", "alice", signed("first", { tamper: true })), "mismatch"],
        [right("REGISTER", "robot", { signature: { id: "third", key: "x" } }), "unknown_key"],
        [right("REGISTER", "robot", signed("first", { ageSeconds: 90 })), "time"],
        [right("INVITE", "robot", signed("first", { ageSeconds: -90 })), "time"],
        [
          right("REGISTER", "robot", { headers: `X-Company-Signature: ${outputs.signatureKeys["first"]}\r\n` }),
          "malformed",
        ],
        [right("REGISTER", "robot", { ...signed("first"), headers: "X-Company-Signature: second\r\n" }), "malformed"],
      ];
      const verdicts = ["missing", "mismatch", "unknown_key", "time", "malformed"];
      const count = async () => Promise.all(verdicts.map((result) => counted("signatures", { result })));
      const earlier = await count();
      // By several sources, each with fewer failures than are counted against it.
      const parts = await Promise.all(
        agents.map((agent, index) =>
          identify(
            agent,
            cases.filter((_, at) => at % agents.length === index).map(([step]) => step),
          ),
        ),
      );
      assert.deepEqual(
        parts.flatMap(statuses),
        cases.map(() => 403),
      );
      const now = await count();
      assert.deepEqual(
        now.map((value, index) => value - (earlier[index] ?? 0)),
        verdicts.map((verdict) => cases.filter(([, result]) => result === verdict).length),
      );
    });

    it("takes a signature once, also with new credentials", async () => {
      const earlier = await counted("signatures", { result: "replay" });
      const outcomes = await identify(agents[1], [
        right("REGISTER", "robot", signed("first")),
        right("REGISTER", "robot", { replay: "signature" }),
      ]);
      assert.deepEqual(statuses(outcomes), [200, 403]);
      assert.equal((await counted("signatures", { result: "replay" })) - earlier, 1);
    });

    it("says nothing about it before the password is right", async () => {
      const wrong = { method: "REGISTER", user: "robot", password: "wrong" };
      const unknown = { ...wrong, user: "nobody" };
      const outcomes = await identify(agents[0], [
        wrong,
        { ...wrong, ...signed("first") },
        { ...unknown, ...signed("first", { tamper: true }) },
      ]);
      assert.deepEqual(statuses(outcomes), [401, 401, 401]);
    });

    it("counts a wrong one like a wrong password: the source is banned, and let in again", async () => {
      await using guesser = await SipAgent.start(outputs.sbcNetwork, targetOf(outputs));
      const outcomes = await identify(
        guesser,
        Array.from({ length: 10 }, () =>
          right("REGISTER", "robot", { ...signed("first", { tamper: true }), once: true }),
        ),
      );
      assert.ok(await banned(guesser.address));
      assert.deepEqual(
        statuses(outcomes).slice(0, 9),
        Array.from({ length: 9 }, () => 403),
      );
      assert.equal(outcomes.at(-1)?.status, 0, "the tenth is dropped");
      await waitFor("the end of the ban", async () =>
        statuses(await identify(guesser, [{ method: "OPTIONS", user: "robot" }])).includes(200),
      );
    });

    it("takes the header off what goes inside", async () => {
      const inside = `${outputs.sbcNetwork}-inside-${randomBytes(2).toString("hex")}`;
      const image = await ensureTesterImage();
      const captures = outputs.containers.asterisk.map((node, index) => ({ node, name: `${inside}-${index}` }));
      try {
        for (const { node, name } of captures) {
          await docker([
            ...["run", "--detach", "--init", "--name", name, "--network", `container:${node}`, "--user", "0:0"],
            ...["--cap-drop", "ALL", "--cap-add", "NET_RAW", "--security-opt", "no-new-privileges"],
            ...[
              "--entrypoint",
              "tcpdump",
              image,
              "-i",
              "any",
              "-A",
              "-n",
              "-l",
              "-s",
              "0",
              "-Z",
              "root",
              "udp port 5060",
            ],
          ]);
          await waitFor(`tcpdump at ${node}`, async () =>
            (await tryDocker(["logs", name])).stderr.includes("listening on"),
          );
        }
        const [outcome] = await identify(agents[0], [right("INVITE", "robot", signed("first"))]);
        assert.equal(outcome?.status, 200);
        const callId = /^Call-ID: (.*)\r$/m.exec(outcome.answer)?.[1] ?? assert.fail(outcome.answer);
        let seen = "";
        await waitFor("the call at a node", async () => {
          seen = (await Promise.all(captures.map(({ name }) => docker(["logs", name])))).join("\n");
          return seen.includes(`BYE `) && seen.includes(`Call-ID: ${callId}`);
        });
        assert.match(seen, /X-CID: /i);
        assert.doesNotMatch(seen, /company-signature/i);
      } finally {
        await tryDocker(["rm", "--force", ...captures.map(({ name }) => name)]);
      }
    });
  });

  describe("by certificate", () => {
    it("opens one account, with its password", async () => {
      const outcomes = await identify(
        agents[0],
        [
          right("REGISTER", "desk"),
          right("INVITE", "desk"),
          { method: "REGISTER", user: "desk", password: "wrong" },
          right("REGISTER", "alice"),
          right("INVITE", "alice"),
          { method: "REGISTER", user: "nobody", password: "wrong" },
          // From and To of the one, credentials of the other.
          right("REGISTER", "desk", { as: "alice", password: credentials("alice").password }),
        ],
        device("desk-1"),
      );
      assert.deepEqual(statuses(outcomes), [200, 200, 401, 403, 403, 403, 403]);
    });

    it("is what a class may be bound to", async () => {
      const without = [right("REGISTER", "desk"), right("INVITE", "desk")];
      const [udp, tls] = await Promise.all([
        identify(agents[0], [...without, { method: "REGISTER", user: "desk", password: "wrong" }]),
        identify(agents[1], without, { port: 5061, ...device("desk-1") }),
      ]);
      assert.deepEqual(statuses(udp), [403, 403, 401]);
      assert.deepEqual(statuses(tls), [403, 403], "5061 asks for no certificate, and so knows none");
    });

    it("is asked for on its own port only", async () => {
      const stranger = await (await testAuthority("Another CA")).issue("desk-1", { usage: "client" });
      const client = { certificate: stranger.pem, key: stranger.keyPem };
      for (const tls of [{ port: 5061 }, { port: 5061, ...client }]) {
        assert.deepEqual(statuses(await identify(agents[0], [right("REGISTER", "alice")], tls)), [200]);
      }
    });

    it("is refused in the handshake when there is none, or it is self-signed, of another CA, expired or revoked", async () => {
      const strangers = await testAuthority("Another CA");
      const other = await strangers.issue("desk-1", { usage: "client" });
      const self = await testAuthority("desk-1", { ca: false, usage: "client" });
      const cases: [string, Partial<Client>, RegExp][] = [
        ["none", {}, /certificate required/],
        ["self-signed", { certificate: self.pem, key: self.keyPem }, /unknown ca/],
        ["of another CA", { certificate: other.pem, key: other.keyPem }, /unknown ca/],
        ["expired", await expired(), /certificate expired/],
        ["revoked", device("lost"), /certificate revoked/],
      ];
      for (const [what, client, reason] of cases) {
        const [outcome] = await identify(agents[0], [right("REGISTER", "alice")], client);
        assert.equal(outcome?.status, 0, what);
        assert.match(outcome.error ?? "", reason, what);
      }
    });

    it("is a trunk's, where a trunk has its name, and then no subscriber's", async () => {
      const call = { method: "INVITE", user: "+49123", called: "+49301" };
      const steps = [call, { ...call, called: "+49302" }, { ...call, called: "600" }, right("REGISTER", "alice")];
      assert.deepEqual(statuses(await identify(agents[0], steps, device("pbx.example.test"))), [200, 404, 404, 403]);
      assert.deepEqual(statuses(await identify(agents[0], [call])), [407], "without it");
      assert.deepEqual(statuses(await identify(agents[0], [call], device("alice-1"))), [403], "with another");
    });

    it("leads calls to the phone over the connection that it has opened", async () => {
      const phone = identify(agents[1], [right("REGISTER", "desk"), { method: "BUSY" }], device("desk-2"));
      await waitFor("desk registered", () => registered("desk"));
      const call = await agents[0].run("call", { user: credentials("alice"), called: "desk" });
      assert.deepEqual(call.log["invite"], ["486"], call.errors);
      assert.deepEqual(statuses(await phone), [200, 486]);
    });
  });

  describe("over TLS", () => {
    it("speaks 1.2 and 1.3 only, with forward secrecy and authenticated encryption", async () => {
      const scan = await docker(
        ["exec", agents[0].container, "sslscan", "--no-colour"].concat(`${outputs.addresses.kamailio.sbc}:5061`),
      );
      const protocols = Object.fromEntries(
        [...scan.matchAll(/^((?:SSL|TLS)v[\d.]+)\s+(enabled|disabled)/gm)].map(([, name, state]) => [name, state]),
      );
      assert.deepEqual(protocols, {
        ...{ SSLv2: "disabled", SSLv3: "disabled", "TLSv1.0": "disabled", "TLSv1.1": "disabled" },
        ...{ "TLSv1.2": "enabled", "TLSv1.3": "enabled" },
      });
      const ciphers = [...scan.matchAll(/^(?:Preferred|Accepted)\s+\S+\s+\d+ bits\s+(\S+)/gm)].map(
        ([, name = ""]) => name,
      );
      assert.ok(ciphers.length >= 5, scan);
      for (const cipher of ciphers) assert.match(cipher, /^(TLS|ECDHE-ECDSA)[_-].*(GCM|CHACHA20)/);
      assert.match(scan, /Session renegotiation not supported/);
      assert.match(scan, /Compression disabled/);
    });

    it("speaks nothing older on the mutual TLS port", async () => {
      for (const [options, accepted] of [
        [["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], false],
        [["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"], false],
        [["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], true],
      ] as const) {
        const { stdout } = await tryDocker(
          ["exec", agents[0].container, "openssl", "s_client", ...options, "-connect"].concat(
            `${outputs.addresses.kamailio.sbc}:${mutualTlsPort}`,
          ),
          { input: "", timeout: 10_000 },
        );
        assert.equal(/BEGIN CERTIFICATE/.test(stdout.toString("utf8")), accepted, options.join(" "));
      }
    });
  });

  it("takes a nonce only for its time", async () => {
    const [outcome] = await late;
    assert.equal(outcome?.status, 401);
    assert.match(outcome.challenges.at(-1) ?? "", /stale=true/);
  });

  describe("changes while it runs", () => {
    it("revokes a device, and gives keys and certificates anew, without a restart", async () => {
      const state = () => docker(["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", outputs.containers.kamailio]);
      const before = await state();
      const old = outputs;
      const revoked = identify(agents[1], [right("REGISTER", "desk"), { method: "CLOSED" }], device("desk-1"));
      await waitFor("desk registered", () => registered("desk"));

      await stack.configure({
        signature: { mode: "hmac", keys: [{ id: "first", rotation: 1 }, { id: "second" }, { id: "third" }] },
        devices: identities.devices.map((one) => ({
          ...one,
          ...(one.name === "desk-1" && { revoked: true }),
          ...(one.name === "alice-1" && { rotation: 1 }),
        })),
      });
      const { code, output } = await stack.up();
      assert.equal(code, 0, output);
      outputs = (await stack.outputs()) as IdentityOutputs;
      assert.equal(await state(), before, "Kamailio was restarted");

      const [first, end] = await revoked;
      assert.equal(first?.status, 200);
      assert.doesNotMatch(end?.error ?? "", /still open/);
      await waitFor("desk's registration to end", async () => !(await registered("desk")));
      const [again] = await identify(agents[1], [right("REGISTER", "desk")], old.devices["desk-1"]);
      assert.match(again?.error ?? "", /certificate revoked/);
      assert.deepEqual(
        statuses(await identify(agents[1], [right("REGISTER", "desk")], device("desk-2"))),
        [200],
        "the others stay",
      );
      assert.deepEqual(device("desk-2"), old.devices["desk-2"]);

      const withOld = await identify(agents[0], [right("REGISTER", "alice")], old.devices["alice-1"]);
      assert.deepEqual(statuses(withOld), [403], "a certificate of the device's former key");
      const withNew = await identify(agents[0], [right("REGISTER", "alice")], device("alice-1"));
      assert.deepEqual(statuses(withNew), [200]);

      const oldKey = { signature: { id: "first", key: old.signatureKeys["first"] } };
      const outcomes = await identify(agents[2], [
        right("REGISTER", "robot", oldKey),
        ...["first", "second", "third"].map((id) => right("REGISTER", "robot", signed(id))),
      ]);
      assert.deepEqual(statuses(outcomes), [403, 200, 200, 200]);
    });

    it("is left alone by a second up", async () => {
      const { code, output, changes } = await stack.up();
      assert.equal(code, 0, output);
      assert.deepEqual(changes, {});
    });
  });

  /** A certificate of the device CA itself that has had its time; the CA's key is in the state alone. */
  async function expired(): Promise<Client> {
    const state = JSON.parse(await stack.exported("--show-secrets")) as {
      deployment: { resources: { urn: string; outputs?: Record<string, { plaintext?: string } | string> }[] };
    };
    const property = (resource: string, name: string): string => {
      const found = state.deployment.resources.find(({ urn }) => urn.endsWith(`::${resource}`))?.outputs?.[name];
      const text = typeof found === "object" ? (JSON.parse(found.plaintext ?? "") as string) : found;
      return text ?? assert.fail(`no ${name} of ${resource}`);
    };
    const script = `
set -e; umask 077; cd "$(mktemp -d)"
printf '%s' '${property("device-ca-certificate", "certPem")}' > ca.pem
printf '%s' '${property("device-ca-key", "privateKeyPem")}' > ca.key
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=desk-1 -keyout key.pem -out request.pem 2> log
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -not_before 20250101000000Z -not_after 20250201000000Z 2> log
cat key.pem
`;
    const args = ["exec", "--interactive", agents[0].container, "bash", "-s"];
    const { stdout, stderr, exitCode } = await tryDocker(args, { input: script });
    assert.equal(exitCode, 0, stderr);
    const [certificate = "", key = ""] = stdout.toString("utf8").split(/(?=-----BEGIN (?:EC )?PRIVATE KEY)/);
    return { certificate, key };
  }
});
