import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { callRecordColumns } from "../../configs/mariadb/index.ts";
import { waitFor, type RunOptions, type RunResult, type Scenario, type SipAgent } from "../sip/agent.ts";
import { edgeRows, nodeAddress, TestEdge } from "../support/edge.ts";

const alice = { name: "alice", password: "right" };
const callMaxSeconds = 7;

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
        limits: { nodePingSeconds: 300, callMaxSeconds, ringTimeoutMs: 1500, nodeTimeoutMs: 700 },
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
    assert.equal((await waiting.done).exitCode, 0);
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

  it("wait while the database answers nothing", async () => {
    // The dialog module keeps a call to itself while it writes it: for a second or two, at most once for each change of the call's state.
    const runs = await edge.withoutDatabase(async () => {
      const first = await call(4000);
      return [first, await call(4000)];
    });
    for (const run of runs) assert.equal((await recordOf(run)).cause, "bye");
  });

  it("are all there after an orderly stop", async () => {
    const run = await call();
    await edge.restart("TERM");
    assert.equal((await recordOf(run)).cause, "bye");
  });

  it("are whole when the edge is killed during a call, and one for each call", async () => {
    const before = await call();
    await recordOf(before);
    // Those of calls that ended just now are there too.
    const [others = "0"] = await edge.query("SELECT COALESCE(MAX(id), 0) FROM dialog");
    const waiting = await node.wait("answer");
    const during = phone.run("call", { ...answered, holdMs: 5000, limitSeconds: 40 });
    await waitFor("the call in the dialog table", async () => {
      const [count] = await edge.query(`SELECT COUNT(*) FROM dialog WHERE state = 4 AND id > ${others}`);
      return count === "1";
    });
    await edge.restart("KILL");
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
    row: { sip_code: "408", cause: "no answer", ended_by: "edge", ring_time: "NULL", ring_ms: "0" },
  });
});
