import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { upstreamNames } from "../../components/upstream-images.ts";
import { homer } from "../../configs/homer/index.ts";
import { EdgeStack, settingOf, targetOf, type Outputs } from "../e2e/stack.ts";
import { SipAgent, waitFor } from "../sip/agent.ts";
import { tone } from "../sip/audio.ts";
import { tryDocker } from "../sip/docker.ts";
import { dashboardPorts } from "../support/front-door.ts";
import { homerQuery } from "../support/homer-database.ts";
import { checks, homerLadder, type Verified } from "../verify/checks.ts";

/** The publisher's images, or those that somebody has built of the publisher's sources and names in the environment. */
const images = {
  "heplify-server": process.env["SBC_HEPLIFY_IMAGE"] ?? upstreamNames()["heplify-server"],
  "homer-app": process.env["SBC_HOMER_IMAGE"] ?? upstreamNames()["homer-app"],
};

/** Why an image cannot be had here, if it cannot. */
async function missing(image: string): Promise<string | undefined> {
  if ((await tryDocker(["image", "inspect", image])).exitCode === 0) return undefined;
  const pulled = await tryDocker(["pull", "--quiet", image], { timeout: 300_000 });
  return pulled.exitCode === 0 ? undefined : `${image}: ${pulled.stderr.trim().split("\n").at(-1)}`;
}

const problems = await Promise.all(Object.values(images).map(missing));
const skip = problems.filter((problem) => problem !== undefined).join("; ") || false;

/** Nothing stands in here: HOMER's programs as their publisher makes them, with the rendered configuration, PostgreSQL and the edge. */
describe("the real HOMER", { timeout: 420_000, skip }, () => {
  let stack: EdgeStack;
  let outputs: Outputs & Verified["outputs"];
  /** Call-IDs of the caller's and of the called phone's leg. */
  let legs: string[];

  before(async () => {
    stack = await EdgeStack.create({
      subscribers: [{ name: "alice" }, { name: "bob" }],
      monitoring: {
        profile: "full",
        ports: dashboardPorts(30_000, 2000),
        without: ["grafana", "elasticsearch"],
        images,
      },
    });
    const { code, output } = await stack.up();
    assert.equal(code, 0, output);
    outputs = (await stack.outputs()) as typeof outputs;

    await using agent = await SipAgent.start(outputs.sbcNetwork, targetOf(outputs));
    const [result] = await agent.script<{ answer: number; ended: number }[]>("calls/transports", {
      ...settingOf(outputs),
      callerAudio: tone(700, 1).toString("base64"),
      calleeAudio: tone(1500, 1).toString("base64"),
      calls: [{ caller: "alice", callee: "bob", from: "udp", to: "udp", padding: 0 }],
    });
    assert.deepEqual([result?.answer, result?.ended], [200, 200]);
    const ended = async () => (legs = await rows("DISTINCT sid", "data_header->>'method' = 'BYE'")).length === 2;
    await waitFor("the BYEs of both legs in PostgreSQL", ended, 60_000);
  });
  after(async () => {
    await stack?.destroy();
    await stack?.remove();
  });

  /** What PostgreSQL has of calls, a line each. */
  const rows = (columns: string, condition: string) =>
    query(homer.databases.data, `SELECT ${columns} FROM hep_proto_1_call WHERE ${condition}`);

  async function query(database: string, statement: string): Promise<string[]> {
    const text = await homerQuery(stack.prefix, database, statement);
    return text.split("\n").filter((line) => line !== "");
  }

  it("keeps every message of both legs, the second with the Call-ID of the first", async () => {
    const methods = await rows("DISTINCT sid || ' ' || (data_header->>'method')", "true");
    const [caller = ""] = await rows("DISTINCT sid", "data_header->>'method' = '407'");
    const [called = ""] = legs.filter((sid) => sid !== caller);
    const common = ["100", "180", "200", "ACK", "BYE", "INVITE"];
    assert.deepEqual(
      methods.toSorted(),
      [
        ...common.map((method) => `${called} ${method}`),
        ...[...common, "407"].map((method) => `${caller} ${method}`),
      ].toSorted(),
    );
    const correlation = "DISTINCT protocol_header->>'correlation_id'";
    const leg = `sid = '${called}' AND data_header->>'method' = 'INVITE'`;
    assert.ok((await rows(correlation, leg)).includes(caller), "the leg to the phone does not name the caller's");
  });

  it("shows both legs as one ladder, whichever was searched for", async () => {
    for (const leg of legs) {
      const ladder = await homerLadder(outputs, leg);
      assert.deepEqual([...new Set(ladder.map(({ sid }) => sid))].toSorted(), legs.toSorted());
    }
  });

  it("keeps what RTCP says of a call's sound, by its Call-ID", async () => {
    await using agent = await SipAgent.start(outputs.sbcNetwork, targetOf(outputs));
    const { callId } = await agent.script<{ callId: string }>(
      "calls/quality",
      {
        ...settingOf(outputs),
        ...{ caller: "alice", callee: "600", audio: tone(700, 1).toString("base64") },
      },
      60,
    );
    const reporters = async () => {
      const rows = await query(homer.databases.data, `SELECT raw FROM hep_proto_5_default WHERE sid = '${callId}'`);
      return new Set(rows.map((row) => (JSON.parse(row) as { ssrc: number }).ssrc));
    };
    await waitFor(
      "reports of the phone and of the node in PostgreSQL",
      async () => (await reporters()).size === 2,
      30_000,
    );
  });

  for (const { what, check } of checks.filter(({ what }) => /^(heplify|HOMER)/.test(what))) {
    it(what, () => check({ prefix: stack.prefix, outputs, callId: legs[0] ?? assert.fail() }));
  }

  it("has one user, and the password that a rotation makes", async () => {
    assert.deepEqual(await query(homer.databases.config, "SELECT username FROM users"), [homer.user]);
    const before = outputs.homerPassword;
    await stack.configure({ rotation: { homer: 1 } });
    const { code, output } = await stack.up();
    assert.equal(code, 0, output);
    outputs = (await stack.outputs()) as typeof outputs;
    assert.notEqual(outputs.homerPassword, before);
    const leg = legs[0] ?? assert.fail();
    assert.notDeepEqual(await homerLadder(outputs, leg), []);
    await assert.rejects(homerLadder({ ...outputs, homerPassword: before }, leg), /auth: 401/);
  });
});
