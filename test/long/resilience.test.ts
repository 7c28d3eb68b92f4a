import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it, type TestContext } from "node:test";
import { SipAgent, waitFor, type Credentials } from "../sip/agent.ts";
import { docker } from "../sip/docker.ts";
import { describeLoad, load, type Load } from "../sip/load.ts";
import { Failures } from "../support/failures.ts";
import { EdgeStack, freeNetworks, type Outputs } from "../e2e/stack.ts";

/** The long forms of test/e2e/resilience.test.ts. Each prints its figures. */
describe("a stack whose parts fail for longer", { timeout: 1_200_000 }, () => {
  let stack: EdgeStack;
  let outputs: Outputs;
  let failures: Failures;
  let caller: SipAgent;
  let phone: SipAgent;
  let alice: Credentials;
  let bob: Credentials;

  const echo = { called: "600", rate: 10 } as const;
  const print = (test: TestContext, run: Load) => test.diagnostic(describeLoad(run));
  const seconds = (from: number) => `${((performance.now() - from) / 1000).toFixed(1)} s`;
  const allAnswered = (run: Load) => {
    assert.equal(run.answered, run.calls, `${describeLoad(run)}\n${run.result.errors.slice(0, 2000)}`);
    assert.deepEqual(run.lost, []);
  };
  const nodeOf = (index: number) => outputs.containers.asterisk[index] ?? assert.fail(`no node ${index}`);

  before(async () => {
    const networks = freeNetworks();
    stack = await EdgeStack.create({
      networks,
      subscribers: [{ name: "alice" }, { name: "bob" }],
      protection: { unlimited: [networks.sbc] },
      classes: [{ name: "default", maxCalls: 0, callsPerSecond: 0 }],
    });
    const { code, output } = await stack.up();
    assert.equal(code, 0, output);
    outputs = await stack.outputs();
    failures = new Failures(outputs);
    const user = (name: string) => ({ name, password: outputs.subscribers[name] ?? assert.fail() });
    [alice, bob] = [user("alice"), user("bob")];
  });

  // New ones each time: what one test left behind is no part of the next.
  beforeEach(async () => {
    const agent = () => SipAgent.start(outputs.sbcNetwork, failures.target);
    [caller, phone] = await Promise.all([agent(), agent()]);
  });
  afterEach(() => Promise.all([caller, phone].map((agent) => agent[Symbol.asyncDispose]())));

  after(async () => {
    await stack?.destroy();
    await stack?.remove();
  });

  it("gives calls to the other node when one is frozen, and to it again when it goes on", async (test) => {
    const node = nodeOf(0);
    let run: Load;
    try {
      [run] = await Promise.all([
        load(caller, { user: alice, ...echo, calls: 150, holdMs: 500 }),
        failures.whenCallsRun(20).then(() => docker(["pause", node])),
      ]);
    } finally {
      await docker(["unpause", node]);
    }
    print(test, run);
    const slow = run.delays.filter((delay) => delay > 2000);
    test.diagnostic(`${slow.length} calls waited for the frozen node, ${run.lost.length} that lived on it were lost`);
    assert.equal(run.answered, run.calls, run.result.errors.slice(0, 2000));
    const from = performance.now();
    await waitFor("the node in rotation", async () => (await failures.nodesUp()) === 2, 60_000);
    test.diagnostic(`in rotation again after ${seconds(from)}`);
  });

  it("takes a frozen node out of rotation by its pings alone", async (test) => {
    const node = nodeOf(1);
    const from = performance.now();
    await docker(["pause", node]);
    try {
      await waitFor("one node in rotation", async () => (await failures.nodesUp()) === 1, 60_000);
      test.diagnostic(`out of rotation after ${seconds(from)}`);
    } finally {
      await docker(["unpause", node]);
    }
    await waitFor("the node in rotation", async () => (await failures.nodesUp()) === 2, 60_000);
  });

  it("records the node that took the call, not the one that did not", async () => {
    const node = nodeOf(0);
    const address = outputs.addresses.asterisk[0]?.sbc ?? assert.fail("no node");
    await docker(["pause", node]);
    let run: Load;
    try {
      // Two in turn: one of them is offered to the frozen node first.
      run = await load(caller, { user: alice, ...echo, calls: 2, holdMs: 300 });
    } finally {
      await docker(["unpause", node]);
    }
    assert.ok((run.delays.at(-1) ?? 0) > 2000, "one waited for the frozen node");
    await waitFor("two records", async () => (await failures.records(run.id)) === 2, 30_000);
    const wrong = `SELECT COUNT(*) FROM acc_cdrs WHERE xcid LIKE '%-${run.id}@%' AND node LIKE '%${address}:%'`;
    assert.equal(await failures.query(wrong), "0");
    await waitFor("the node in rotation", async () => (await failures.nodesUp()) === 2, 60_000);
  });

  it("ends and records the calls of a node that died, within a minute", async (test) => {
    const node = nodeOf(1);
    const talks = load(caller, { user: alice, ...echo, calls: 10, holdMs: 75_000 });
    await waitFor("ten calls", async () => (await failures.metric("kamailio_dialog_active_dialogs")) === 10);
    await failures.kill(node);
    const from = performance.now();
    // Nobody hangs up before the edge finds out.
    await waitFor(
      "the end of its calls",
      async () => (await failures.metric("kamailio_dialog_active_dialogs")) <= 5,
      60_000,
    );
    test.diagnostic(`its calls ended after ${seconds(from)}`);
    const run = await talks;
    print(test, run);
    await waitFor("a record of each call", async () => (await failures.records(run.id)) === run.calls, 30_000);
    assert.equal(run.answered, run.calls);
  });

  it("drains a node under load without losing a call", async (test) => {
    const node = nodeOf(0);
    const [run] = await Promise.all([
      load(caller, { user: alice, ...echo, calls: 150, holdMs: 2000 }),
      failures.whenCallsRun(20).then(async () => {
        await stack.configure({ asterisk: { drain: ["asterisk-1"] } });
        const { code, output } = await stack.up();
        assert.equal(code, 0, output);
        await waitFor("a drained node", async () => (await failures.metric("kamailio_dispatcher_drained")) === 1);
      }),
    ]);
    print(test, run);
    allAnswered(run);
    await stack.configure({ asterisk: { drain: [] } });
    assert.equal((await stack.up()).code, 0);
    await waitFor(`${node} in rotation`, async () => (await failures.nodesUp()) === 2, 60_000);
  });

  it("answers calls and knows phones while the database is away for a minute", async (test) => {
    await phone.register(bob);
    const database = outputs.containers.mariadb;
    await docker(["pause", database]);
    let run: Load;
    try {
      run = await load(caller, { user: alice, ...echo, calls: 600, holdMs: 500 });
      assert.deepEqual((await phone.register(bob)).log["register"], ["200"]);
    } finally {
      await docker(["unpause", database]);
    }
    print(test, run);
    assert.ok(run.answered >= run.calls * 0.99, `${run.answered} of ${run.calls}`);
    await waitFor("a record of each call", async () => (await failures.records(run.id)) === run.calls, 120_000);
  });

  it("goes on after RTPengine was killed: calls without it are refused, later ones have media again", async (test) => {
    const media = outputs.containers.rtpengine[0] ?? assert.fail("no RTPengine");
    const begun = await failures.startedAt(media);
    let outage = 0;
    const [run] = await Promise.all([
      load(caller, { user: alice, ...echo, calls: 150, holdMs: 500 }),
      failures.whenCallsRun(20).then(async () => {
        const from = performance.now();
        await failures.kill(media);
        await failures.restarted(media, begun);
        await failures.healthy(media);
        outage = (performance.now() - from) / 1000;
      }),
    ]);
    print(test, run);
    test.diagnostic(`away for ${outage.toFixed(1)} s`);
    assert.deepEqual(new Set(run.refused), new Set(["503"]), "refused at once, none without media");
    // The edge asks for it every 2 s.
    assert.ok(run.refused.length <= echo.rate * (outage + 5), `${run.refused.length} refused`);
    assert.deepEqual(run.lost, [], "signalling does not lose calls that were there");
    allAnswered(await load(caller, { user: alice, ...echo, calls: 10, holdMs: 300 }));
  });

  it("restarts cleanly without losing a call that is older than two seconds", async (test) => {
    const edge = outputs.containers.kamailio;
    const since = Math.floor(Date.now() / 1000);
    const talks = load(caller, { user: alice, ...echo, calls: 10, holdMs: 25_000 });
    await waitFor("ten calls in the database", () => failures.dialogs(10, since));
    const from = performance.now();
    await docker(["restart", edge]);
    await failures.healthy(edge);
    test.diagnostic(`healthy ${seconds(from)} after the order to restart`);
    const run = await talks;
    print(test, run);
    allAnswered(run);
    await waitFor("a record of each call", async () => (await failures.records(run.id)) === run.calls, 30_000);
  });

  /** Ten calls that end while the database hangs; `meanwhile` runs when they have ended. */
  async function endedUnseen(meanwhile: () => Promise<void>): Promise<Load> {
    const since = Math.floor(Date.now() / 1000);
    // Over 5 s: what is being written when the database freezes, of up to a second, it takes later.
    const talks = load(caller, { user: alice, called: "600", rate: 2, calls: 10, holdMs: 15_000 });
    await waitFor("ten calls in the database", () => failures.dialogs(10, since));
    await docker(["pause", outputs.containers.mariadb]);
    try {
      const run = await talks;
      await meanwhile();
      return run;
    } finally {
      await docker(["unpause", outputs.containers.mariadb]);
    }
  }

  async function killEdge(): Promise<void> {
    const edge = outputs.containers.kamailio;
    const begun = await failures.startedAt(edge);
    await failures.kill(edge);
    await failures.restarted(edge, begun);
  }

  it("knows no call any more that has ended while the database was away, when it is killed later", async () => {
    const since = Math.floor(Date.now() / 1000);
    const run = await endedUnseen(() => Promise.resolve());
    allAnswered(run);
    await waitFor("a record of each call", async () => (await failures.records(run.id)) === run.calls, 60_000);
    await waitFor("no call in the database", () => failures.dialogs(0, since), 30_000);
    await killEdge();
    await failures.healthy(outputs.containers.kamailio);
    assert.equal(await failures.metric("kamailio_dialog_active_dialogs"), 0);
  });

  it("forgets calls that had ended when it was killed with the database away: no limit counts them, none has two records", async (test) => {
    const run = await endedUnseen(killEdge);
    allAnswered(run);
    const from = performance.now();
    await failures.healthy(outputs.containers.kamailio);
    const ghosts = await failures.metric("kamailio_dialog_active_dialogs");
    await waitFor("no call", async () => (await failures.metric("kamailio_dialog_active_dialogs")) === 0, 150_000);
    test.diagnostic(`${ghosts} calls came back from the database, gone after ${seconds(from)}`);
    assert.ok(ghosts > 0);
    // The queue is gone with the process: what is in the table says when the edge found out, the log when they ended. Of those that did not come
    // back, what waited is in the log alone.
    await waitFor("a record of each of them", async () => (await failures.records(run.id)) >= ghosts, 30_000);
    const records = `FROM acc_cdrs WHERE xcid LIKE '%-${run.id}@%'`;
    assert.equal(await failures.query(`SELECT COUNT(*) - COUNT(DISTINCT callid) ${records}`), "0");
    assert.ok(await failures.written(`SELECT COUNT(*) ${records} AND cause = 'keep-alive'`));
  });
});
