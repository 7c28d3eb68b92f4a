import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { callRecordColumns } from "../../configs/mariadb/index.ts";
import { waitFor, type RunOptions, type RunResult, type Scenario, type SipAgent } from "../sip/agent.ts";
import { docker } from "../sip/docker.ts";
import { describeLoad, load } from "../sip/load.ts";
import { edgeRows, nodeAddress, TestEdge } from "../support/edge.ts";

const alice = { name: "alice", password: "right" };
const callMaxSeconds = 7;
const queueRows = 20;

/** A row of the call records, as text; NULL for what never happened. */
type CallRecord = Record<(typeof callRecordColumns)[number] | "setup_ms" | "ring_ms", string>;

describe("call records of the edge, a stand-in for the node being SIPp", { timeout: 240_000 }, () => {
  let edge: TestEdge;
  let phone: SipAgent;
  let node: SipAgent;

  before(async () => {
    edge = await TestEdge.start(
      {
        publicAddress: "127.0.0.2",
        // The node does not answer OPTIONS; it counts as there until the first is due.
        limits: { nodePingSeconds: 300, callMaxSeconds, ringTimeoutMs: 2500, nodeTimeoutMs: 1500 },
        callRecords: { queueRows, log: true },
      },
      edgeRows({ subscribers: [alice], addresses: [{ cidr: "127.0.0.0/8", group: "unlimited" }] }),
    );
    [phone, node] = await Promise.all([edge.agent("127.0.0.21"), edge.agent(nodeAddress)]);
  });
  after(() => edge?.[Symbol.asyncDispose]());

  /** All records whose Call-ID holds a run's mark. */
  async function rowsOf({ id }: RunResult): Promise<CallRecord[]> {
    const columns = [...callRecordColumns, "setup_ms", "ring_ms"] as const;
    const rows = await edge.query(`SELECT ${columns.join(", ")} FROM acc_cdrs WHERE callid LIKE '%-${id}@%'`);
    return rows.map((row) => {
      const values = row.split("\t");
      return Object.fromEntries(columns.map((column, index) => [column, values[index] ?? ""])) as CallRecord;
    });
  }

  /** The one record of a run, once it is there. */
  async function recordOf(run: RunResult): Promise<CallRecord> {
    let rows: CallRecord[] = [];
    await waitFor(`the record of ${run.id}`, async () => (rows = await rowsOf(run)).length > 0);
    const [row, ...more] = rows;
    assert.ok(row && more.length === 0, `${rows.length} records`);
    return row;
  }

  interface Call {
    what: string;
    /** What the node does; nothing when it is away. */
    node?: [Scenario, RunOptions?];
    phone: [Scenario, RunOptions?];
    row: Partial<CallRecord>;
    /** Seconds of talk, at least. */
    talk?: number;
    /** Milliseconds of ringing, at least. */
    rang?: number;
  }
  const calls: Call[] = [
    {
      what: "that the caller ends",
      node: ["answer"],
      phone: ["call", { holdMs: 1200 }],
      row: { sip_code: "200", cause: "bye", ended_by: "caller", codec: "PCMU" },
      talk: 1.1,
      rang: 100,
    },
    {
      what: "that the called side ends",
      node: ["leave", { holdMs: 300 }],
      phone: ["listen"],
      row: { sip_code: "200", cause: "bye", ended_by: "callee" },
      talk: 0.2,
    },
    {
      what: "that nobody ends before its time is up",
      node: ["answer"],
      phone: ["listen"],
      row: { sip_code: "200", cause: "longest call", ended_by: "edge" },
      talk: callMaxSeconds - 1.5,
    },
    {
      what: "that nobody ends before its time is up, whatever is said within it",
      node: ["answer"],
      phone: ["accounting/refresh", { holdMs: 4500 }],
      row: { sip_code: "200", cause: "longest call", ended_by: "edge" },
      talk: callMaxSeconds - 1.5,
    },
    {
      what: "with a codec of a dynamic payload type",
      node: ["accounting/codec", { holdMs: 0, keys: { payloads: "96 0", attribute: "rtpmap:96 opus/48000/2" } }],
      phone: ["call", { holdMs: 100 }],
      row: { codec: "opus" },
    },
    {
      what: "with a codec that needs no map",
      node: ["accounting/codec", { holdMs: 0, keys: { payloads: "8 0", attribute: "sendrecv" } }],
      phone: ["call", { holdMs: 100 }],
      row: { codec: "PCMA" },
    },
    {
      what: "that is refused",
      node: ["busy"],
      phone: ["call"],
      row: { sip_code: "486", cause: "Busy Here", ended_by: "callee", answer_time: "NULL", duration: "0.000000" },
    },
    {
      what: "that the caller gives up",
      node: ["ring"],
      phone: ["cancel", { holdMs: 300 }],
      row: { sip_code: "487", cause: "cancel", ended_by: "caller", answer_time: "NULL" },
    },
    {
      what: "that rings in vain",
      node: ["ring"],
      phone: ["call"],
      row: { sip_code: "408", cause: "no answer", ended_by: "edge", answer_time: "NULL" },
      rang: 1000,
    },
    {
      what: "to a number that would end a string in SQL",
      node: ["answer"],
      phone: ["call", { holdMs: 100, called: "o'hara" }],
      row: { callee: "o'hara", sip_code: "200" },
    },
  ];

  const sayWho = ({ what, node: far, phone: near, row: wanted, talk = 0, rang = 0 }: Call) =>
    it(`say who ended a call ${what}, why and when`, async () => {
      const waiting = far === undefined ? undefined : await node.wait(...far);
      const run = await phone.run(near[0], { user: alice, called: "1000", ...near[1] });
      assert.equal(run.exitCode, 0, run.errors);
      if (waiting) assert.equal((await waiting.done).exitCode, 0);
      const row = await recordOf(run);
      const always = { direction: "in", caller: "alice", callee: "1000", account: "alice", trunk: "" };
      const found = Object.fromEntries(
        [...Object.keys(always), ...Object.keys(wanted)].map((key) => [key, row[key as keyof CallRecord]]),
      );
      assert.deepEqual(found, { ...always, ...wanted });
      assert.equal(row.src_ip, phone.address);
      assert.equal(row.node, `sip:${nodeAddress}:5060`);
      assert.ok(Number(row.duration) >= talk && Number(row.duration) < talk + 5, `duration ${row.duration}`);
      assert.ok(Number(row.ring_ms) >= rang && Number(row.ring_ms) < rang + 5000, `rang ${row.ring_ms} ms`);
      const time = (text: string) => Date.parse(`${text.replace(" ", "T")}Z`);
      const steps = [row.start_time, row.ring_time, row.answer_time, row.end_time].filter((step) => step !== "NULL");
      assert.deepEqual(
        steps,
        steps.toSorted((left, right) => time(left) - time(right)),
      );
      assert.ok(Math.abs(time(row.end_time) - Date.now()) < 60_000, row.end_time);
    });
  for (const example of calls) sayWho(example);

  const answered = { user: alice, called: "1000" } as const;

  /** One call from its first to its last message, over before it is looked for. */
  async function call(holdMs = 100): Promise<RunResult> {
    const waiting = await node.wait("answer");
    const run = await phone.run("call", { ...answered, holdMs });
    assert.equal(run.exitCode, 0, run.errors);
    const far = await waiting.done;
    assert.equal(far.exitCode, 0, `${JSON.stringify(run.log)} ${far.errors}`);
    return run;
  }

  /** Records in the log, as they are given to INSERT. */
  const logged = ({ id }: RunResult): string[] =>
    [...edge.kamailio.output.matchAll(/"message": "cdr (\(.*\))" }$/gm)]
      .map(([, row = ""]) => row)
      .filter((row) => row.includes(`-${id}@`));

  it("are in the log too, in a form that can be put into the table", async () => {
    const run = await call();
    const row = await recordOf(run);
    const copies = logged(run);
    assert.equal(copies.length, 1);
    const insert = `INSERT IGNORE INTO acc_cdrs (${callRecordColumns.join(", ")}) VALUES ${copies.join()}`;
    await edge.query(insert);
    assert.deepEqual(await recordOf(run), row, "not a second time");
    await edge.query(`DELETE FROM acc_cdrs WHERE cdr_id = '${row.cdr_id}'; ${insert}`);
    assert.deepEqual(await recordOf(run), row);
  });

  /** Calls that the edge knows, as it would tell an operator; without what is of its process only, or of the moment. */
  async function callsKnown(): Promise<string[]> {
    const kamcmd = ["kamcmd", "-s", "unix:/run/kamailio/kamailio_ctl", "dlg.list"];
    const text = await docker(["exec", edge.kamailio.name, ...kamcmd]);
    const lines = text.split("\n").map((line) => line.trim());
    return lines.filter((line) => !/^(ref|init_ts|duration|dflags|timeout): /.test(line)).toSorted();
  }

  it("wait while the database answers nothing, and hold up no call: neither one from before nor a new one", async (test) => {
    const calls = { user: alice, called: "1000", rate: 5 } as const;
    const far = { calls: 20, rate: 20, limitSeconds: 60 };
    const waiting = await node.wait("answer", far);
    const earlier = load(phone, { ...calls, calls: 10, holdMs: 5000 });
    await waitFor("ten calls in the database", async () => {
      const [count] = await edge.query("SELECT COUNT(*) FROM dialog");
      return count === "10";
    });
    const runs = await edge.withoutDatabase(async () => {
      const first = await earlier;
      return [first, await load(phone, { ...calls, calls: 10, holdMs: 2000 })];
    });
    assert.equal((await waiting.done).exitCode, 0);
    for (const run of runs) {
      test.diagnostic(describeLoad(run));
      assert.deepEqual([run.answered, run.lost], [10, []]);
      // A worker that waited for the database would need a second, three times.
      const slowest = Math.max(...run.delays, ...run.endings);
      assert.ok(slowest < 2500, `${slowest} ms`);
      await waitFor("their records", async () => (await rowsOf(run.result)).length === 10, 30_000);
    }
    // Neither is one left in the table of calls, to come back at the next start.
    await waitFor("no call", async () => (await edge.query("SELECT COUNT(*) FROM dialog"))[0] === "0");
    assert.deepEqual(await edge.query("SELECT COUNT(*) FROM dialog_vars"), ["0"]);
  });

  it("are dropped, the oldest first, when too many wait: that is counted, is in the log, and holds up no call", async (test) => {
    const metric = (labels: Record<string, string>) => edge.metric("kamailio_cdr_rows", labels);
    const [written, dropped] = [await metric({ result: "written" }), await metric({ result: "dropped" })];
    // Beside what waits in the queue, the process that writes has up to 50 rows in its hand.
    const calls = queueRows + 50 + 30;
    const waiting = await node.wait("answer", { calls, rate: calls, limitSeconds: 60 });
    const run = await edge.withoutDatabase(() =>
      load(phone, { user: alice, called: "1000", calls, rate: 20, holdMs: 200 }),
    );
    assert.equal((await waiting.done).exitCode, 0);
    test.diagnostic(describeLoad(run));
    assert.deepEqual([run.answered, run.lost], [calls, []]);
    const slowest = Math.max(...run.delays, ...run.endings);
    assert.ok(slowest < 2500, `${slowest} ms`);
    const lost = (await metric({ result: "dropped" })) - dropped;
    test.diagnostic(`${lost} records dropped`);
    assert.ok(lost >= 30 && lost <= calls - queueRows, `${lost} dropped`);
    await waitFor("what is left", async () => (await rowsOf(run.result)).length === calls - lost, 30_000);
    await waitFor("the count", async () => (await metric({ result: "written" })) === written + calls - lost);
    const copies = logged(run.result);
    // A line may be torn by what the writing processes say of the database meanwhile.
    assert.ok(copies.length >= calls - 5, `${copies.length} copies`);
    const last = await rowsOf(run.result);
    const newest = new Set(copies.slice(-queueRows / 2).map((row) => /'([^']+)'/.exec(row)?.[1]));
    assert.ok(
      [...newest].every((id) => last.some((row) => row.cdr_id === id)),
      "the newest are kept",
    );
  });

  it("are all there after an orderly stop", async () => {
    const run = await call();
    await edge.restart("TERM");
    assert.equal((await recordOf(run)).cause, "bye");
  });

  it("are whole when the edge is killed during a call, and one for each call", async () => {
    const before = await call();
    await recordOf(before);
    await waitFor("no call", async () => (await callsKnown()).every((line) => line === ""));
    const waiting = await node.wait("answer");
    const during = phone.run("call", { ...answered, holdMs: 5000, limitSeconds: 40 });
    await waitFor("the call in the dialog table", async () => {
      const [count] = await edge.query("SELECT COUNT(*) FROM dialog");
      return count === "1";
    });
    const known = await callsKnown();
    await edge.restart("KILL");
    assert.deepEqual(await callsKnown(), known, "all that was known of the call");
    assert.ok(known.includes("user: alice"), "what it counts against");
    const run = await during;
    assert.equal(run.exitCode, 0, run.errors);
    assert.equal((await waiting.done).exitCode, 0);
    const row = await recordOf(run);
    assert.deepEqual([row.sip_code, row.ended_by, row.codec, row.caller], ["200", "caller", "PCMU", "alice"]);
    assert.ok(Number(row.duration) > 4.5 && Number(row.duration) < 20, row.duration);
    assert.equal((await rowsOf(before)).length, 1);
  });

  // The last: the node is taken out of rotation by it.
  sayWho({
    what: "that no node takes",
    phone: ["call"],
    row: { sip_code: "503", cause: "no answer", ended_by: "edge", ring_time: "NULL", ring_ms: "0" },
  });
});
