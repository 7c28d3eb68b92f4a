import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import {
  kamailioRuntime,
  kamailioSettings,
  metricsPort,
  opsPort,
  trunkSocket,
  type KamailioConfigArgs,
} from "../../configs/kamailio/index.ts";
import { reloadJobRuntime, renderReloadJob, renderReloadJobSecrets } from "../../configs/kamailio/reload.ts";
import { metrics } from "../../configs/metrics/contract.ts";
import type { Subscriber } from "../../configs/mariadb/rows.ts";
import type { Trunk } from "../../configs/mariadb/trunks.ts";
import { waitFor } from "../sip/agent.ts";
import { docker } from "../sip/docker.ts";
import { TestContainer } from "../support/container.ts";
import { query, runDatabaseJob, startDatabase } from "../support/database.ts";
import { contractProblems, parseExposition, scrapeScript, unknownMetrics } from "../support/exposition.ts";
import { edgeArgs, edgeRows, edgeSecrets, kamailioContainer, rtpengineContainer } from "../support/edge.ts";
import { ensureImage } from "../support/images.ts";

const args: KamailioConfigArgs = {
  ...edgeArgs,
  metrics: { address: "127.0.0.68", reader: "127.0.0.1" },
  trunkPorts: { udp: 5070, tcp: 5070 },
  wss: 8443,
  limits: { authFailuresPerUser: 3, banSeconds: 2 },
  sharedMemoryMb: 64,
};
const alice: Subscriber = { name: "alice", password: "right" };
/** A carrier that is not there. */
const carrier: Trunk = {
  name: "carrier",
  hosts: [{ host: "127.0.0.20" }],
  direction: "both",
  addresses: ["127.0.0.20/32"],
  credentials: { username: "customer", realm: "carrier.example", password: "secret" },
  prefixes: [{ prefix: "+49" }],
  numbers: [{ number: "+4930111", subscriber: alice.name }],
  callerId: { mode: "subscriber" },
  maxCalls: 10,
  maxCallsPerSecond: 10,
  srtp: "off",
  transit: false,
  probe: false,
};
/** One that takes calls of others. */
const between: Trunk = {
  ...carrier,
  ...{ name: "between", hosts: [{ host: "127.0.0.21" }], addresses: [], prefixes: [{ prefix: "+41" }], numbers: [] },
  transit: true,
};
/** A page that may open the WebSocket. */
const page = "https://phone.example.test";
const signatureKey = { id: "first", key: "company123KEY-company123KEY-company123KEY" };
const rows = (subscribers: readonly Subscriber[]) =>
  edgeRows({
    subscribers,
    signatureKeys: [signatureKey],
    trunks: [carrier, between],
    trunkSocket: trunkSocket(kamailioSettings(args)),
    policy: { [`origin.${page}`]: 1 },
  });

async function runReloadJob(network: TestContainer, opsToken: string): Promise<{ exitCode: number; output: string }> {
  const { mounts, uid, memoryMb, entrypoint, command } = reloadJobRuntime;
  await using job = TestContainer.start({
    role: "reload-job",
    image: await ensureImage("kamailio"),
    files: {
      [mounts.files]: renderReloadJob({ opsAddress: args.opsAddress }),
      [mounts.secrets]: renderReloadJobSecrets({ opsToken }),
    },
    command: [...entrypoint, ...command],
    uid,
    memoryMb,
    network,
  });
  return { exitCode: await job.ended(), output: job.output };
}

describe("Kamailio in our image", () => {
  let mariadb: TestContainer;
  let rtpengine: TestContainer;
  let kamailio: TestContainer;

  before(async () => {
    mariadb = await startDatabase();
    const job = await runDatabaseJob(mariadb, rows([alice]));
    assert.equal(job.exitCode, 0, job.output);
    rtpengine = await rtpengineContainer(edgeArgs.publicAddress, mariadb);
    kamailio = await kamailioContainer(args, mariadb);
    await kamailio.healthy(kamailioRuntime(args).healthcheck);
  });
  after(async () => {
    for (const container of [kamailio, rtpengine, mariadb]) await container[Symbol.asyncDispose]();
  });

  /** Sends one message and returns what comes back within a second ("" for silence). */
  async function exchange(
    via: "udp" | "tcp" | "tls",
    message: string,
    to = `${args.address}/${via === "tls" ? 5061 : 5060}`,
  ): Promise<string> {
    const lines = message.trimStart().replaceAll(/\r?\n/g, "\r\n");
    const script =
      via === "tls"
        ? `(cat; sleep 1) | timeout 2 openssl s_client -quiet -connect ${to.replace(/\/(?=\d+$)/, ":")} 2> /dev/null`
        : `exec 3<>/dev/${via}/${to}; cat >&3; timeout 1 dd bs=65535 count=1 status=none <&3`;
    return (await kamailio.exec(["bash", "-c", script], lines)).stdout.toString("utf8");
  }

  /** Sends one datagram from an address and port of the loopback device, and returns what comes back to it within a second. */
  async function exchangeFrom(from: string, message: string, port = 5060): Promise<string> {
    const script = [
      "use IO::Socket::INET; local $/;",
      `my $s = IO::Socket::INET->new(Proto => "udp", LocalAddr => "${from}", LocalPort => 5060, PeerAddr => "${args.address}", PeerPort => ${port}) or die $!;`,
      "$s->send(scalar <STDIN>); my $r = ''; vec($r, fileno($s), 1) = 1;",
      "my $text = ''; while (select(my $ready = $r, undef, undef, 1)) { $s->recv($text, 65535); last unless $text =~ /^SIP.2.0 1/; } print $text;",
    ].join(" ");
    const lines = message.trimStart().replaceAll(/\r?\n/g, "\r\n");
    return (await kamailio.exec(["perl", "-e", script], lines)).stdout.toString("utf8");
  }

  let sequence = 0;
  const request = (method: string, uri: string, extra = "", from = alice.name, transport = "UDP") => {
    sequence += 1;
    return `
${method} ${uri} SIP/2.0
Via: SIP/2.0/${transport} 127.0.0.1:5999;branch=z9hG4bK${sequence};rport
Max-Forwards: 70
From: <sip:${from}@${args.domain}>;tag=t${sequence}
To: <sip:${method === "REGISTER" ? from : "600"}@${args.domain}>
Call-ID: call-${sequence}
CSeq: 1 ${method}
Contact: <sip:${from}@127.0.0.1:5999>
${extra}Content-Length: 0

`;
  };
  const statusOf = (answer: string) => answer.split("\r\n")[0] ?? "";

  /** The answer to a REGISTER with this password, its own challenge answered; of the edge under test unless another is given. */
  async function register(
    { name, password }: Subscriber,
    { to = `${args.address}/5060`, headers = "" } = {},
  ): Promise<string> {
    const uri = `sip:${args.domain}`;
    const challenge = await exchange("udp", request("REGISTER", uri, "", name), to);
    const [, nonce = ""] = /nonce="([^"]+)"/.exec(challenge) ?? [];
    const [, algorithm = ""] = /algorithm=([\w-]+)/.exec(challenge) ?? [];
    const hash = (text: string) =>
      createHash(algorithm === "SHA-256" ? "sha256" : "md5")
        .update(text)
        .digest("hex");
    const ha1 = hash(`${name}:${args.domain}:${password}`);
    const response = hash(`${ha1}:${nonce}:00000001:c:auth:${hash(`REGISTER:${uri}`)}`);
    const credentials =
      `Authorization: Digest username="${name}", realm="${args.domain}", nonce="${nonce}", uri="${uri}", ` +
      `algorithm=${algorithm}, qop=auth, nc=00000001, cnonce="c", response="${response}"\n`;
    return exchange("udp", request("REGISTER", uri, credentials + headers, name), to);
  }

  const http = (target: string, path: string, method = "GET", headers = "", body = "") =>
    exchange(
      "tcp",
      `${method} ${path} HTTP/1.1\nHost: edge\n${headers}Content-Length: ${body.length}\n\n${body}`,
      target,
    );
  const ops = `${args.opsAddress}/${opsPort}`;
  const rpc = (method: string, token = edgeSecrets.opsToken) =>
    http(
      ops,
      "/RPC",
      "POST",
      `Authorization: Bearer ${token}\n`,
      `{"jsonrpc":"2.0","method":"${method}","params":[],"id":1}`,
    );

  it("starts with every option away from its default", async () => {
    const other: KamailioConfigArgs = {
      ...args,
      // Beside the one that runs.
      address: "127.0.0.3",
      opsAddress: "127.0.0.67",
      metrics: { address: "127.0.0.67", reader: "127.0.0.1" },
      digest: "both",
      signature: "hmac",
      mutualTls: 5062,
      ipv6: { address: "::1", transports: ["udp", "tcp", "tls", "mutualTls", "wss"] },
      topologyHiding: true,
      hep: { address: "127.0.0.69", collector: "127.0.0.70" },
      numbering: { internationalPrefix: "011", nationalPrefix: "", countryCode: "1" },
      userAgentPattern: "scan(ner)?|x{2,}",
      contactsPerSubscriber: 1,
      transfers: false,
      publicAddress: "127.0.0.3",
      events: { url: "https://api.example.test/events", ca: "a CA", queue: 100, maxAgeSeconds: 10 },
    };
    // `kamailio -c` would not do: it passes a wrong variable within a string, and parameters that a start refuses.
    await using container = await kamailioContainer(other, mariadb);
    await container.healthy(kamailioRuntime(other).healthcheck);
    for (const [transport, port] of [
      ["udp", 5060],
      ["tcp", 5060],
      ["tls", 5061],
      // Nobody gets in there without a certificate, or without a WebSocket.
      ["tls", 5062],
      ["tls", 8443],
    ] as const) {
      const options = request("OPTIONS", `sip:${args.domain}`, "", "monitor", transport.toUpperCase());
      const host = transport === "tls" ? "[::1]" : "::1";
      const answer = statusOf(await exchange(transport, options, `${host}/${port}`));
      assert.equal(answer, port === 5062 || port === 8443 ? "" : "SIP/2.0 200 OK", `${transport} ${port}`);
    }
  });

  it("checks a shared signature key, and knows SHA-256 alone, when it is told so", async () => {
    const other: KamailioConfigArgs = {
      ...args,
      address: "127.0.0.3",
      opsAddress: "127.0.0.67",
      metrics: { address: "127.0.0.67", reader: "127.0.0.1" },
      digest: "SHA-256",
      wss: 0,
      signature: "static",
      limits: {},
    };
    await using container = await kamailioContainer(other, mariadb);
    await container.healthy(kamailioRuntime(other).healthcheck);
    const to = `${other.address}/5060`;
    const header = (value: string) => `X-Company-Signature: ${value}\n`;
    // Where no rule says otherwise, it is demanded.
    for (const [headers, status] of [
      [header(signatureKey.key), "200"],
      ["", "403"],
      [header(`${signatureKey.key}x`), "403"],
      [header(signatureKey.id), "403"],
      [header(signatureKey.key) + header("another"), "403"],
    ] as const) {
      assert.match(statusOf(await register(alice, { to, headers })), new RegExp(` ${status} `), headers);
    }
  });

  it("answers OPTIONS on every transport", async () => {
    for (const transport of ["udp", "tcp", "tls"] as const) {
      const message = request("OPTIONS", `sip:${args.domain}`, "", "monitor", transport.toUpperCase());
      assert.equal(statusOf(await exchange(transport, message)), "SIP/2.0 200 OK", transport);
    }
  });

  it("registers with the right password and challenges the unknown user as it does the wrong password", async () => {
    assert.equal(statusOf(await register(alice)), "SIP/2.0 200 OK");
    const wrong = await register({ ...alice, password: "wrong" });
    const unknown = await register({ name: "nobody", password: "wrong" });
    const blur = (text: string) =>
      text.replaceAll(/nonce="[^"]*"|nobody|alice|branch=\S+|call-\d+|tag=\S+|rport=\d+/g, "…");
    assert.equal(statusOf(wrong), "SIP/2.0 401 Unauthorized");
    assert.equal(blur(unknown), blur(wrong));
  });

  it("bans a source that guesses, and lets it in again", async () => {
    for (let attempt = 0; attempt < 3; attempt++) await register({ name: "guessed", password: "wrong" });
    assert.equal(await exchange("udp", request("OPTIONS", `sip:${args.domain}`)), "", "banned");
    await waitFor(
      "end of the ban",
      async () => (await exchange("udp", request("OPTIONS", `sip:${args.domain}`))) !== "",
    );
  });

  it("relays for nobody: not elsewhere, not without a password, not within a call it does not know", async () => {
    assert.match(statusOf(await exchange("udp", request("INVITE", "sip:600@example.com"))), / 403 /);
    assert.match(statusOf(await exchange("udp", request("INVITE", `sip:600@${args.domain}`))), / 407 /);
    const route = `Route: <sip:${args.address};lr>\n`;
    const forged = request("BYE", "sip:600@127.0.0.10:5060", route).replace(/^To: .*$/m, "$&;tag=made-up");
    assert.match(statusOf(await exchange("udp", forged)), / 481 /);
  });

  it("says nothing to a scanner, to strangers on the core's socket, or about its software", async () => {
    const scanner = request("OPTIONS", `sip:${args.domain}`, "User-Agent: friendly-scanner\n");
    assert.equal(await exchange("udp", scanner), "");
    assert.equal(await exchange("udp", request("OPTIONS", `sip:${args.domain}`), `${args.address}/5080`), "");
    assert.doesNotMatch(await exchange("udp", request("OPTIONS", `sip:${args.domain}`)), /kamailio/i);
  });

  it("hears nobody but the addresses of trunks on their listener", async () => {
    const options = () => request("OPTIONS", `sip:${args.domain}`);
    assert.equal(await exchange("udp", options(), `${args.address}/5070`), "");
    assert.equal(await exchange("tcp", options(), `${args.address}/5070`), "");
    assert.equal(statusOf(await exchangeFrom("127.0.0.20", options(), 5070)), "SIP/2.0 200 OK");
  });

  it("lets a trunk reach its own numbers only", async () => {
    const call = (number: string) =>
      exchangeFrom("127.0.0.20", request("INVITE", `sip:${number}@${args.domain}`, "", "+1"));
    // The node behind is not there.
    assert.match(statusOf(await call("+4930111")), / 50\d |^$/);
    for (const number of ["+4930112", alice.name, "600", "+49301"])
      assert.match(statusOf(await call(number)), / 404 /, number);
  });

  it("sends no call to a trunk that nobody pays for, or that came from a trunk, unless it lets such calls through", async () => {
    const leg = async (headers: string, called = "+49301234") =>
      statusOf(await exchangeFrom("127.0.0.10", request("INVITE", `sip:${called}@${args.domain}`, headers), 5080));
    const rejected = async (reason: string) =>
      Number(new RegExp(`kamailio_rejected\\{reason="${reason}"\\} (\\d+)`).exec(await http(ops, "/metrics"))?.[1]);
    assert.match(await leg(""), / 403 /);
    assert.match(await leg("X-SBC-Account: trunk:carrier\n"), / 403 /);
    // What comes first may be an OPTIONS to the node.
    await waitFor("a call that is let through", async () =>
      / 100 /.test(await leg("X-SBC-Account: trunk:carrier\n", "+41301234")),
    );
    assert.match(await leg("", "+41301234"), / 403 /);
    assert.equal(await rejected("transit"), 3);
    assert.match(await leg("X-SBC-Account: alice\n"), / 403 /);
    assert.equal(await rejected("destination"), 1);
  });

  it("serves metrics and health on the ops listener only", async () => {
    assert.match(await http(ops, "/healthz"), /^HTTP\/1.1 200 /);
    assert.match(await http(ops, "/metrics"), /kamailio_rejected\{reason="auth"\} [1-9]/);
    assert.match(await http(`${args.address}/5060`, "/metrics"), /^HTTP\/1.1 403 /);
  });

  it("gives the one reader of the metrics listener those, and nobody anything else there", async () => {
    const listener = `127.0.0.68/${metricsPort}`;
    assert.match(await http(listener, "/metrics"), /^HTTP\/1.1 200 [^]*kamailio_rejected\{/);
    assert.match(await http(listener, "/metrics", "POST"), /^HTTP\/1.1 403 /);
    assert.match(await http(listener, "/healthz"), /^HTTP\/1.1 403 /);
    assert.match(
      await http(listener, "/RPC", "POST", `Authorization: Bearer ${edgeSecrets.opsToken}\n`),
      /^HTTP\/1.1 403 /,
    );
    assert.equal(await exchange("tcp", request("OPTIONS", `sip:${args.domain}`), listener), "");
  });

  it("exports what the metric contract says, and nothing of its own beside it", async () => {
    const contract = metrics.filter(({ source }) => source === "edge" || source === "kamailio");
    let problems = ["not scraped"];
    // The nodes' gauges are set by a timer.
    await waitFor("a scrape that keeps the contract", async () => {
      const { stdout } = await kamailio.exec(["bash", "-c", scrapeScript(args.opsAddress, opsPort)]);
      const exposition = parseExposition(stdout.toString("utf8"));
      problems = [...contractProblems(exposition, contract), ...unknownMetrics(exposition, contract)];
      return problems.length === 0;
    }).catch((error: unknown) => assert.fail([String(error), ...problems].join("\n")));
  });

  it("opens a WebSocket on its own port only, over TLS, to scripts of the listed pages", async () => {
    const socket = `${args.address}/8443`;
    const get = async (to: string, { path = "/", headers = "", transport = "tls" as "tls" | "tcp" } = {}) =>
      statusOf(await exchange(transport, `GET ${path} HTTP/1.1\nHost: edge\n${headers}Content-Length: 0\n\n`, to));
    const upgrade = [
      ...["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: sip"],
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n",
    ].join("\n");
    const good = `${upgrade}Origin: ${page}\n`;
    assert.match(await get(socket, { headers: good }), /^HTTP\/1.1 101 /);
    for (const origin of ["", "Origin: https://phone.example.test.evil.example\n", "Origin: null\n"]) {
      assert.match(await get(socket, { headers: upgrade + origin }), /^HTTP\/1.1 403 /, origin);
    }
    for (const path of ["/", "/metrics", "/healthz", "/RPC"])
      assert.match(await get(socket, { path }), /^HTTP\/1.1 404 /, path);
    assert.match(await get(`${args.address}/5061`, { headers: good }), /^HTTP\/1.1 403 /);
    assert.match(await get(`${args.address}/5060`, { headers: good, transport: "tcp" }), /^HTTP\/1.1 403 /);
    assert.match(await get(ops, { headers: good, transport: "tcp" }), /^HTTP\/1.1 404 /);
    assert.equal(await exchange("tls", request("OPTIONS", `sip:${args.domain}`, "", "monitor", "TLS"), socket), "");
    assert.match(await http(ops, "/metrics"), /kamailio_rejected\{reason="origin"\} 3/);
    const table = (...command: string[]) =>
      kamailio.exec(["kamcmd", "-s", "unix:/run/kamailio/kamailio_ctl", ...command]);
    await table("htable.setxi", "ipban", "127.0.0.1", "1", "60");
    assert.equal(await get(socket, { headers: good }), "", "banned");
    await table("htable.delete", "ipban", "127.0.0.1");
    assert.match(await get(socket, { headers: good }), /^HTTP\/1.1 101 /);
  });

  it("takes JSON-RPC with the token only, and no method that could stop it", async () => {
    assert.match(await rpc("core.uptime"), /"result"/);
    assert.match(await rpc("core.uptime", "guess"), /^HTTP\/1.1 401 /);
    for (const method of ["core.kill", "secfilter.print"]) assert.match(await rpc(method), /^HTTP\/1.1 403 /, method);
    assert.match(await rpc("dispatcher.list"), /sip:127\.0\.0\.10:5060/);
  });

  it("takes a new subscriber from the database when asked to reload", async () => {
    const bob = { name: "bob", password: "new" };
    assert.match(statusOf(await register(bob)), / 401 /);
    assert.equal((await runDatabaseJob(mariadb, rows([alice, bob]), { steps: ["rows"] })).exitCode, 0);
    const reload = await runReloadJob(mariadb, edgeSecrets.opsToken);
    assert.equal(reload.exitCode, 0, reload.output);
    assert.match(statusOf(await register(bob)), / 200 /);
  });

  it("fails the reload job with the reason", async () => {
    const { exitCode, output } = await runReloadJob(mariadb, "wrong-token");
    assert.equal(exitCode, 1);
    assert.match(output, /tls\.reload failed .*401 Unauthorized/);
  });

  it("keeps registrations in the database, knows them again after a start, and takes them out when they end", async () => {
    const names = async () => (await query(mariadb, "SELECT username FROM location")).rows;
    const lookUp = async (edge: TestContainer) => {
      const { stdout } = await edge.exec(["kamcmd", "ul.lookup", "location", `alice@${args.domain}`]);
      // What a start changes: where it is in the table and how long it is good for, to the second.
      return stdout
        .toString("utf8")
        .replaceAll(/^\s*(Expires|Last-Keepalive|Last-Modified|State|Tcpconn-Id): .*$/gm, "");
    };
    // Behind NAT: its Contact is not where it comes from.
    const phone = { headers: "User-Agent: it's a 'phone'\nAllow: INVITE, ACK, BYE\n" };
    assert.match(statusOf(await register(alice, phone)), / 200 /);
    await waitFor("alice in the location table", async () => (await names()).includes("alice"));
    const other: KamailioConfigArgs = {
      ...args,
      address: "127.0.0.3",
      opsAddress: "127.0.0.67",
      metrics: { address: "127.0.0.67", reader: "127.0.0.1" },
      wss: 0,
    };
    {
      await using container = await kamailioContainer(other, mariadb);
      await container.healthy(kamailioRuntime(other).healthcheck);
      const known = await lookUp(kamailio);
      assert.match(known, /User-Agent: it's a 'phone'/);
      assert.match(known, /Received: sip:127\.0\.0\.1:\d+/);
      assert.equal(await lookUp(container), known.replace(/Socket: .*/, "Socket: [not set]"));
    }
    assert.match(statusOf(await register(alice, { headers: "Expires: 0\n" })), / 200 /);
    await waitFor("no alice in the location table", async () => !(await names()).includes("alice"));
  });

  it("logs one JSON object per line, and no error", () => {
    const lines = kamailio.output.split("\n").filter((line) => line.startsWith("{"));
    const entries = lines.map((line) => JSON.parse(line) as { level: string; message: string });
    assert.ok(entries.length > 0);
    const errors = entries
      .filter(({ level }) => level === "ERROR" || level === "CRITICAL")
      // Nodes are not there in these tests.
      .filter(({ message }) => !message.startsWith("no Asterisk node is up"))
      // The answer to a ping that was on its way while the rows were reloaded.
      .filter(({ message }) => !message.startsWith("Setting the probing state failed"));
    assert.deepEqual(errors, []);
  });

  it("ends at once, and cleanly, when it is told to", async () => {
    await docker(["stop", "--time", String(kamailioRuntime(args).graceSeconds), kamailio.name]);
    assert.equal(await kamailio.ended(), 0);
  });
});
