import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { users } from "../../configs/elasticsearch/objects.ts";
import { savedObjects } from "../../configs/kibana/objects.ts";
import { SipAgent, waitFor, type Credentials } from "../sip/agent.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import { usage } from "../bench/sip/sides.ts";
import { describeLoad, load } from "../sip/load.ts";
import { ask, dashboardPorts, passFrontDoor, type Pages } from "../support/front-door.ts";
import { ensureStandIn } from "../support/images.ts";
import { problemsOf, type Inspected } from "./hardening.ts";
import { callWithoutCollector, steadyCalls } from "./absent-collector.ts";
import { devPolicies, EdgeStack, freeNetworks, hangUpAll, targetOf, type Outputs } from "./stack.ts";

type Watched = Outputs &
  Pages & {
    addresses: Outputs["addresses"] & { monitoring: { "heplify-server": string } };
    kibanaLogins: Record<string, string>;
    leftOut: string[];
  };

/** A line that arrived where Filebeat listens. */
interface Line {
  /** What the log driver says: whose line it is. */
  tag: string;
  text: string;
}

/** Elastic's images cannot be pulled everywhere: stand-ins check the files that the stack mounts, and answer on the same ports. */
describe("a stack with the full profile (stand-ins for what Debian does not package)", { timeout: 600_000 }, () => {
  let stack: EdgeStack;
  let outputs: Watched;
  let alice: Credentials;
  let bob: Credentials;
  let caller: SipAgent;
  let phone: SipAgent;
  let monitoring: Record<string, unknown>;
  const ports = dashboardPorts(30_000, 2000);
  const pipeline = ["elasticsearch", "logstash", "filebeat", "kibana"] as const;
  const container = (tool: string) => `${stack.prefix}-${tool}`;

  before(async () => {
    const [elastic, homer, grafana] = await Promise.all([
      ensureStandIn("elastic"),
      ensureStandIn("homer"),
      ensureStandIn("grafana"),
    ]);
    const networks = freeNetworks();
    monitoring = {
      profile: "full",
      ports,
      images: {
        ...Object.fromEntries(pipeline.map((tool) => [tool, elastic])),
        ...{ grafana, "heplify-server": homer, "homer-app": homer },
      },
      logs: { retentionDays: 7 },
    };
    stack = await EdgeStack.create({
      networks,
      subscribers: [{ name: "alice" }, { name: "bob" }],
      monitoring,
      // Load is what is tested here, not the limits.
      protection: { unlimited: [networks.sbc] },
      classes: [{ name: "default", maxCalls: 0, callsPerSecond: 0 }],
    });
    const { code, output } = await stack.up(...devPolicies);
    assert.equal(code, 0, output);
    outputs = (await stack.outputs()) as Watched;
    const user = (name: string) => ({ name, password: outputs.subscribers[name] ?? assert.fail() });
    [alice, bob] = [user("alice"), user("bob")];
    const target = targetOf(outputs);
    [caller, phone] = await Promise.all([
      SipAgent.start(outputs.sbcNetwork, target),
      SipAgent.start(outputs.sbcNetwork, target),
    ]);
  });
  after(async () => {
    await caller?.[Symbol.asyncDispose]();
    await phone?.[Symbol.asyncDispose]();
    await stack?.destroy();
    await stack?.remove();
  });

  async function inspected(filter: string): Promise<Inspected[]> {
    const ids = await docker([
      "ps",
      "--all",
      "--quiet",
      "--filter",
      `label=sbc.stack=${stack.prefix}`,
      "--filter",
      filter,
    ]);
    return JSON.parse(await docker(["inspect", ...ids.trim().split("\n")])) as Inspected[];
  }

  /** Everything that Filebeat was sent so far. */
  async function lines(): Promise<Line[]> {
    const { stdout } = await tryDocker(["exec", container("filebeat"), "cat", "/usr/share/filebeat/data/lines"]);
    return stdout
      .toString("utf8")
      .split("\n")
      .flatMap((line) => {
        // RFC 5424: priority and version, time, host, tag, process, message id, no structured data.
        const [, tag, text] = /^<\d+>1 \S+ \S+ (\S+) \S+ \S+ - (.*)$/.exec(line) ?? [];
        return tag === undefined || text === undefined ? [] : [{ tag, text }];
      });
  }

  /** A request to the stand-in for Elasticsearch, as one of its users; the answer with its status behind it. */
  async function elasticsearch(path: string, user: string, password: string): Promise<string> {
    return docker([
      ...["exec", container("elasticsearch"), "curl", "--silent", "--cacert", "/run/secrets/ca.crt"],
      ...["--user", `${user}:${password}`, "--write-out", " %{http_code}", `https://localhost:9200${path}`],
    ]);
  }

  it("runs every part of the pipeline healthy, hardened, on the monitoring network alone", async () => {
    const all = await inspected("label=sbc.plane=monitoring");
    assert.deepEqual(
      all.flatMap(problemsOf).filter((problem) => !problem.includes("CIS 5.9 ")),
      [],
    );
    for (const tool of pipeline) {
      const one = all.find(({ Name }) => Name === `/${container(tool)}`) ?? assert.fail(`no ${tool}`);
      assert.deepEqual(Object.keys(one.NetworkSettings.Networks), [outputs.networks.monitoring], tool);
      assert.deepEqual(one.HostConfig.PortBindings ?? {}, {}, tool);
      assert.equal(one.HostConfig.LogConfig.Type, "json-file", `${tool} would log to itself`);
    }
    const others = (await inspected("label=sbc.stack")).filter(
      ({ Name, Config }) =>
        Config.Labels["sbc.role"] !== "job" && !pipeline.some((tool) => Name === `/${container(tool)}`),
    );
    assert.ok(others.length >= 6);
    for (const { Name, HostConfig } of others) {
      assert.equal(HostConfig.LogConfig.Type, "syslog", Name);
      assert.equal(HostConfig.LogConfig.Config?.["mode"], "non-blocking", Name);
    }
  });

  it("has given Elasticsearch its users, roles and template, and Kibana its objects", async () => {
    const reader = outputs.kibanaLogins[users.reader] ?? assert.fail();
    const admin = outputs.kibanaLogins[users.admin] ?? assert.fail();
    assert.match(await elasticsearch("/_security/_authenticate", users.reader, reader), / 200$/);
    assert.match(await elasticsearch("/_security/_authenticate", users.admin, reader), / 401$/);
    const text = await elasticsearch("/_stand-in/state", users.admin, admin);
    const state = JSON.parse(text.slice(0, text.lastIndexOf(" "))) as { templates: Record<string, unknown> };
    assert.match(JSON.stringify(state.templates["logs-sbc"]), /"data_retention":"7d"/);
    const objects = await docker(["exec", container("kibana"), "cat", "/usr/share/kibana/data/objects"]);
    assert.equal(objects.trim().split("\n").length, savedObjects.length);
  });

  it("has Filebeat hand over to Logstash with a certificate on both sides", async () => {
    await waitFor("Filebeat's connection", async () => {
      const links = await tryDocker(["exec", container("filebeat"), "cat", "/usr/share/filebeat/data/links"]);
      return links.stdout.includes("TLSv1.3");
    });
    await waitFor("Logstash's word of it", async () =>
      (await tryDocker(["logs", container("logstash")])).stderr.includes("the certificate of filebeat"),
    );
    const uninvited = await tryDocker([
      ...["exec", container("elasticsearch"), "curl", "--silent", "--show-error", "--max-time", "5"],
      ...["--cacert", "/run/secrets/ca.crt", "https://logstash:5044/"],
    ]);
    assert.notEqual(uninvited.exitCode, 0);
    await waitFor("Logstash's refusal", async () =>
      (await tryDocker(["logs", container("logstash")])).stderr.includes("refused: "),
    );
  });

  it("shows Kibana behind the front door, over TLS on the inside as well", async () => {
    const kibana = outputs.dashboards["kibana"] ?? assert.fail();
    const { status, body } = await ask(outputs, kibana, { auth: passFrontDoor(outputs) });
    assert.equal(status, 200, body);
    assert.match(body, /stand-in for Kibana/);
    const wrong = `${outputs.dashboardsLogin.user}:wrong`;
    assert.equal((await ask(outputs, kibana, { auth: wrong })).status, 401);
  });

  it("brings the lines of one call, by its correlation id, to Filebeat: from the edge and the node, of both legs", async () => {
    await phone.register(bob);
    const { done } = await phone.wait("answer");
    const call = await caller.run("call", { user: alice, called: "bob", holdMs: 300 });
    assert.equal(call.exitCode, 0, call.errors);
    assert.equal((await done).exitCode, 0);

    const id = new RegExp(String.raw`\bxcid (\S+-${call.id}@\S+?)(?: |"|\\)`);
    let found: Line[] = [];
    await waitFor("the call's lines at Filebeat", async () => {
      const all = await lines();
      const xcid = all.map(({ text }) => id.exec(text)?.[1]).find((one) => one !== undefined);
      found = xcid === undefined ? [] : all.filter(({ text }) => text.includes(xcid));
      return found.filter(({ text }) => text.includes('"cdr (')).length >= 2;
    });
    // RTPengine's are text.
    const objects = found.filter(({ text }) => text.startsWith("{"));
    const legs = objects.flatMap(({ tag, text }) => {
      const line = JSON.parse(text) as { callid?: string; message?: string; logmsg?: { message: string } };
      const message = (line.message ?? line.logmsg?.message ?? "").trim();
      const [, direction, xcid] = /^leg (in|out) xcid (\S+)/.exec(message) ?? [];
      return direction === undefined
        ? []
        : [{ tag, direction, xcid, callid: line.callid ?? /callid (\S+)/.exec(message)?.[1] }];
    });
    const by = (tag: RegExp) =>
      legs.filter((leg) => tag.test(leg.tag)).toSorted((a, b) => a.direction.localeCompare(b.direction));
    for (const tag of [/^kamailio$/, /^asterisk-\d$/]) {
      const [inner, outer, ...more] = by(tag);
      assert.deepEqual([inner?.direction, outer?.direction, more.length], ["in", "out", 0], String(tag));
      assert.equal(inner?.callid, inner?.xcid, "the caller's Call-ID is the correlation id");
      assert.equal(outer?.xcid, inner?.xcid);
      assert.notEqual(outer?.callid, inner?.callid);
    }
    // The edge and the node mean the same dialogs.
    assert.deepEqual(
      by(/^kamailio$/).map(({ callid }) => callid),
      by(/^asterisk/).map(({ callid }) => callid),
    );
    // RTPengine knows no correlation id, but the Call-IDs.
    const callids = by(/^kamailio$/).map(({ callid }) => callid ?? "");
    await waitFor("RTPengine's lines", async () => {
      const media = (await lines()).filter(({ tag }) => tag.startsWith("rtpengine-"));
      return callids.some((callid) => media.some(({ text }) => text.includes(`[${callid}`)));
    });
  });

  it("changes nothing on the next up", async () => {
    const { code, changes, output } = await stack.up();
    assert.equal(code, 0, output);
    assert.deepEqual(changes, {});
  });

  it("takes new passwords of Elasticsearch's users and another retention, and a call goes on meanwhile", async () => {
    const reader = outputs.kibanaLogins[users.reader] ?? assert.fail();
    const call = caller.run("talk", { user: alice, called: "600", limitSeconds: 180 });
    let ended = false;
    void call.finally(() => (ended = true));
    await stack.configure({ rotation: { logs: 1 }, monitoring: { ...monitoring, logs: { retentionDays: 14 } } });
    const { code, output } = await stack.up();
    assert.equal(code, 0, output);
    outputs = (await stack.outputs()) as Watched;
    const [fresh, admin] = [users.reader, users.admin].map((user) => outputs.kibanaLogins[user] ?? assert.fail());
    assert.notEqual(fresh, reader);
    assert.match(await elasticsearch("/_security/_authenticate", users.reader, fresh ?? ""), / 200$/);
    assert.match(await elasticsearch("/_security/_authenticate", users.reader, reader), / 401$/);
    const text = await elasticsearch("/_stand-in/state", users.admin, admin ?? "");
    assert.match(text, /"data_retention":"14d"/);
    assert.ok(!ended, "the call ended");
    await hangUpAll(outputs);
    assert.equal((await call).exitCode, 0, (await call).errors);
  });

  /** Microseconds of Kamailio's processor for a call, of several runs, sorted. */
  async function costs(): Promise<number[]> {
    const found: number[] = [];
    for (let round = 0; round < 5; round++) {
      const { cpu } = await usage({ name: outputs.containers.kamailio });
      const calls = await steadyCalls(caller, alice);
      found.push(((await usage({ name: outputs.containers.kamailio })).cpu - cpu) / calls);
    }
    return found.toSorted((a, b) => a - b).map(Math.round);
  }
  let watched: number[] = [];

  it("loses no call and no line of docker logs when all of its monitoring stops under load", async (test) => {
    const names = (await inspected("label=sbc.plane=monitoring"))
      .filter(({ State }) => State.Running)
      .map(({ Name }) => Name.slice(1));
    assert.ok(names.length >= 15);
    watched = await costs();
    const [run] = await Promise.all([
      load(caller, { user: alice, called: "600", rate: 5, calls: 50, holdMs: 1000 }),
      // In no order, as a host would that runs out of memory.
      docker(["kill", ...names]),
    ]);
    test.diagnostic(describeLoad(run));
    assert.equal(run.answered, run.calls, run.result.errors.slice(0, 2000));
    assert.deepEqual(run.lost, []);
    const kept = await tryDocker(["logs", "--tail", "200", outputs.containers.kamailio]);
    const records = `${kept.stdout.toString("utf8")}${kept.stderr}`
      .split("\n")
      .filter((line) => line.includes('"cdr ('));
    assert.ok(records.filter((line) => line.includes(`-${run.result.id}@`)).length >= run.calls);
    const running = await inspected("label=sbc.plane=monitoring");
    assert.ok(
      running.every(({ State }) => !State.Running),
      "it did not come back by itself in the meantime",
    );
  });

  it("loses none either while all of that stays away, and the edge takes no more for a call", async (test) => {
    const collector = outputs.addresses.monitoring["heplify-server"];
    await callWithoutCollector(caller, alice, { containers: [outputs.containers.kamailio], collector });
    const alone = await costs();
    test.diagnostic(`processor of a call: watched ${watched.join(" ")} µs, alone ${alone.join(" ")} µs`);
    // The ranges overlap: runs of one kind differ by a fifth and more.
    assert.ok((alone[0] ?? Infinity) <= (watched.at(-1) ?? 0), `${alone.join(" ")} after ${watched.join(" ")}`);
  });
});
