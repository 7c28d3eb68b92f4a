import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { metrics, type Metric } from "../../configs/metrics/contract.ts";
import { SipAgent, waitFor, type Credentials } from "../sip/agent.ts";
import { docker } from "../sip/docker.ts";
import { describeLoad, load, type Load } from "../sip/load.ts";
import { apiCertificates, apiName, EventsApi } from "../support/events-api.ts";
import { contractProblems, unknownMetrics } from "../support/exposition.ts";
import { Failures } from "../support/failures.ts";
import { EdgeStack, freeNetworks, type Outputs } from "./stack.ts";

describe("a stack whose parts fail", { timeout: 420_000 }, () => {
  let folder: string;
  let stack: EdgeStack;
  let outputs: Outputs & { eventsSecret: string };
  let failures: Failures;
  let caller: SipAgent;
  let phone: SipAgent;
  let api: EventsApi;
  let alice: Credentials;
  let bob: Credentials;
  let certificates: Awaited<ReturnType<typeof apiCertificates>>;

  const echo = { called: "600", rate: 10 } as const;
  const print = (test: TestContext, run: Load) => test.diagnostic(describeLoad(run));
  const events = (labels: Record<string, string>) => failures.metric("kamailio_events", labels);
  const errors = () => failures.metric("kamailio_event_requests", { result: "error" });
  const deliveries = (result: string) => failures.metric("kamailio_event_deliveries", { result });
  const allAnswered = (run: Load) => {
    assert.equal(run.answered, run.calls, `${describeLoad(run)}\n${run.result.errors.slice(0, 2000)}`);
    assert.deepEqual(run.lost, []);
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "sbc-events-"));
    certificates = await apiCertificates();
    const caFile = join(folder, "api-ca.pem");
    await writeFile(caFile, certificates.ca);
    const networks = freeNetworks();
    stack = await EdgeStack.create({
      networks,
      subscribers: [{ name: "alice" }, { name: "bob" }, { name: "carol" }],
      // The API does not exist yet: its name does not even resolve.
      events: { url: `https://${apiName}:8443/sbc`, caFile, queue: 100, maxAgeSeconds: 60 },
      // Load is what is tested here, not the limits.
      protection: { unlimited: [networks.sbc] },
      classes: [{ name: "default", maxCalls: 0, callsPerSecond: 0 }],
    });
    const { code, output } = await stack.up();
    assert.equal(code, 0, output);
    outputs = (await stack.outputs()) as typeof outputs;
    failures = new Failures(outputs);
    const user = (name: string) => ({ name, password: outputs.subscribers[name] ?? assert.fail() });
    [alice, bob] = [user("alice"), user("bob")];
    const agent = () => SipAgent.start(outputs.sbcNetwork, failures.target);
    [caller, phone] = await Promise.all([agent(), agent()]);
  });

  after(async () => {
    for (const thing of [api, caller, phone]) await thing?.[Symbol.asyncDispose]();
    await stack?.destroy();
    await stack?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  describe("tells the API", () => {
    it("nothing while its name does not resolve, which no call feels", async (test) => {
      await caller.register(alice);
      const run = await load(caller, { user: alice, ...echo, calls: 10, holdMs: 300 });
      print(test, run);
      allAnswered(run);
      await waitFor("an attempt", async () => (await errors()) > 0);
      assert.equal(await deliveries("sent"), 0);
    });

    it("all of it as soon as it is there: each event once, signed, in order", async () => {
      api = await EventsApi.start(outputs.sbcNetwork, failures.target, certificates, outputs.eventsSecret);
      const wanted = 1 + 10 * 3;
      await waitFor(`${wanted} events`, async () => (await api.events()).length >= wanted, 60_000);
      const told = await api.events();
      assert.equal(new Set(told.map(({ id }) => id)).size, wanted, "each has an id of its own");
      const [first] = told;
      assert.deepEqual([first?.kind, first?.["user"], first?.["source"]], ["register", "alice", caller.address]);
      const ids = new Set(told.slice(1).map((event) => event["call_id"]));
      assert.equal(ids.size, 10);
      for (const id of ids) {
        const call = told.filter((event) => event["call_id"] === id);
        assert.deepEqual(
          call.map(({ kind, caller: from, callee }) => [kind, from, callee]),
          ["call_start", "call_answer", "call_end"].map((kind) => [kind, "alice", "600"]),
        );
      }
    });

    it("of a busy phone, once for the call and not for each leg, and of a phone that leaves", async () => {
      const before = (await api.events()).length;
      await phone.register(bob);
      const { done } = await phone.wait("busy");
      await caller.run("call", { user: alice, called: "bob" });
      await done;
      await phone.register(bob, { expires: 0 });
      await waitFor("four events", async () => (await api.events()).length >= before + 4);
      const told = (await api.events()).slice(before).map(({ kind, code }) => [kind, code]);
      assert.deepEqual(told, [
        ["register", undefined],
        ["call_start", undefined],
        ["call_failed", 486],
        ["unregister", undefined],
      ]);
    });

    it("again what it did not take, with the same id; not what it refuses for good", async () => {
      await api.behave("fail");
      const before = (await api.requests()).length;
      await phone.register(bob);
      await waitFor("two attempts", async () => (await api.requests()).length >= before + 2, 30_000);
      await api.behave("refuse");
      await waitFor("the refusal", async () => (await deliveries("refused")) === 1, 30_000);
      const tries = (await api.requests()).slice(before);
      assert.equal(new Set(tries.map(({ headers }) => headers["webhook-id"])).size, 1);
      tries.forEach((request) => api.verify(request));
      await api.behave("ok");
    });

    it("nothing while it shows a certificate that its CA did not sign", async () => {
      await api.show("other");
      const sent = await deliveries("sent");
      const before = await errors();
      await phone.register(bob, { expires: 0 });
      await waitFor("an attempt", async () => (await errors()) > before);
      assert.equal(await deliveries("sent"), sent);
      await api.show("good");
      await waitFor("the event", async () => (await deliveries("sent")) === sent + 1, 30_000);
    });

    for (const mode of ["slow", "closed", "fail"] as const) {
      const how = { slow: "answers after five seconds", closed: "refuses connections", fail: "answers 503" }[mode];
      it(`later what happened while it ${how}, which no call feels`, async (test) => {
        await api.behave(mode);
        const run = await load(caller, { user: alice, ...echo, calls: 10, holdMs: 300 });
        print(test, run);
        allAnswered(run);
        await api.behave("ok");
        const ofRun = async () =>
          (await api.events()).filter(({ call_id: id }) => typeof id === "string" && id.includes(`-${run.id}@`));
        await waitFor("its events", async () => (await ofRun()).length >= 30, 60_000);
        assert.equal(new Set((await ofRun()).map(({ id }) => id)).size, 30);
        assert.equal(await api.mostOpen(), 1);
      });
    }

    it("what waited while its key was changed, signed with the new one", async () => {
      await api.behave("fail");
      const before = await errors();
      const run = await load(caller, { user: alice, ...echo, calls: 5, holdMs: 300 });
      await waitFor("an attempt", async () => (await errors()) > before, 30_000);
      const old = outputs.eventsSecret;
      await stack.configure({ rotation: { edge: { eventsKey: 2 } } });
      const { code, output } = await stack.up();
      assert.equal(code, 0, output);
      outputs = (await stack.outputs()) as typeof outputs;
      assert.notEqual(outputs.eventsSecret, old);

      // An API that does not know the new one yet.
      await api.behave("ok");
      const refused = async () => (await api.requests()).some(({ answer }) => answer === 401);
      await waitFor("a request with the new key", refused, 60_000);
      await api.know(outputs.eventsSecret);
      const ofRun = async () =>
        (await api.events()).filter(({ call_id: id }) => typeof id === "string" && id.includes(`-${run.id}@`));
      await waitFor("its events", async () => (await ofRun()).length >= 15, 60_000);
      assert.equal(new Set((await ofRun()).map(({ id }) => id)).size, 15);
    });

    it("what there is room for while it does not answer: the rest is counted, no call waits", async (test) => {
      await api.behave("silent");
      const [run] = await Promise.all([
        load(caller, { user: alice, ...echo, calls: 50, holdMs: 300 }),
        waitFor("a full queue", async () => (await events({ result: "overflow" })) > 0, 40_000),
      ]);
      print(test, run);
      allAnswered(run);
      const [made, dropped] = [await events({ result: "queued" }), await events({ result: "overflow" })];
      test.diagnostic(`${made} events queued, ${dropped} dropped, at most ${await api.mostOpen()} request at once`);
      assert.equal(await api.mostOpen(), 1);
      // And then it is gone, for longer than they may wait: see below.
      await api.behave("closed");
    });
  });

  it("exports what the metric contract says, and the edge nothing beside it", async () => {
    const of = (...sources: Metric["source"][]) => metrics.filter(({ source }) => sources.includes(source));
    // It has been restarted just now, and looks after its nodes every 5 s.
    await waitFor("both nodes", async () => (await failures.nodesUp()) === 2);
    const edge = await failures.scrape("kamailio");
    assert.deepEqual(contractProblems(edge, of("edge", "kamailio")), []);
    assert.deepEqual(unknownMetrics(edge, of("edge", "kamailio")), []);
    assert.deepEqual(contractProblems(await failures.scrape("rtpengine"), of("rtpengine")), []);
    for (const node of outputs.containers.asterisk) {
      assert.deepEqual(contractProblems(await failures.scrape(node), of("asterisk")), []);
    }
  });

  it("gives calls to the other node when one is killed under load, and to it again once it is back", async (test) => {
    const [node = ""] = outputs.containers.asterisk;
    const begun = await failures.startedAt(node);
    const [run] = await Promise.all([
      load(caller, { user: alice, ...echo, calls: 60, holdMs: 500 }),
      failures.whenCallsRun(10).then(() => failures.kill(node)),
    ]);
    print(test, run);
    assert.equal(run.answered, run.calls, run.result.errors.slice(0, 2000));
    // Those that lived on the node, 10 × 0.5 s / 2 of them.
    assert.ok(run.lost.length <= 10, `${run.lost.length} calls lost`);
    await failures.restarted(node, begun);
    await waitFor("the node in rotation", async () => (await failures.nodesUp()) === 2, 60_000);
  });

  const refuse = (lock: "LOCK" | "UNLOCK") =>
    failures.query(`ALTER USER kamailio ACCOUNT ${lock}${lock === "LOCK" ? "; KILL USER kamailio" : ""}`);
  const outages = [
    {
      how: "hangs",
      away: () => docker(["pause", outputs.containers.mariadb]),
      back: () => docker(["unpause", outputs.containers.mariadb]),
    },
    {
      how: "is stopped",
      away: () => docker(["stop", outputs.containers.mariadb]),
      back: async () => {
        await docker(["start", outputs.containers.mariadb]);
        await failures.healthy(outputs.containers.mariadb);
      },
    },
    { how: "refuses the edge", away: () => refuse("LOCK"), back: () => refuse("UNLOCK") },
  ];
  for (const { how, away, back } of outages) {
    it(`answers and ends calls without delay while the database ${how}, registers phones again, and records the calls afterwards`, async (test) => {
      await phone.register(bob);
      const since = Math.floor(Date.now() / 1000);
      // These are in the database when it goes.
      const earlier = load(caller, { user: alice, ...echo, calls: 10, holdMs: 6000 });
      await waitFor("ten calls in the database", () => failures.dialogs(10, since), 30_000);
      await away();
      let runs: Load[];
      try {
        runs = [await earlier, await load(caller, { user: alice, ...echo, calls: 20, holdMs: 500 })];
        const again = await phone.register(bob);
        assert.deepEqual(again.log["register"], ["200"], "a phone that is known registers again");
      } finally {
        await back();
      }
      for (const run of runs) {
        print(test, run);
        allAnswered(run);
        // A SIP worker that waits for the database does so for a second, three times over.
        assert.ok((run.endings.at(-1) ?? Infinity) < 2500, "each BYE is answered at once");
        await waitFor("a record of each call", async () => (await failures.records(run.id)) === run.calls, 60_000);
      }
      await waitFor("no call in the database", () => failures.dialogs(0, since), 30_000);
    });
  }

  it("gives up what the API did not take in time", () =>
    waitFor("an event that is too old", async () => (await deliveries("expired")) > 0, 90_000));

  it("is killed itself, and knows phones and calls again", async (test) => {
    const edge = outputs.containers.kamailio;
    await phone.register(bob);
    await waitFor("bob in the database", () =>
      failures.written("SELECT COUNT(*) FROM location WHERE username = 'bob'"),
    );
    const { done: answered } = await phone.wait("answer", { limitSeconds: 120 });
    const since = Math.floor(Date.now() / 1000);
    // Long enough to be there before and after.
    const talk = caller.run("call", { user: alice, called: "bob", holdMs: 12_000, limitSeconds: 90 });
    // Carol's is on TLS: with the edge her connection is gone.
    const tls = await SipAgent.start(outputs.sbcNetwork, failures.target);
    const callOfCarol = randomBytes(4).toString("hex");
    const intervalMs = 8000;
    const carol = tls.script<{ bye: number; registeredMs: number }>(
      "resilience/tls-phone",
      {
        phone: {
          transport: "tls",
          edge: { address: failures.target.address, port: failures.target.ports.tls },
          domain: outputs.sip.domain,
          address: tls.address,
          user: "carol",
          password: outputs.subscribers["carol"],
        },
        callId: `tls-${callOfCarol}@phone`,
        intervalMs,
        limitMs: 60_000,
      },
      90,
    );
    carol.catch(() => undefined);
    await waitFor("both legs in the database, and Carol's call", () => failures.dialogs(3, since));
    const begun = await failures.startedAt(edge);
    const killed = performance.now();
    await failures.kill(edge);
    await failures.restarted(edge, begun);
    const up = performance.now();
    const other = await SipAgent.start(outputs.sbcNetwork, failures.target);
    try {
      await failures.healthy(edge);
      test.diagnostic(`healthy ${((performance.now() - up) / 1000).toFixed(1)} s after the new start`);
      const awayMs = performance.now() - killed;
      assert.equal((await failures.metric("kamailio_usrloc_registered_users")) >= 1, true, "registrations are loaded");
      const result = await talk;
      assert.equal(result.exitCode, 0, `the BYE of a call from before is answered: ${result.errors}`);
      assert.equal((await answered).exitCode, 0, "and reaches the other end");
      await waitFor("two records", async () => (await failures.records(result.id)) >= 2, 30_000);
      assert.equal(await failures.records(result.id), 2, "one for each leg, no more");
      // Bob's phone has not registered again.
      const { done } = await phone.wait("busy");
      const call = await other.run("call", { user: alice, called: "bob" });
      assert.deepEqual(call.log["invite"], ["486"], call.errors);
      await done;

      await waitFor("the record of Carol's call", async () => (await failures.records(callOfCarol)) === 1, 60_000);
      const reached = await other.run("call", { user: alice, called: "carol" });
      assert.deepEqual(reached.log["invite"], ["486"], reached.errors);
      const { bye, registeredMs } = await carol;
      test.diagnostic(`TLS phone that registers every ${intervalMs} ms: back after ${registeredMs} ms`);
      assert.equal(bye, 200, "the BYE of a call from before, over the new connection");
      assert.ok(registeredMs <= awayMs + intervalMs + 3000, `${registeredMs} ms, the edge was away for ${awayMs}`);
    } finally {
      await tls[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
    }
  });
});
