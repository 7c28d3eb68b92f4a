import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { smoke } from "../../scripts/smoke.ts";
import { SipAgent, waitFor, type Credentials, type RunResult, type Transport } from "../sip/agent.ts";
import { noise, tone, toneShare } from "../sip/audio.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import { returned, type RtpPacket } from "../sip/rtp.ts";
import { EdgeStack, mediaMetric, targetOf, type Outputs } from "./stack.ts";
import { testPrefix } from "../../scripts/sweep.ts";

const transports: Transport[] = ["udp", "tcp", "tls"];
const echo = { called: "600", holdMs: 300 } as const;

/** A row of the call records, as text. */
interface CallRecord {
  callid: string;
  xcid: string;
  direction: string;
  caller: string;
  callee: string;
  src_ip: string;
  node: string;
  sip_code: string;
  duration: string;
}

describe("a stack brought up by the real engine", { timeout: 420_000 }, () => {
  let stack: EdgeStack;
  let outputs: Outputs;
  let alicesPhone: SipAgent;
  let bobsPhone: SipAgent;
  let alice: Credentials;
  let bob: Credentials;
  /** Stands for the stack of a person: same kind of names, made before, looked at afterwards. */
  const bystander = testPrefix("sbc-test", `bystander-${randomBytes(2).toString("hex")}`);
  let bystanderBefore: string;

  const user = (name: string): Credentials => ({
    name,
    password: outputs.subscribers[name] ?? assert.fail(`no subscriber ${name}`),
  });
  const bystanderNow = () =>
    docker([
      "container",
      "inspect",
      "--format",
      "{{.Id}} {{.State.StartedAt}} {{.State.Status}} {{json .Mounts}}",
      bystander,
    ]);

  before(async () => {
    await docker(["volume", "create", `${bystander}-data`]);
    await docker([
      ...[
        "run",
        "--detach",
        "--init",
        "--network",
        "none",
        "--name",
        bystander,
        "--label",
        "sbc.stack=bystander",
        "--volume",
        `${bystander}-data:/data`,
      ],
      ...["--entrypoint", "sleep", "sbc-base:forky", "3600"],
    ]);
    bystanderBefore = await bystanderNow();

    stack = await EdgeStack.create({ subscribers: [{ name: "alice" }, { name: "bob" }], asterisk: { ringSeconds: 5 } });
    const { code, output } = await stack.up();
    assert.equal(code, 0, output);
    outputs = await stack.outputs();
    [alice, bob] = [user("alice"), user("bob")];
    const target = targetOf(outputs);
    [alicesPhone, bobsPhone] = await Promise.all([
      SipAgent.start(outputs.sbcNetwork, target),
      SipAgent.start(outputs.sbcNetwork, target),
    ]);
  });

  after(async () => {
    await alicesPhone?.[Symbol.asyncDispose]();
    await bobsPhone?.[Symbol.asyncDispose]();
    await stack?.destroy();
    await stack?.remove();
    await tryDocker(["rm", "--force", bystander]);
    await tryDocker(["volume", "rm", "--force", `${bystander}-data`]);
  });

  const query = (sql: string) =>
    docker([
      "exec",
      outputs.containers.mariadb,
      "mariadb",
      "--batch",
      "--skip-column-names",
      "kamailio",
      "--execute",
      sql,
    ]);

  /** The records of a run's calls, the caller's legs first, once there are as many as wanted. */
  async function records({ id }: RunResult, wanted: number): Promise<CallRecord[]> {
    const columns = [
      "callid",
      "xcid",
      "direction",
      "caller",
      "callee",
      "src_ip",
      "node",
      "sip_code",
      "duration",
    ] as const;
    let rows: CallRecord[] = [];
    await waitFor(`${wanted} call records of run ${id}`, async () => {
      const text = await query(
        `SELECT ${columns.join(", ")} FROM acc_cdrs WHERE xcid LIKE '%-${id}@%' ORDER BY direction, id`,
      );
      rows = text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => {
          const values = line.split("\t");
          return Object.fromEntries(
            columns.map((column, index) => [column, values[index] ?? ""]),
          ) as unknown as CallRecord;
        });
      return rows.length >= wanted;
    });
    return rows;
  }

  const rtpengineMetric = (name: string) => mediaMetric(outputs, name);

  const noSessions = () =>
    waitFor("RTPengine without sessions", async () => (await rtpengineMetric('rtpengine_sessions{type="own"}')) === 0);

  const share = (packets: readonly RtpPacket[], frequency: number) =>
    toneShare(Buffer.concat(packets.map(({ payload }) => payload)), frequency);

  const wentWell = (result: RunResult, status = "200") => {
    assert.deepEqual(
      result.log["invite"],
      Array.from(result.log["invite"] ?? [""], () => status),
      result.errors,
    );
    assert.equal(result.exitCode, 0, result.errors);
  };

  it("passes the smoke run", () => smoke({ ...outputs, print: () => undefined }));

  for (const transport of transports) {
    it(`registers over ${transport.toUpperCase()} with the right password only, and sees the true source address`, async () => {
      const right = await alicesPhone.register(alice, { transport });
      assert.deepEqual(right.log["register"], ["200"], right.errors);
      assert.deepEqual(right.log["received"], [alicesPhone.address]);
      const wrong = await alicesPhone.register({ name: "alice", password: "wrong" }, { transport });
      assert.match(wrong.log["register"]?.[0] ?? "", /^40[13]$/, wrong.errors);
      // The same answer: names cannot be found out by trying.
      const unknown = await alicesPhone.register({ name: "nobody", password: "wrong" }, { transport });
      assert.deepEqual(unknown.log["register"], wrong.log["register"], unknown.errors);
    });
  }

  it("lets alice call bob, with media both ways at both ends, all of it through RTPengine", async () => {
    await bobsPhone.register(bob);
    const relayedBefore = await rtpengineMetric('rtpengine_packets_total{type="userspace"}');
    const { done } = await bobsPhone.wait("answer", { audio: tone(1500, 1) });
    const ends = await bobsPhone.capture(() =>
      alicesPhone.capture(() =>
        alicesPhone.run("call", { user: alice, called: "bob", holdMs: 2000, audio: tone(700, 1) }),
      ),
    );
    wentWell(ends.result.result);
    assert.equal((await done).exitCode, 0);
    for (const [end, media, heard, own] of [
      ["alice", ends.result.media, 1500, 700],
      ["bob", ends.media, 700, 1500],
    ] as const) {
      assert.ok(
        media.sent.length > 25 && media.received.length > 25,
        `${end}: ${media.sent.length} sent, ${media.received.length} received`,
      );
      assert.ok(share(media.received, heard) > 0.9, `${end} hears the other end`);
      assert.ok(share(media.received, own) < 0.1, `${end} does not hear itself`);
      const peers = new Set(
        [...media.sent.map(({ to }) => to), ...media.received.map(({ from }) => from)].map(
          (peer) => peer.split(":")[0],
        ),
      );
      assert.deepEqual([...peers], [outputs.addresses.rtpengine[0]?.sbc]);
    }
    // Each packet of the phones is relayed once to or from Asterisk.
    const packets = [ends.media, ends.result.media].flatMap(({ sent, received }) => [...sent, ...received]).length;
    const relayed = (await rtpengineMetric('rtpengine_packets_total{type="userspace"}')) - relayedBefore;
    assert.ok(relayed >= packets * 0.9, `${relayed} relayed of ${packets}`);

    const [caller, called, ...more] = await records(ends.result.result, 2);
    assert.ok(caller && called && more.length === 0);
    assert.deepEqual(
      [caller.direction, caller.caller, caller.callee, caller.src_ip, caller.sip_code],
      ["in", "alice", "bob", alicesPhone.address, "200"],
    );
    assert.deepEqual([called.direction, called.caller, called.callee, called.sip_code], ["out", "alice", "bob", "200"]);
    assert.equal(caller.callid, caller.xcid, "the caller's Call-ID joins the legs");
    assert.equal(called.xcid, caller.xcid);
    assert.notEqual(called.callid, caller.callid);
    assert.equal(caller.node, called.node);
    for (const { duration } of [caller, called])
      assert.ok(Math.abs(Number(duration) - 2) < 0.7, `duration ${duration}`);
  });

  it("returns the very payload of an echo call", async () => {
    const { result, media } = await alicesPhone.capture(() =>
      alicesPhone.run("call", { user: alice, called: "600", holdMs: 2000, audio: noise(4, 7) }),
    );
    wentWell(result);
    // 50 a second, half of that when SIPp has to share its core.
    assert.ok(media.sent.length > 25);
    assert.equal(returned(media), media.received.length, "nothing but what was sent");
    assert.ok(media.received.length >= media.sent.length * 0.8, `${media.received.length} of ${media.sent.length}`);
  });

  it("gives calls to both nodes", async () => {
    const result = await alicesPhone.run("call", { user: alice, ...echo, calls: 4 });
    wentWell(result);
    const nodes = new Set((await records(result, 4)).map(({ node }) => node));
    assert.equal(nodes.size, 2, [...nodes].join());
  });

  it("tells the caller that bob is busy, and keeps no media session", async () => {
    await bobsPhone.register(bob);
    const { done } = await bobsPhone.wait("busy");
    const result = await alicesPhone.run("call", { user: alice, called: "bob" });
    wentWell(result, "486");
    assert.equal((await done).exitCode, 0);
    await noSessions();
    const rows = await records(result, 2);
    assert.deepEqual(
      rows.map(({ direction, sip_code, duration }) => [direction, sip_code, Number(duration)]),
      [
        ["in", "486", 0],
        ["out", "486", 0],
      ],
    );
  });

  it("stops bob's phone ringing when alice gives up, and keeps no media session", async () => {
    const { done } = await bobsPhone.wait("ring");
    const result = await alicesPhone.run("cancel", { user: alice, called: "bob" });
    wentWell(result, "487");
    assert.equal((await done).exitCode, 0, "bob's phone got the CANCEL");
    await noSessions();
    const [caller] = await records(result, 2);
    assert.deepEqual([caller?.sip_code, Number(caller?.duration)], ["487", 0]);
  });

  it("ends alice's call when bob hangs up", async () => {
    const { done } = await bobsPhone.wait("leave", { holdMs: 1000 });
    const result = await alicesPhone.run("listen", { user: alice, called: "bob" });
    wentWell(result);
    assert.equal((await done).exitCode, 0);
    await noSessions();
  });

  it("lets voicemail answer when bob's phone rings in vain", async () => {
    const { done } = await bobsPhone.wait("ring");
    const result = await alicesPhone.run("call", { user: alice, called: "bob", holdMs: 500 });
    wentWell(result);
    assert.equal((await done).exitCode, 0, "bob's phone stops ringing");
    const rows = await records(result, 2);
    assert.deepEqual(
      rows.map(({ direction, sip_code }) => [direction, sip_code]),
      [
        ["in", "200"],
        ["out", "487"],
      ],
    );
  });

  it("announces an unknown number before the answer, and refuses it with 404", async () => {
    const { result, media } = await alicesPhone.capture(() =>
      alicesPhone.run("call", { user: alice, called: "nobody-has-this" }),
    );
    wentWell(result, "404");
    assert.ok(media.received.length > 50, "the announcement");
    const [row] = await records(result, 1);
    assert.deepEqual([row?.sip_code, Number(row?.duration)], ["404", 0]);
    await noSessions();
  });

  it("plays music on 601", async () => {
    const { result, media } = await alicesPhone.capture(() =>
      alicesPhone.run("call", { user: alice, called: "601", holdMs: 1000 }),
    );
    wentWell(result);
    assert.ok(new Set(media.received.map(({ payload }) => payload.toString("latin1"))).size > 20, "not silence");
  });

  it("lets bob hear at one node what alice has left at the other", async () => {
    await bobsPhone.register(bob, { expires: 0 });
    const left = await alicesPhone.run("call", {
      user: alice,
      called: "bob",
      holdMs: 14_000,
      audio: tone(1000, 1),
      limitSeconds: 40,
    });
    wentWell(left);
    const [deposit] = await records(left, 1);
    // Nodes take turns, so the other one comes at the latest on the second try.
    const nodeOfNext = async (): Promise<string | undefined> => {
      const probe = await bobsPhone.run("call", { user: bob, ...echo });
      const node = (await records(probe, 1))[0]?.node;
      return outputs.addresses.asterisk.map(({ sbc }) => `sip:${sbc}:5060`).find((candidate) => candidate !== node);
    };
    if ((await nodeOfNext()) === deposit?.node) await nodeOfNext();

    const { result: read, media } = await bobsPhone.capture(() =>
      bobsPhone.run("mailbox", { user: bob, called: "*97", holdMs: 16_000, limitSeconds: 45 }),
    );
    wentWell(read);
    const [reading] = await records(read, 1);
    assert.ok(
      reading && deposit && reading.node !== deposit.node,
      `left at ${deposit?.node}, read at ${reading?.node}`,
    );
    const seconds = Array.from({ length: Math.floor(media.received.length / 50) }, (_, index) =>
      share(media.received.slice(index * 50, index * 50 + 50), 1000),
    );
    assert.ok(
      seconds.filter((part) => part > 0.8).length >= 2,
      `tone in each second: ${seconds.map((part) => part.toFixed(2)).join(" ")}`,
    );
  });

  it("brings everybody who dials a room to one node, where they hear each other", async () => {
    const call = { called: "801", holdMs: 6000 };
    const rooms = await alicesPhone.capture(() =>
      bobsPhone.capture(() =>
        Promise.all([
          alicesPhone.run("call", { ...call, user: alice, audio: tone(700, 1) }),
          bobsPhone.run("call", { ...call, user: bob, audio: tone(1500, 1) }),
        ]),
      ),
    );
    const [fromAlice, fromBob] = rooms.result.result;
    wentWell(fromAlice);
    wentWell(fromBob);
    assert.equal((await records(fromAlice, 1))[0]?.node, (await records(fromBob, 1))[0]?.node);
    const lastSecond = (packets: readonly RtpPacket[]) => packets.slice(-75, -25);
    assert.ok(share(lastSecond(rooms.media.received), 1500) > 0.5, "alice hears bob");
    assert.ok(share(lastSecond(rooms.result.media.received), 700) > 0.5, "bob hears alice");
  });

  it("goes on with calls while a node is stopped, and uses it again afterwards", async () => {
    const [node = ""] = outputs.containers.asterisk;
    const address = outputs.addresses.asterisk[0]?.sbc ?? "";
    await docker(["stop", node]);
    const alone = await alicesPhone.run("call", { user: alice, ...echo, calls: 4, limitSeconds: 40 });
    wentWell(alone);
    assert.ok((await records(alone, 4)).every((row) => !row.node.includes(`:${address}:`)));
    await docker(["start", node]);
    await waitFor(
      `calls at ${node} again`,
      async () => {
        const back = await alicesPhone.run("call", { user: alice, ...echo, calls: 2, limitSeconds: 30 });
        return (await records(back, 2)).some((row) => row.node.includes(`:${address}:`));
      },
      40_000,
    );
  });

  for (const flags of [[], ["--refresh"]]) {
    it(`is left alone by a second up ${flags.join(" ")}`.trim(), async () => {
      const { code, output, changes } = await stack.up(...flags);
      assert.equal(code, 0, output);
      assert.deepEqual(changes, {});
    });
  }

  it("shows no secret in the state as exported, nor in a container's properties", async () => {
    const secrets = secretsIn(JSON.parse(await stack.exported("--show-secrets"))).filter(
      // A certificate is public, and so are the names of files beside a secret one.
      ({ path, text }) => text.length >= 12 && !text.startsWith("-----BEGIN CERTIFICATE") && !path.endsWith(".file"),
    );
    assert.ok(secrets.some(({ text }) => text === alice.password) && secrets.length >= 6, `${secrets.length} secrets`);
    const { container } = await stack.things();
    const places = { state: await stack.exported(), containers: await docker(["inspect", ...container]) };
    for (const [place, shown] of Object.entries(places)) {
      const found = secrets.filter(
        ({ text }) => shown.includes(text) || shown.includes(JSON.stringify(text).slice(1, -1)),
      );
      assert.deepEqual(
        found.map(({ path }) => path),
        [],
        `secrets shown by ${place}`,
      );
    }
  });

  it("is destroyed without a trace, and nothing else was touched", async () => {
    await alicesPhone[Symbol.asyncDispose]();
    await bobsPhone[Symbol.asyncDispose]();
    const { code, output } = await stack.destroy();
    assert.equal(code, 0, output);
    assert.deepEqual(await stack.things(), { container: [], network: [], volume: [] });
    assert.equal(await bystanderNow(), bystanderBefore);
  });
});

interface Secret {
  /** Where in the state it is, e.g. `kamailio-ops-token.outputs.result`. */
  path: string;
  text: string;
}

/** Every secret string of a state that was exported with its secrets in plain. */
function secretsIn(value: unknown, path = ""): Secret[] {
  if (typeof value !== "object" || value === null) return [];
  if ("plaintext" in value && typeof value.plaintext === "string") return stringsIn(JSON.parse(value.plaintext), path);
  const name =
    "urn" in value && typeof value.urn === "string" ? value.urn.slice(value.urn.lastIndexOf("::") + 2) : path;
  return Object.entries(value).flatMap(([key, inner]) => secretsIn(inner, `${name}.${key}`));
}

function stringsIn(value: unknown, path: string): Secret[] {
  if (typeof value === "string") return [{ path, text: value }];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => stringsIn(inner, `${path}.${key}`));
}
