import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { EdgeStack, freeNetworks, targetOf, type Outputs } from "../e2e/stack.ts";
import { SipAgent, waitFor, type Credentials } from "../sip/agent.ts";
import { docker } from "../sip/docker.ts";
import { Operator } from "../support/operator.ts";

/** What `test/e2e/routing.test.ts` has no time for. */
describe("npm run sbc, in full", { timeout: 600_000 }, () => {
  let stack: EdgeStack;
  let outputs: Outputs;
  let phone: SipAgent;
  let caller: SipAgent;
  let alice: Credentials;
  let bob: Credentials;
  const networks = freeNetworks();
  const operator = new Operator(() => stack.prefix);
  const query = (sql: string) =>
    docker([
      ...["exec", outputs.containers.mariadb, "mariadb", "--batch", "--skip-column-names", "kamailio"],
      ...["--execute", sql],
    ]);

  before(async () => {
    stack = await EdgeStack.create({
      networks,
      subscribers: [{ name: "alice" }, { name: "bob" }],
      classes: [{ name: "default", destinations: ["any"], callsPerSecond: 0, maxCalls: 0 }],
      asterisk: { nodes: 3 },
      protection: { unlimited: [networks.sbc], blocked: ["203.0.113.0/24"] },
      trunks: [{ name: "first", hosts: [{ host: "192.0.2.10" }], probe: false, prefixes: [{ prefix: "+49" }] }],
    });
    const { code, output } = await stack.up();
    assert.equal(code, 0, output);
    outputs = await stack.outputs();
    const user = (name: string): Credentials => ({
      name,
      password: outputs.subscribers[name] ?? assert.fail(`no subscriber ${name}`),
    });
    [alice, bob] = [user("alice"), user("bob")];
    const target = targetOf(outputs);
    phone = await SipAgent.start(outputs.sbcNetwork, target);
    caller = await SipAgent.start(outputs.sbcNetwork, target);
  });

  after(async () => {
    await phone?.[Symbol.asyncDispose]();
    await caller?.[Symbol.asyncDispose]();
    await stack?.destroy();
    await stack?.remove();
  });

  it("changes passwords of its own subscribers, and leaves those of the stack alone", async () => {
    const { password } = await operator.json<{ password: string }>(["subscriber", "add", "dave"]);
    assert.deepEqual((await caller.register({ name: "dave", password })).log["register"], ["200"]);
    await operator.json(["subscriber", "passwd", "dave", "--password-stdin"], "correct-horse-battery\n");
    assert.match((await caller.register({ name: "dave", password })).log["register"]?.[0] ?? "", /^40[13]$/);
    const again = await caller.register({ name: "dave", password: "correct-horse-battery" });
    assert.deepEqual(again.log["register"], ["200"], again.errors);
    await operator.refuses(["subscriber", "add", "dave"], /there is a subscriber dave already/);
    await operator.refuses(["subscriber", "add", "800"], /is a service of the dial plan/);
    await operator.refuses(
      ["subscriber", "remove", "alice"],
      /alice is of the stack's configuration: take it out of sbc:subscribers/,
    );
    await operator.json(["subscriber", "remove", "dave"]);
  });

  it("refuses trunks that could not work, or are not its own", async () => {
    await operator.refuses(["trunk", "add", "own"], /hosts\[0\]\.host is required/);
    await operator.refuses(
      ["trunk", "add", "own", "--host", "192.0.2.11", "--prefix", "+49"],
      /--prefix \+49 is also of trunk first, with the same order 1/,
    );
    await operator.refuses(
      ["trunk", "add", "own", "--host", "192.0.2.11", "--srtp", "required"],
      /srtp = "required" would send the keys/,
    );
    await operator.refuses(["trunk", "remove", "first"], /first is of the stack's configuration/);
  });

  it("registers at a trunk of its own, and forgets that with the trunk", async () => {
    const keys = { realm: "own.example", username: "customer", password: "correct horse battery" };
    const { done } = await caller.wait("routing/registrar", { keys, limitSeconds: 60 });
    const account = ["--username", keys.username, "--realm", keys.realm, "--register", "600"];
    await operator.json(["trunk", "add", "own", "--host", caller.address, "--no-probe", ...account], keys.password);
    assert.deepEqual((await done).log["verified"], ["yes"]);
    const registrations = () => docker(["exec", outputs.containers.kamailio, "kamcmd", "uac.reg_dump"]);
    assert.match(await registrations(), /l_uuid: own\s/);
    await operator.json(["trunk", "remove", "own"]);
    assert.doesNotMatch(await registrations(), /l_uuid: own\s/);
  });

  it("bans a source for good and lists it, and not what the stack has blocked", async () => {
    const { address } = caller;
    const heard = () => caller.run("options", { limitSeconds: 3 });
    await operator.json(["ban", "add", address, "--seconds", "600"]);
    const list = await operator.json<{ address: string }[]>(["ban", "list"]);
    assert.ok(list.some((ban) => ban.address === address));
    await operator.json(["ban", "remove", address]);
    await operator.json(["ban", "add", `${address}/32`, "--lasting"]);
    assert.notEqual((await heard()).exitCode, 0);
    await operator.json(["ban", "remove", address]);
    assert.equal((await heard()).exitCode, 0);
    await operator.refuses(["ban", "remove", "203.0.113.0/24"], /blocked by the stack's configuration/);
  });

  it("says what is wrong with a call and a time", async () => {
    await operator.refuses(["calls", "end", "nothing"], /there is no answered call nothing/);
    await operator.refuses(["cdr", "list", "--from", "yesterday"], /must be a time such as/);
  });

  it("drains nodes until one is left: rooms move as a whole, and no call is lost", async () => {
    /** Calls a room; resolves to the node that has it. */
    const room = async () => {
      const { id } = await phone.run("call", { user: alice, called: "801", holdMs: 100, limitSeconds: 60 });
      let node = "";
      await waitFor("the record of the room", async () => {
        node = await query(`SELECT DISTINCT node FROM acc_cdrs WHERE xcid LIKE '%-${id}@%'`);
        return node !== "";
      });
      return node;
    };
    const home = await room();
    const names = new Map(outputs.addresses.asterisk.map(({ name, sbc: address }) => [`sip:${address}:5060`, name]));
    const name = names.get(home) ?? assert.fail(`no node ${home}`);

    const load = caller.run("call", { user: bob, called: "600", holdMs: 200, calls: 20, limitSeconds: 120 });
    await operator.json(["node", "drain", name]);
    const moved = await room();
    assert.notEqual(moved, home);
    assert.equal(await room(), moved);
    const calls = await load;
    assert.equal(calls.exitCode, 0, calls.errors);
    assert.equal(calls.log["invite"]?.filter((status) => status === "200").length, 20);

    const others = ["asterisk-1", "asterisk-2", "asterisk-3"].filter((other) => other !== name);
    await operator.json(["node", "drain", others[0] ?? ""]);
    await operator.refuses(["node", "drain", others[1] ?? ""], /is the only node that gets calls/);
    await operator.refuses(["node", "drain", "asterisk-9"], /is no node; there are asterisk-1, asterisk-2, asterisk-3/);
    await operator.json(["node", "undrain", others[0] ?? ""]);
    await operator.json(["node", "undrain", name]);
    assert.equal(await room(), home);
    const list = await operator.json<{ name: string; state: string }[]>(["node", "list"]);
    assert.deepEqual(
      list.map(({ state }) => state),
      ["up", "up", "up"],
    );
  });
});
