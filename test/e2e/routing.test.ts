import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { callRecordColumns } from "../../configs/mariadb/index.ts";
import { SipAgent, waitFor, type Credentials, type RunOptions, type RunResult } from "../sip/agent.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import { describeLoad, load, type Load } from "../sip/load.ts";
import { Operator } from "../support/operator.ts";
import { testAuthority } from "../support/certificates.ts";
import { carriers, methods, type CarrierHost } from "./carrier.ts";
import { EdgeStack, freeNetworks, targetOf, type Outputs } from "./stack.ts";

/** Carriers are SIPp agents: they speak what their scenario says, and are no real exchange. */
describe("routing on a running stack", { timeout: 600_000 }, () => {
  let stack: EdgeStack;
  let outputs: Outputs;
  let alice: Credentials;
  let bob: Credentials;
  const subscribers = [
    ...["alice", "bob", "erin", "frank", "+4511"].map((name) => ({ name })),
    { name: "eve", class: "small" },
  ];
  const networks = freeNetworks();
  const agents: SipAgent[] = [];
  let [alicesPhone, alicesOther, bobsPhone, carolsPhone, davesPhone, stranger]: SipAgent[] = [];
  /** Carriers: two for the same numbers, one with a password, one that redirects, and a registrar. */
  let [first, second, strict, sly, registrar]: SipAgent[] = [];
  /** One that makes many calls, and one with all hosts that are programs of this test (carrier.ts), each on a port of its own. */
  let [busy, hosts]: SipAgent[] = [];
  const ca = testAuthority("carrier CA");
  /** Before the first call. */
  let since: string;
  let vanished: Promise<RunResult>;

  const agent = (one: SipAgent | undefined): SipAgent => one ?? assert.fail("the agent has not been started");
  const query = (sql: string) =>
    docker([
      ...["exec", outputs.containers.mariadb, "mariadb", "--batch", "--skip-column-names", "kamailio"],
      ...["--execute", sql],
    ]);

  const userOf = (name: string): Credentials => ({
    name,
    password: outputs.subscribers[name] ?? assert.fail(`no subscriber ${name}`),
  });

  const operator = new Operator(() => stack.prefix);
  const sbc = <T>(words: readonly string[], input = "") => operator.json<T>(words, input);

  /** The Call-ID of a caller's call, once it is answered. */
  async function answeredCall(name: string): Promise<string> {
    let callid: string | undefined;
    await waitFor(`a call of ${name} in the list`, async () => {
      const calls = await sbc<{ callid: string; from: string; state: string }[]>(["calls", "list"]);
      callid = calls.find(({ from, state }) => from.startsWith(`sip:${name}@`) && state === "answered")?.callid;
      return callid !== undefined;
    });
    return callid ?? "";
  }

  /** How a call of alice to a number is answered, and what the carriers that wait for it have seen. */
  async function call(
    called: string,
    carriers: readonly (readonly [SipAgent | undefined, string, Readonly<Record<string, string>>?])[],
  ): Promise<{ status: number | undefined; seen: RunResult[] }> {
    const waiting = await Promise.all(
      carriers.map(([one, scenario, keys = {}]) => agent(one).wait(`routing/${scenario}`, { keys, limitSeconds: 60 })),
    );
    const { statuses } = await calls("alice", called);
    return { status: statuses[0], seen: await Promise.all(waiting.map(({ done }) => done)) };
  }

  /** Calls a few times in each second until it is stopped. */
  function keepCalling(): { stop: () => Promise<Load[]> } {
    let going = true;
    const run = async () => {
      const loads: Load[] = [];
      // It ends with the agent, should nobody stop it.
      while (going) loads.push(await load(agent(busy), { user: bob, called: "600", calls: 20, rate: 4, holdMs: 1000 }));
      return loads;
    };
    const all = run();
    // Whoever stops it hears of it.
    all.catch(() => undefined);
    return {
      stop: () => {
        going = false;
        return all;
      },
    };
  }

  function assertNoneLost(loads: readonly Load[]): void {
    const what = loads.map(describeLoad).join("; ");
    assert.deepEqual(
      loads.flatMap(({ refused, lost }) => [...refused, ...lost]),
      [],
      what,
    );
    assert.ok(loads.length > 0 && loads.every(({ answered, calls }) => answered === calls && calls > 0), what);
  }

  /** A leg as `cdr export` shows it; null for what never happened. */
  type Leg = Record<(typeof callRecordColumns)[number] | "setup_ms" | "ring_ms", string | null>;
  /** The legs of a run's calls, the caller's first, as `cdr export` shows them. */
  async function legsOf({ id }: RunResult, wanted: number, limitMs = 15_000): Promise<Leg[]> {
    let legs: Leg[] = [];
    await waitFor(
      `${wanted} records of ${id}`,
      async () => {
        const all = await sbc<Leg[]>(["cdr", "export", "--from", since]);
        legs = all.filter(({ xcid }) => xcid?.includes(`-${id}@`));
        return legs.length >= wanted;
      },
      limitMs,
    );
    assert.equal(legs.length, wanted, JSON.stringify(legs));
    return legs.toSorted((one, other) => (one.direction ?? "").localeCompare(other.direction ?? ""));
  }

  /** Trunks whose hosts are programs of this test: which port is whose. */
  const ports = {
    secure: 5061,
    impostor: 5062,
    foreign: 5063,
    lenient: 5064,
    quiet: 5065,
    stream: 5060,
    limited: 5070,
  };
  const more = { paced: 5071, choosy: 5072, silent: 5073, behind: 5074, probed: 5075 };

  async function programs(): Promise<object[]> {
    const { container, address } = agent(hosts);
    const { pem } = await ca;
    const out = (name: string, prefix: string, host: object, rest: object = {}) => ({
      ...{ name, hosts: [host], direction: "out", prefixes: [{ prefix }], probe: false, ...rest },
    });
    const tls = (name: keyof typeof ports, prefix: string, rest: object = {}) =>
      out(name, prefix, { host: container, port: ports[name], transport: "tls" }, { tls: { ca: pem }, ...rest });
    return [
      tls("secure", "+81", { probe: true }),
      tls("impostor", "+82", { probe: true }),
      tls("foreign", "+83"),
      tls("lenient", "+84", { tls: { ca: pem, verify: "chain" } }),
      tls("quiet", "+85"),
      out("stream", "+86", { host: address, port: ports.stream, transport: "tcp" }),
      out(
        "limited",
        "+87",
        { host: address, port: ports.limited },
        { direction: "both", maxCalls: 2, numbers: [{ number: "+87111", subscriber: "bob" }] },
      ),
      out("paced", "+95", { host: address, port: more.paced }, { maxCallsPerSecond: 1 }),
      out(
        "choosy",
        "+89",
        { host: address, port: more.choosy },
        { callerId: { mode: "allowed", number: "+4500", allowed: ["+4511"] } },
      ),
      out("silent", "+90", {}, { hosts: [more.silent, more.behind].map((port) => ({ host: address, port })) }),
      out("probed", "+91", { host: address, port: more.probed }, { probe: true }),
    ];
  }

  /** One host of a carrier; what it got. */
  async function program(host: CarrierHost, limits: Parameters<typeof carriers>[2]) {
    const { done } = await carriers(agent(hosts), [host], limits);
    return { done: done.then(([taken]) => taken ?? assert.fail()) };
  }

  /** Calls of a subscriber that begin together. */
  const calls = (user: string, called: string, options: object = {}) =>
    agent(stranger).script<{ statuses: number[] }>(
      "protection/calls",
      {
        ...{ address: outputs.addresses.kamailio.sbc, port: 5060, domain: outputs.sip.domain, user, called },
        ...{ own: agent(stranger).address, password: outputs.subscribers[user], count: 1, everyMs: 0, holdMs: 300 },
        ...options,
      },
      60,
    );

  const rpc = (...words: string[]) => docker(["exec", outputs.containers.kamailio, "kamcmd", ...words]);
  /** Not twice within a second. */
  const reloadPolicy = () =>
    waitFor("the policy", async () => {
      const words = ["kamcmd", "htable.reload", "policy"];
      return (await tryDocker(["exec", outputs.containers.kamailio, ...words])).exitCode === 0;
    });
  /** Is the host on this port in use, as the dispatcher sees it? */
  const state = async (port: number) =>
    new RegExp(`:${port}(?:;\\S*)?\\s+FLAGS: (\\w)`).exec(await rpc("dispatcher.list"))?.[1] ?? "";

  const deliver = (from: SipAgent | undefined, called: string, caller = "+4989555") =>
    agent(from).run("routing/deliver", { called, keys: { caller }, holdMs: 300, limitSeconds: 60 });

  before(async () => {
    stack = await EdgeStack.create({
      networks,
      subscribers,
      classes: [
        { name: "default", destinations: ["any"], callsPerSecond: 0, maxCalls: 0 },
        { name: "small", destinations: ["any"], maxCalls: 1 },
      ],
      asterisk: { ringSeconds: 5, voicemailWhen: [] },
      protection: { unlimited: [networks.sbc] },
      timers: { nodePingSeconds: 2, ringTimeoutMs: 7000 },
    });
    const { code, output } = await stack.up();
    assert.equal(code, 0, output);
    outputs = await stack.outputs();
    [alice, bob] = [userOf("alice"), userOf("bob")];
    const target = targetOf(outputs);
    agents.push(...(await Promise.all(Array.from({ length: 13 }, () => SipAgent.start(outputs.sbcNetwork, target)))));
    [alicesPhone, alicesOther, bobsPhone, carolsPhone, davesPhone, stranger] = agents;
    [first, second, strict, sly, registrar, busy, hosts] = agents.slice(6);
    since = new Date(Date.now() - 5000).toISOString().slice(0, 19);
    // Asked whether it still has its call after 30 s: until then there is enough to do.
    const lost = await SipAgent.start(outputs.sbcNetwork, targetOf(outputs));
    vanished = lost.run("talk", { user: userOf("frank"), called: "600", limitSeconds: 60 });
    await answeredCall("frank");
    await lost[Symbol.asyncDispose]();
  });

  after(async () => {
    await Promise.all(agents.map((one) => one[Symbol.asyncDispose]()));
    await stack?.destroy();
    await stack?.remove();
  });

  it("gets trunks, a subscriber, a node and a ban under load: nothing restarts, and no call is lost", async () => {
    const host = (one: SipAgent | undefined) => [{ host: agent(one).address }];
    const earlier = await stack.services();
    const others = keepCalling();
    const talk = agent(alicesPhone).run("talk", { user: alice, called: "600", limitSeconds: 300 });
    const registration = await agent(registrar).wait("routing/registrar", {
      keys: { realm: "registrar.example", username: "customer", password: "registrar-secret" },
      limitSeconds: 300,
    });
    await stack.configure({
      subscribers: [...subscribers, { name: "carol" }],
      asterisk: { ringSeconds: 5, voicemailWhen: [], nodes: 3, weights: { "asterisk-1": 8 } },
      protection: { blocked: ["203.0.113.0/24"], unlimited: [networks.sbc] },
      emergency: [
        { number: "112", trunks: ["first", "second"] },
        { number: "110", trunks: ["limited", "second"] },
      ],
      trunks: [
        {
          name: "first",
          hosts: host(first),
          probe: false,
          prefixes: [{ prefix: "+49" }, { prefix: "00", strip: 2, add: "+" }],
          numbers: [
            { number: "+4930110", subscriber: "alice" },
            { number: "+4930111", subscriber: "bob" },
          ],
        },
        {
          name: "second",
          hosts: host(second),
          probe: false,
          prefixes: [{ prefix: "+49", order: 2 }],
          callerId: { mode: "fixed", number: "+4940000" },
        },
        {
          name: "strict",
          hosts: host(strict),
          probe: false,
          prefixes: [{ prefix: "+1" }],
          callerId: { mode: "anonymous", number: "+12025550100" },
          username: "customer",
          realm: "carrier.example",
        },
        { name: "sly", hosts: host(sly), probe: false, prefixes: [{ prefix: "+1", order: 2 }, { prefix: "+33" }] },
        {
          name: "registrar",
          hosts: host(registrar),
          probe: false,
          username: "customer",
          realm: "registrar.example",
          registerSeconds: 600,
        },
        ...(await programs()),
      ],
    });
    await stack.configureSecret("trunks[2].password", "carrier-secret");
    await stack.configureSecret("trunks[4].password", "registrar-secret");
    const run = await stack.up();
    const loads = await others.stop();
    assert.equal(run.code, 0, run.output);
    const later = await stack.services();
    assert.ok(later.delete(`${stack.prefix}-asterisk-3`), "no third node");
    assert.deepEqual(later, earlier);

    // The edge registers by itself.
    const registered = await registration.done;
    assert.deepEqual(registered.log["verified"], ["yes"], registered.errors);
    assert.match(
      registered.log["contact"]?.[0] ?? "",
      new RegExp(`<sip:registrar@${outputs.addresses.kamailio.sbc}:5060`),
    );

    assertNoneLost(loads);

    // The call that ran all the time ends as it should.
    await sbc(["calls", "end", await answeredCall("alice")]);
    const result = await talk;
    assert.deepEqual(result.log["invite"], ["200"], result.errors);
    assert.equal(result.exitCode, 0, result.errors);
    // There is one more subscriber, and one more node.
    outputs = await stack.outputs();
  });

  // Each lane has agents and subscribers of its own.
  describe("side by side", { concurrency: 10 }, () => {
    describe("carriers that are SIPp agents", { concurrency: 1 }, () => {
      it("calls out by the first trunk, with a number of the trunk and nothing of ours", async () => {
        const { done } = await agent(first).wait("routing/answer", { limitSeconds: 60 });
        const result = await agent(alicesPhone).run("call", { user: alice, called: "+49891234", holdMs: 300 });
        assert.deepEqual(result.log["invite"], ["200"], result.errors);
        const carrier = await done;
        assert.equal(carrier.exitCode, 0, carrier.errors);
        const { log } = carrier;
        assert.deepEqual(log["target"], [`+49891234@${agent(first).address}`]);
        assert.match(log["from"]?.[0] ?? "", /^ ?<sip:\+4930110@/);
        assert.match(log["identity"]?.[0] ?? "", /^ ?<sip:\+4930110@/);
        assert.deepEqual([log["privacy"], log["internal"], log["credentials"]], [[""], [""], [""]]);
        assert.doesNotMatch(JSON.stringify(log), /alice|@sip\.example\.test/);
        await waitFor("both call records", async () => {
          const rows = await query(
            `SELECT direction, caller, callee, sip_code FROM acc_cdrs WHERE xcid LIKE '%-${result.id}@%' ORDER BY direction`,
          );
          return rows === "in\talice\t+49891234\t200\nout\talice\t+49891234\t200";
        });
      });

      it("strips and adds digits, and puts an emergency number through as it is", async () => {
        const { seen } = await call("0049301", [[first, "answer"]]);
        assert.deepEqual(seen[0]?.log["target"], [`+49301@${agent(first).address}`]);
        const emergency = await call("112", [[first, "answer"]]);
        assert.equal(emergency.status, 200);
        assert.deepEqual(emergency.seen[0]?.log["target"], [`112@${agent(first).address}`]);
      });

      it("goes on to the next trunk when one cannot take the call, and not when the called party is busy", async () => {
        const { status, seen } = await call("+49891234", [
          [first, "unavailable"],
          [second, "answer"],
        ]);
        assert.equal(status, 200);
        assert.match(seen[1]?.log["from"]?.[0] ?? "", /<sip:\+4940000@/);
        assert.equal((await call("+49891234", [[first, "busy"]])).status, 486);
      });

      it("delivers a trunk's numbers to their subscribers, and nothing else to anybody", async () => {
        await agent(bobsPhone).register(bob);
        const { done } = await agent(bobsPhone).wait("routing/answer", { limitSeconds: 60 });
        const inbound = await deliver(first, "+4930111");
        assert.deepEqual(inbound.log["invite"], ["200"], inbound.errors);
        const phone = await done;
        assert.match(phone.log["from"]?.[0] ?? "", /\+4989555@/, phone.errors);
        for (const called of ["+4930112", "alice", "600", "*97", "800", "+49891234", "112"]) {
          assert.deepEqual((await deliver(first, called)).log["invite"], ["404"], called);
        }
        // Another trunk does not have that number, and a stranger is a phone without a password.
        assert.deepEqual((await deliver(second, "+4930111")).log["invite"], ["404"]);
        assert.match((await deliver(stranger, "+4930111")).log["invite"]?.[0] ?? "", /^40[37]$/);
      });

      it("takes a caller from outside for nobody of ours, whatever he calls himself", async () => {
        await agent(bobsPhone).register(bob);
        const { done } = await agent(bobsPhone).wait("routing/answer", { limitSeconds: 60 });
        assert.deepEqual((await deliver(first, "+4930111", "alice")).log["invite"], ["200"]);
        assert.match((await done).log["from"]?.[0] ?? "", /anonymous/);
      });

      describe("records", { concurrency: 2 }, () => {
        interface Example {
          what: string;
          /** Who calls whom, by which scenario. */
          from: () => SipAgent;
          call: readonly [scenario: string, options: RunOptions];
          /** Who waits for it, by which scenario; nobody for a service of a node. */
          to: readonly (readonly [() => SipAgent, string, RunOptions?])[];
          /** As whom; default alice. */
          user?: string;
          /** Longest call of her class meanwhile. */
          mostSeconds?: string;
          /** What happens while it is there. */
          during?: () => Promise<void>;
          /** The caller's leg, and that to the called side. */
          legs: readonly [Partial<Leg>, Partial<Leg>?];
          /** Seconds of talk and milliseconds of ringing, at least. */
          talk?: number;
          rang?: number;
        }
        const [caller, called] = [() => agent(alicesPhone), () => agent(bobsPhone)];
        const [otherCaller, otherCalled] = [() => agent(stranger), () => agent(alicesOther)];
        const carrier = (index: 0 | 1) => () => agent([first, second][index]);
        const inside = { caller: "alice", callee: "bob", account: "alice", trunk: "", codec: "PCMU" };
        const unanswered = { codec: "", answer_time: null, duration: "0.000000" };
        const outside = { ...inside, callee: "+49891234" };
        const by = (name: string) => ({ caller: name, account: name });
        const hangUp = "Q.850;cause=16";

        /** Sets the longest call of eve's class, in seconds. */
        async function mostSeconds(seconds: string): Promise<void> {
          await query(`UPDATE edge_policy SET key_value = '${seconds}' WHERE key_name = 'class.small.call_seconds'`);
          await reloadPolicy();
        }

        before(async () => {
          await agent(bobsPhone).register(bob, { expires: 600 });
          await agent(alicesOther).register(alice, { expires: 600 });
        });

        function examples(all: readonly Example[]): void {
          for (const example of all) it(`a call ${example.what}`, () => shows(example));
        }

        async function shows(example: Example): Promise<void> {
          const { from, call: near, user = "alice", to, mostSeconds: most, during, legs, talk = 0, rang = 0 } = example;
          const waiting = await Promise.all(
            to.map(([one, scenario, options]) => one().wait(scenario, { limitSeconds: 60, ...options })),
          );
          if (most !== undefined) await mostSeconds(most);
          const run = from().run(near[0], { user: userOf(user), limitSeconds: 60, ...near[1] });
          await during?.();
          const result = await run;
          assert.equal(result.exitCode, 0, result.errors);
          await Promise.all(waiting.map(({ done }) => done));
          if (most !== undefined) await mostSeconds("0");
          const found = await legsOf(result, legs.length);
          const shown = found.map((leg, index) =>
            Object.fromEntries(Object.keys(legs[index] ?? {}).map((key) => [key, leg[key as keyof Leg] ?? null])),
          );
          assert.deepEqual(shown, legs);
          const nodes = outputs.addresses.asterisk.map(({ sbc: address }) => `sip:${address}:5060`);
          for (const [index, leg] of found.entries()) {
            assert.equal(leg.direction, index === 0 ? "in" : "out");
            assert.ok(nodes.includes(leg.node ?? ""), leg.node ?? "no node");
            const seconds = Number(leg.duration);
            assert.ok(seconds >= talk && seconds < talk + 10, `talked for ${seconds} s`);
            assert.ok(Number(leg.ring_ms) >= rang && Number(leg.ring_ms) < rang + 8000, `rang for ${leg.ring_ms} ms`);
          }
          assert.equal(found[0]?.src_ip, from().address);
          if (found[1]) assert.equal(found[1].node, `sip:${found[1].src_ip}:5060`);
        }

        describe("of phones", { concurrency: 1 }, () =>
          examples([
            {
              what: "answered, and ended by the caller",
              from: caller,
              call: ["call", { called: "bob", holdMs: 1200 }],
              to: [[called, "answer"]],
              legs: [
                { ...inside, sip_code: "200", cause: "bye", ended_by: "caller" },
                { ...inside, sip_code: "200", cause: hangUp, ended_by: "caller" },
              ],
              talk: 1.1,
              // The phone rings for 100 ms, of which the edge may miss some.
              rang: 1,
            },
            {
              what: "answered, and ended by the called phone",
              from: caller,
              call: ["listen", { called: "bob" }],
              to: [[called, "leave", { holdMs: 500 }]],
              legs: [
                { ...inside, sip_code: "200", cause: hangUp, ended_by: "callee" },
                { ...inside, sip_code: "200", cause: "bye", ended_by: "callee" },
              ],
              talk: 0.4,
            },
            {
              what: "busy",
              from: caller,
              call: ["call", { called: "bob" }],
              to: [[called, "busy"]],
              legs: [
                { ...inside, ...unanswered, sip_code: "486", cause: "Busy Here", ended_by: "callee" },
                { ...inside, ...unanswered, sip_code: "486", cause: "Busy Here", ended_by: "callee" },
              ],
            },
            {
              what: "cancelled",
              from: caller,
              call: ["cancel", { called: "bob", holdMs: 600 }],
              to: [[called, "ring"]],
              legs: [
                { ...inside, ...unanswered, sip_code: "487", cause: "cancel", ended_by: "caller" },
                { ...inside, ...unanswered, sip_code: "487", cause: "cancel", ended_by: "caller" },
              ],
              rang: 100,
            },
            {
              what: "ended by an operator",
              from: caller,
              call: ["talk", { called: "600" }],
              user: "erin",
              to: [],
              during: async () => {
                await sbc(["calls", "end", await answeredCall("erin")]);
              },
              legs: [{ ...inside, ...by("erin"), callee: "600", sip_code: "200", cause: "operator", ended_by: "edge" }],
            },
          ]),
        );

        describe("of trunks", { concurrency: 1 }, () =>
          examples([
            {
              what: "failed, at both trunks",
              from: otherCaller,
              call: ["call", { called: "+49891234" }],
              to: [
                [carrier(0), "routing/unavailable"],
                [carrier(1), "routing/unavailable"],
              ],
              legs: [
                { ...outside, ...unanswered, sip_code: "502", ended_by: "callee" },
                { ...outside, ...unanswered, trunk: "second", sip_code: "503", ended_by: "callee" },
              ],
            },
            {
              what: "timed out, after ringing outside for too long",
              from: otherCaller,
              call: ["call", { called: "0049301" }],
              to: [[carrier(0), "ring"]],
              legs: [
                { ...inside, ...unanswered, callee: "0049301", sip_code: "408", cause: "no answer", ended_by: "edge" },
                // Both legs' time is up at once: here it may be the node that gives up.
                { ...inside, ...unanswered, callee: "0049301", trunk: "first" },
              ],
              rang: 6000,
            },
            {
              what: "answered by a trunk",
              from: otherCaller,
              call: ["call", { called: "+49891234", holdMs: 300 }],
              to: [[carrier(0), "routing/answer"]],
              legs: [
                { ...outside, sip_code: "200", cause: "bye", ended_by: "caller" },
                { ...outside, trunk: "first", sip_code: "200", cause: hangUp, ended_by: "caller" },
              ],
            },
            {
              what: "from a trunk",
              from: carrier(0),
              call: ["routing/deliver", { called: "+4930110", keys: { caller: "+4989555" }, holdMs: 300 }],
              to: [[otherCalled, "routing/answer"]],
              legs: [
                {
                  caller: "+4989555",
                  callee: "alice",
                  account: "trunk:first",
                  trunk: "first",
                  sip_code: "200",
                  ended_by: "caller",
                },
                { caller: "+4989555", callee: "alice", trunk: "", sip_code: "200", ended_by: "caller" },
              ],
            },
            {
              what: "too long for its class",
              from: otherCaller,
              call: ["talk", { called: "600" }],
              user: "eve",
              to: [],
              mostSeconds: "3",
              legs: [
                { ...inside, ...by("eve"), callee: "600", sip_code: "200", cause: "longest call", ended_by: "edge" },
              ],
              talk: 2,
            },
          ]),
        );
      });
    });

    describe("carriers that ask for a password", { concurrency: 1 }, () => {
      it("answers a challenge of the trunk's own realm, by a request with the next number", async () => {
        const challenge = {
          realm: "carrier.example",
          username: "customer",
          password: "carrier-secret",
        };
        const { status, seen } = await call("+12025550199", [[strict, "challenge-401", challenge]]);
        assert.equal(status, 200);
        const log = seen[0]?.log ?? {};
        assert.deepEqual(log["verified"], ["yes"], seen[0]?.errors);
        assert.match(log["from"]?.[0] ?? "", /"Anonymous" <sip:anonymous@anonymous\.invalid>/);
        assert.match(log["identity"]?.[0] ?? "", /<sip:\+12025550100@/);
        assert.match(log["privacy"]?.[0] ?? "", /id/);
        // RFC 3261 §22.2: the request with credentials has the next number, and so has what follows.
        const [invite = 0, bye = 0] = (log["cseq"] ?? []).map((text) => Number.parseInt(text, 10));
        assert.ok(bye > invite, `${bye} after ${invite}`);
      });

      it("gives no password to another realm, nor to a trunk or phone that has none here, and follows no redirection", async () => {
        const foreign = { realm: "evil.example", username: "x", password: "x" };
        const ours = { ...foreign, realm: "carrier.example" };
        const { status, seen } = await call("+12025550199", [
          [strict, "challenge-401", foreign],
          [sly, "challenge", ours],
        ]);
        assert.equal(status, 502);
        for (const carrier of seen) {
          assert.deepEqual(carrier.log["second"], ["none"], carrier.errors);
          assert.deepEqual(carrier.log["credentials"], [""]);
        }
        const moved = await call("+33123", [
          [sly, "moved", { elsewhere: `sip:+33999@${agent(stranger).address}:5060` }],
        ]);
        assert.equal(moved.status, 502);

        await agent(carolsPhone).register(userOf("carol"));
        const phone = await agent(carolsPhone).wait("routing/challenge-401", { keys: ours, limitSeconds: 60 });
        const inside = await calls("alice", "carol");
        assert.ok(![200, 401].includes(inside.statuses[0] ?? 0), String(inside.statuses[0]));
        assert.deepEqual((await phone.done).log["second"], ["none"]);
      });
    });

    const whole = ["INVITE", "ACK", "BYE"];

    it("calls over TLS only those whose certificate has been seen, is of the trunk's CA and has its name", async () => {
      const { container } = agent(hosts);
      const own = await (await ca).issue("host", { names: ["other.example", container] });
      const evil = await (await ca).issue("host", { names: ["evil.example"] });
      const foreign = await (await testAuthority("another CA")).issue("host", { names: [container] });
      const certificates = { secure: own, impostor: evil, foreign, lenient: evil, quiet: own };
      const { done } = await carriers(
        agent(hosts),
        Object.entries(certificates).map(([name, certificate]) => ({
          ...{ transport: "tls" as const, port: ports[name as keyof typeof certificates], certificate },
          // "quiet" is not taken to be up by its answers, but they show its certificate.
          options: name === "quiet" ? 405 : 200,
        })),
        { calls: 3, limitMs: 40_000 },
      );
      await waitFor("the certificates of two hosts", async () => {
        const known = await rpc("htable.dump", "tlsnames");
        return known.split(container).length > 2 && (await state(ports.secure)) === "A";
      });
      const results = await Promise.all(
        ["+811", "+821", "+831", "+841", "+851"].map((called) => calls("alice", called)),
      );
      assert.deepEqual(
        results.map(({ statuses }) => statuses[0]),
        [200, 502, 502, 200, 200],
      );
      const seen = await done;
      assert.deepEqual(seen.map(methods), [whole, [], [], whole, whole]);
      // It was asked, and has shown what it is.
      assert.ok(seen[1]?.requests.some(({ method }) => method === "OPTIONS"));
    });

    it("calls over TCP", async () => {
      const { done } = await program({ transport: "tcp", port: ports.stream }, { calls: 1 });
      assert.deepEqual((await calls("alice", "+861")).statuses, [200]);
      assert.deepEqual(methods(await done), whole);
    });

    it("keeps to the calls at once of a trunk, both ways, but for emergency numbers", async () => {
      const { done } = await program({ port: ports.limited }, { calls: 3, limitMs: 40_000 });
      const held = calls("alice", "+871", { count: 2, holdMs: 8000 });
      await waitFor("two calls", async () => /\b2\b/.test(await rpc("dlg.profile_get_size", "trunk", "limited")));
      assert.deepEqual((await calls("alice", "+871")).statuses, [502]);
      assert.deepEqual((await deliver(hosts, "+87111")).log["invite"], ["503"]);
      assert.deepEqual((await calls("alice", "110")).statuses, [200]);
      assert.deepEqual((await held).statuses, [200, 200]);
      const { requests, together } = await done;
      assert.equal(together, 3);
      assert.deepEqual(
        requests.flatMap(({ method, uri }) => (method === "INVITE" ? [uri.replace(/@.*/, "")] : [])),
        ["sip:+871", "sip:+871", "sip:110"],
      );
    });

    it("keeps to the calls per second of a trunk", async () => {
      const { done } = await program({ port: more.paced }, { limitMs: 8000 });
      const { statuses } = await calls("alice", "+951", { count: 10 });
      const times = (await done).requests.flatMap(({ method, at }) => (method === "INVITE" ? [at] : []));
      assert.equal(statuses.filter((status) => status === 200).length, times.length);
      // In seconds of the clock: two calls may be as near as their seconds.
      const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000;
      assert.ok(times.length > 0 && times.length <= Math.ceil(seconds) + 1, `${times.length} calls in ${seconds} s`);
      assert.ok(times.length < statuses.length, "none was refused");
    });

    it("shows the caller's own number where that is allowed, and the trunk's for others", async () => {
      const { done } = await program({ port: more.choosy }, { calls: 2 });
      assert.deepEqual((await calls("+4511", "+891")).statuses, [200]);
      assert.deepEqual((await calls("alice", "+891")).statuses, [200]);
      const shown = (await done).requests.flatMap(({ method, from }) => (method === "INVITE" ? [from] : []));
      assert.match(shown[0] ?? "", /<sip:\+4511@/);
      assert.match(shown[1] ?? "", /<sip:\+4500@/);
    });

    it("goes on to the next host when one says nothing, after sbc:timers.nodeTimeoutMs", async () => {
      const { done } = await carriers(agent(hosts), [{ port: more.silent, answer: 0 }, { port: more.behind }], {
        calls: 1,
      });
      assert.deepEqual((await calls("alice", "+901")).statuses, [200]);
      const [from, to] = (await done).map(({ requests }) => requests[0]?.at ?? NaN);
      const waited = (to ?? NaN) - (from ?? NaN);
      assert.ok(waited > 2000 && waited < 6000, `${waited} ms`);
    });

    it("takes a host of a trunk for down and for up by its answers to OPTIONS", async () => {
      await waitFor("down", async () => (await state(more.probed)) === "I", 30_000);
      assert.deepEqual((await calls("alice", "+911")).statuses, [502]);
      const { done } = await program({ port: more.probed }, { limitMs: 10_000 });
      await waitFor("up", async () => (await state(more.probed)) === "A", 30_000);
      assert.deepEqual((await calls("alice", "+911")).statuses, [200]);
      assert.deepEqual(methods(await done), whole);
      await waitFor("down again", async () => (await state(more.probed)) === "I", 30_000);
    });

    describe("npm run sbc, under load", { concurrency: 1 }, () => {
      let others: ReturnType<typeof keepCalling>;
      let davesCall: ReturnType<typeof calls>;
      before(() => {
        others = keepCalling();
      });
      after(() => others.stop());

      it("adds a subscriber, and removes him while he talks: his call goes on", async () => {
        const { password } = await sbc<{ password: string }>(["subscriber", "add", "dave"]);
        const dave = { name: "dave", password };
        const registered = await agent(davesPhone).register(dave);
        assert.deepEqual(registered.log["register"], ["200"], registered.errors);
        davesCall = calls("dave", "600", { password, holdMs: 20_000 });
        const running = async () => /\b1\b/.test(await rpc("dlg.profile_get_size", "user", "dave"));
        await waitFor("his call", running);
        await sbc(["subscriber", "remove", "dave"]);
        const gone = await agent(davesPhone).register(dave);
        assert.match(gone.log["register"]?.[0] ?? "", /^40[13]$/);
        assert.ok(await running());
      });

      it("adds and removes a trunk, and no other one registers anew", async () => {
        const { address } = agent(davesPhone);
        const registration = async () =>
          /l_uuid: registrar[^}]*timer_expires: (\d+)/.exec(await rpc("uac.reg_dump"))?.[1];
        const before = await registration();
        assert.ok(before !== undefined);
        const own = ["own", "--host", address, "--prefix", "+7", "--no-probe", "--caller-id", "fixed:+7495"];
        await sbc(["trunk", "add", ...own]);
        const { status, seen } = await call("+7812", [[davesPhone, "answer"]]);
        assert.equal(status, 200);
        assert.match(seen[0]?.log["from"]?.[0] ?? "", /<sip:\+7495@/);
        await sbc(["trunk", "remove", "own"]);
        assert.deepEqual((await calls("alice", "+7812")).statuses, [404]);
        assert.equal(await registration(), before);
      });

      it("bans a source and hears it again", async () => {
        const { address } = agent(davesPhone);
        const heard = () => agent(davesPhone).run("options", { limitSeconds: 3 });
        await sbc(["ban", "add", address, "--seconds", "600"]);
        assert.notEqual((await heard()).exitCode, 0);
        await sbc(["ban", "remove", address]);
        assert.equal((await heard()).exitCode, 0);
      });

      it("drains a node and takes it back", async () => {
        const stateOf = async () =>
          (await sbc<{ name: string; state: string }[]>(["node", "list"])).map(({ state }) => state);
        await sbc(["node", "drain", "asterisk-1"]);
        assert.deepEqual(await stateOf(), ["drained", "up", "up"]);
        await sbc(["node", "undrain", "asterisk-1"]);
        assert.deepEqual(await stateOf(), ["up", "up", "up"]);
      });

      it("has lost no call meanwhile", async () => {
        assertNoneLost(await others.stop());
        // The script fails unless his BYE is answered with 200.
        assert.deepEqual((await davesCall).statuses, [200]);
      });
    });
  });

  it("puts an emergency number through whatever limit is reached, and by the next trunk", async () => {
    const talk = agent(alicesPhone).run("talk", { user: userOf("eve"), called: "600", limitSeconds: 90 });
    await waitFor("a call of eve", async () => /\b1\b/.test(await rpc("dlg.profile_get_size", "user", "eve")));
    assert.deepEqual((await calls("eve", "600")).statuses, [403]);
    const [unavailable, answer] = await Promise.all([
      agent(first).wait("routing/unavailable", { limitSeconds: 60 }),
      agent(second).wait("routing/answer", { limitSeconds: 60 }),
    ]);
    const where = "WHERE key_name = 'edge.max_calls'";
    const most = await query(`SELECT key_value FROM edge_policy ${where}`);
    await query(`UPDATE edge_policy SET key_value = '1' ${where}`);
    await reloadPolicy();
    try {
      assert.deepEqual((await calls("alice", "600")).statuses, [503]);
      assert.deepEqual((await calls("eve", "112")).statuses, [200]);
    } finally {
      await query(`UPDATE edge_policy SET key_value = '${most}' ${where}`);
      await reloadPolicy();
    }
    const [refused, taken] = await Promise.all([unavailable.done, answer.done]);
    assert.match(refused.log["target"]?.[0] ?? "", /^112@/, refused.errors);
    assert.match(taken.log["target"]?.[0] ?? "", /^112@/, taken.errors);
    await sbc(["calls", "end", await answeredCall("eve")]);
    assert.equal((await talk).exitCode, 0);
  });

  it("shares calls by the weights of the nodes", async () => {
    const { id, answered } = await load(agent(busy), { user: bob, called: "600", calls: 60, rate: 20, holdMs: 100 });
    assert.equal(answered, 60);
    const { sbc: heavy } = outputs.addresses.asterisk[0] ?? assert.fail();
    // 8 of 10: 48 of 60 in the mean with a deviation of 3.1; in turn it would be 20.
    await waitFor("the records", async () => {
      const records = "acc_cdrs WHERE direction = 'in' AND xcid LIKE";
      return (await query(`SELECT COUNT(*) FROM ${records} '%-${id}@%'`)) === "60";
    });
    const share = await query(
      `SELECT COUNT(*) FROM acc_cdrs WHERE direction = 'in' AND xcid LIKE '%-${id}@%' AND node = 'sip:${heavy}:5060'`,
    );
    assert.ok(Number(share) >= 33, `${share} of 60`);
  });

  it("tells the metrics of trunks", async () => {
    const script = [
      `exec 3<>/dev/tcp/$(sed -n 's/.*!SBC_OPS_ADDRESS!\\(.*\\)!g"/\\1/p' /etc/kamailio/stack.cfg)/8880`,
      "printf 'GET /metrics HTTP/1.1\\r\\nHost: edge\\r\\n\\r\\n' >&3; timeout 10 cat <&3",
    ].join("; ");
    const text = await docker(["exec", outputs.containers.kamailio, "bash", "-c", script]);
    assert.match(text, /kamailio_trunk_up\{trunk="first"\} 1/);
    assert.match(text, /kamailio_trunk_calls\{trunk="first", direction="out", result="answered"\} [1-9]/);
    assert.match(text, /kamailio_trunk_calls\{trunk="first", direction="in", result="refused"\} [1-9]/);
  });

  it("records a call whose caller has vanished", async () => {
    const [leg] = await legsOf(await vanished, 1, 90_000);
    const { caller: who, callee, sip_code: code, cause, ended_by: endedBy } = leg ?? {};
    assert.deepEqual([who, callee, code, cause, endedBy], ["frank", "600", "200", "keep-alive", "edge"]);
  });

  it("refuses calls with 503 when no node is left", async () => {
    await Promise.all(outputs.containers.asterisk.map((node) => docker(["stop", node])));
    const up = async () => (await sbc<{ state: string }[]>(["node", "list"])).filter(({ state }) => state !== "down");
    await waitFor("no node", async () => (await up()).length === 0, 60_000);
    assert.deepEqual((await calls("alice", "600")).statuses, [503]);
    assert.deepEqual((await calls("alice", "bob")).statuses, [503]);
  });
});
