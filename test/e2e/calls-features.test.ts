import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { opsPort } from "../../configs/kamailio/index.ts";
import { SipAgent, waitFor } from "../sip/agent.ts";
import { decodeAlaw, tone, toneShare } from "../sip/audio.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import { parseExposition, scrapeScript, sum } from "../support/exposition.ts";
import { EdgeStack, freeNetworks, mediaMetric, settingOf, targetOf, type Outputs } from "./stack.ts";

const transports = ["udp", "tcp", "tls"] as const;
const [callerTone, calleeTone] = [700, 1500];

/** Two ends' audio, as Base64, the caller's ear first. */
type Heard = [atCaller: string, atCallee: string];

/** Each phone is a small program in a container (test/sip/scripts/phone.ts): what SIPp can be told in a scenario ends well before transfers. */
describe("calls as people make them", { timeout: 420_000 }, () => {
  let stack: EdgeStack;
  let outputs: Outputs;
  let agents: SipAgent[];
  const names = Array.from({ length: 70 }, (_, index) => `user${index}`);
  let taken = 0;
  let turn = 0;

  /** Subscribers that no other test has. */
  const users = (count: number): string[] => names.slice(taken, (taken += count));

  before(async () => {
    const networks = freeNetworks();
    stack = await EdgeStack.create({
      networks,
      subscribers: names.map((name) => ({ name })),
      asterisk: { nodes: 2, ringSeconds: 5, voicemailWhen: [] },
      // All phones of a container have its address.
      protection: { unlimited: [networks.sbc] },
    });
    const { code, output } = await stack.up();
    assert.equal(code, 0, output);
    outputs = await stack.outputs();
    const target = targetOf(outputs);
    agents = await Promise.all([1, 2, 3].map(() => SipAgent.start(outputs.sbcNetwork, target)));
  });

  after(async () => {
    await Promise.all((agents ?? []).map((agent) => agent[Symbol.asyncDispose]()));
    await stack?.destroy();
    await stack?.remove();
  });

  function script<Result>(name: string, input: Record<string, unknown>): Promise<Result> {
    const agent = agents[turn++ % agents.length] ?? assert.fail("no agent");
    const setting = {
      ...settingOf(outputs),
      callerAudio: tone(callerTone, 1).toString("base64"),
      calleeAudio: tone(calleeTone, 1).toString("base64"),
    };
    return agent.script<Result>(`calls/${name}`, { ...setting, ...input }, 90);
  }

  const share = (audio: string, frequency: number, decode?: (byte: number) => number) =>
    toneShare(Buffer.from(audio, "base64"), frequency, decode);
  const hearEachOther = ([atCaller, atCallee]: Heard, what = "") => {
    assert.ok(share(atCaller, calleeTone) > 0.9, `${what}: the caller hears the callee`);
    assert.ok(share(atCallee, callerTone) > 0.9, `${what}: the callee hears the caller`);
  };

  /** Hold from either side. */
  async function holds(): Promise<void> {
    const [caller, callee] = users(2);
    interface Held {
      status: number;
      direction: string;
      music: string;
      resumed: number;
    }
    const {
      before: first,
      held,
      after: last,
      ended,
    } = await script<{
      before: Heard;
      held: Held[];
      after: Heard;
      ended: number;
    }>("hold", { caller, callee });
    hearEachOther(first, "before");
    for (const { status, direction, music, resumed } of held) {
      assert.deepEqual([status, direction, resumed], [200, "recvonly", 200]);
      const audio = Buffer.from(music, "base64");
      assert.ok(new Set(audio.subarray(audio.length / 2)).size > 20, "not silence");
      for (const frequency of [callerTone, calleeTone]) {
        assert.ok(toneShare(audio.subarray(audio.length / 2), frequency) < 0.5, "not the holder");
      }
    }
    hearEachOther(last.map((audio) => audio.slice(-10_000)) as Heard, "after");
    assert.equal(ended, 200);
  }

  /** Somebody transfers a call of two to a third; returns the Contacts that both had seen. */
  async function transfers(
    by: "caller" | "callee",
    kind: "blind" | "same node" | "other node" | "next node",
  ): Promise<string[]> {
    const three = users(3);
    const transferor = three[by === "caller" ? 0 : 1] ?? "";
    const domain = outputs.sip.domain;
    const transfer = await script<{
      refer: number;
      notified: string[];
      heard: Heard;
      ended: number;
      referredBy: string;
      xHeaders: string[];
      contacts: string[];
    }>("transfer", { by, kind, names: three, referredBy: `<sip:somebody-rich@${domain}>` });
    assert.equal(transfer.refer, 202);
    assert.equal(transfer.notified.at(-1), "SIP/2.0 200 OK");
    hearEachOther(transfer.heard);
    assert.equal(transfer.ended, 200);
    // The account that pays is the one that has asked for the transfer, whoever it said it was.
    if (kind === "blind") assert.equal(transfer.referredBy, `<sip:${transferor}@${domain}>`);
    assert.deepEqual(transfer.xHeaders, [], "internal headers stay inside");
    return transfer.contacts;
  }

  describe("side by side", { concurrency: 4 }, () => {
    it("connects UDP, TCP and TLS phones with each other, and large INVITEs over each of them", async () => {
      const pairs = transports.flatMap((from) => transports.map((to) => ({ from, to, padding: 0 })));
      // 4 kB and more: several fragments over UDP, on both legs.
      const large = transports.map((from) => ({ from, to: "udp" as const, padding: 4000 }));
      const calls = [...pairs, ...large].map((call) => {
        const [caller, callee] = users(2);
        return { caller, callee, ...call };
      });
      const results = await script<{ answer: number; heard: Heard; ended: number; size: number }[]>("transports", {
        calls,
      });
      for (const [index, { answer, heard, ended, size }] of results.entries()) {
        const { from, to, padding } = calls[index] ?? assert.fail();
        const what = `${from} to ${to}, ${size} bytes`;
        assert.deepEqual([answer, ended], [200, 200], what);
        hearEachOther(heard, what);
        assert.ok(size > padding, what);
      }
    });

    it("holds a call from either side, with music for the other, and takes it up again", holds);

    it("keeps session timers, lets audio through before the answer, carries digits, and finds or makes a codec", async () => {
      const [caller, callee] = users(2);
      const session = await script<{
        refused: { status: number; minimum: string };
        timer: string;
        early: { atCaller: string; atCallee: string };
        digits: string[];
        refreshes: number[];
        changed: number;
        late: Heard;
        info: number[];
        ended: number;
        noCodec: number;
      }>("session", { caller, callee });
      assert.deepEqual(session.refused, { status: 422, minimum: "90" });
      assert.equal(session.timer, "90;refresher=uac");
      assert.ok(share(session.early.atCaller, calleeTone, decodeAlaw) > 0.9, "early, and from µ-law to A-law");
      assert.equal(Buffer.from(session.early.atCallee, "base64").length, 25 * 160, "early, the other way");
      assert.deepEqual(session.digits, ["1*7#5", "1*7#"]);
      assert.deepEqual(session.refreshes, [200, 200, 200, 200]);
      assert.equal(session.changed, 200);
      hearEachOther(session.late);
      assert.deepEqual(session.info, [200, 415]);
      assert.deepEqual([session.ended, session.noCodec], [200, 488]);
    });

    it("knows a phone again at its new address, and lets the oldest go beyond the limit", async () => {
      const [name] = users(1);
      assert.deepEqual(await script("contacts", { name, phones: 3 }), {
        afterMove: ["desk, moved"],
        afterRestart: ["desk, moved", "mobile, restarted"],
        afterOneMore: ["mobile, restarted", "one more", "phone 3"],
        refreshed: ["mobile, restarted", "one more", "phone 3"],
        afterTwoMore: ["mobile, restarted", "one more", "two more"],
        afterLeave: ["mobile, restarted", "one more"],
      });
    });

    it("rings all phones of a subscriber, whoever refuses, declines or has gone away", async () => {
      const [caller, callee] = users(2);
      interface Result {
        answered: number;
        heard: string[];
        ended: number;
        declined: number;
        busy: { status: number; seconds: number };
        cancelled: number;
      }
      const { heard, busy, ...rest } = await script<Result>("parallel", { caller, callee });
      assert.deepEqual(rest, { answered: 200, ended: 200, declined: 603, cancelled: 487 });
      assert.ok(heard.every((audio) => audio !== ""));
      assert.equal(busy.status, 486, "what the phone said, not the time-out of those that are gone");
      assert.ok(busy.seconds < 8, `${busy.seconds} s: no longer than for the missing phones' limit`);
    });

    for (const by of ["caller", "callee"] as const) {
      for (const kind of ["blind", "same node", "other node"] as const) {
        it(`lets the ${by} transfer: ${kind === "blind" ? kind : `attended, the second call on the ${kind}`}`, async () => {
          await transfers(by, kind);
        });
      }
    }

    it("gives nobody a call of others, and transfers nobody to elsewhere", async () => {
      assert.deepEqual(await script("takeover", { names: users(4) }), {
        refused: { others: 403, made: 481, elsewhere: 403 },
        replaced: 486,
        ended: [200, 200],
      });
    });

    it("leaves nobody in a call that was given up in the moment of its answer, and stops ringing for a dead caller", async () => {
      const [caller, callee] = users(2);
      const { races } = await script<{ races: number[] }>("endings", { caller, callee });
      assert.equal(races.length, 5);
      assert.ok(races.every((status) => status === 487 || status === 200));
    });
  });

  it("has nothing left of all these calls: no media session, no dialog, and a record of every leg", async () => {
    await waitFor(
      "the end of all media sessions",
      async () => (await mediaMetric(outputs, 'rtpengine_sessions{type="own"}')) === 0,
      60_000,
    );
    await waitFor("the end of all dialogs", async () => {
      const command = ["kamcmd", "-s", "unix:/run/kamailio/kamailio_ctl", "dlg.stats_active"];
      return /^\s*all: 0$/m.test(await docker(["exec", outputs.containers.kamailio, ...command]));
    });
    const sql = "SELECT COUNT(*) FROM acc_cdrs a LEFT JOIN acc_cdrs b ON b.callid = a.xcid WHERE b.callid IS NULL";
    const orphans = await docker([
      ...["exec", outputs.containers.mariadb, "mariadb", "--batch", "--skip-column-names", "kamailio"],
      ...["--execute", sql],
    ]);
    assert.equal(orphans, "0", "each called leg has a caller's leg");
  });

  it("hides the nodes from phones when it is told to, in a call with hold and in transfers over two nodes", async () => {
    await stack.configure({ edge: { ports: { udp: 0, tcp: 0, tls: 0 }, topologyHiding: true } });
    const { code, output } = await stack.up();
    assert.equal(code, 0, output);
    await holds();
    for (const by of ["caller", "callee"] as const) {
      const contacts = (await transfers(by, "next node")).join();
      for (const { sbc } of outputs.addresses.asterisk) assert.ok(!contacts.includes(sbc), contacts);
    }
    const script = scrapeScript(outputs.addresses.kamailio.data, opsPort);
    const exposition = parseExposition(await docker(["exec", outputs.containers.kamailio, "bash", "-c", script]));
    assert.equal(sum(exposition, "kamailio_transfers", { kind: "joined" }), 2, "nodes take turns");
    const { stderr } = await tryDocker(["logs", outputs.containers.kamailio]);
    assert.deepEqual(
      stderr.split("\n").filter((line) => /"level": "ERROR", "module": "topos"/.test(line)),
      [],
    );
  });
});
