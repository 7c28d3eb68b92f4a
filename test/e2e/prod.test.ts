import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { after, before, describe, it } from "node:test";
import { SipAgent, waitFor, type Credentials } from "../sip/agent.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import { startAcmeServer, type AcmeServer } from "../support/acme-server.ts";
import { testAuthority } from "../support/certificates.ts";
import { testPrefix } from "../../scripts/sweep.ts";
import { ask, passFrontDoor, promql, type Pages, type Series } from "../support/front-door.ts";
import { EdgeStack, freeNetworks, hangUpAll, type Outputs } from "./stack.ts";

const domain = "sip.example.test";
/**
 * The host's address towards the world: of a network that nothing is on, with addresses that nobody has (RFC 5737). A small one: some
 * closed networks have their own hosts, even the way out, at addresses for documentation.
 */
const world = { subnet: "198.51.100.240/29", address: "198.51.100.241" };
/** Every rule of production has to be kept. */
const policies = ["--policy-pack", "policy", "--policy-pack-config", "policy/config/prod.json"];
const networks = freeNetworks();

const monitoring = {
  profile: "light",
  bind: world.address,
  names: [world.address],
  alerts: { webhooks: [{ name: "chat", url: "https://alerts.example.test/sbc" }] },
};

describe("a production stack", { timeout: 420_000 }, () => {
  let folder: string;
  let acmeServer: AcmeServer;
  let stack: EdgeStack;
  let outputs: Outputs & Pages & { leftOut: string[] };
  let phone: SipAgent;
  let alice: Credentials;
  /** The CA of the test, then that of the ACME server. */
  let trusted: string;
  const file = async (name: string, content: string) => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  let worldNetwork: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "sbc-e2e-certificates-"));
    const authority = await testAuthority("Operator's CA");
    const server = await (
      await authority.issue("Operator's intermediate", { ca: true })
    ).issue(domain, {
      names: [domain],
      addresses: [world.address],
    });
    trusted = server.root;
    stack = await EdgeStack.create({
      environment: "prod",
      domain,
      networks,
      edge: { bind: world.address, publicAddress: world.address },
      rtp: { portMin: 36_000, portMax: 36_199 },
      subscribers: [{ name: "alice" }],
      certificates: {
        chainFile: await file("fullchain.pem", server.chain),
        keyFile: await file("privkey.pem", server.keyPem),
        caFile: await file("ca.pem", server.root),
      },
      monitoring,
    });
    worldNetwork = testPrefix("sbc-test", "world");
    await docker(["network", "create", "--subnet", world.subnet, "--gateway", world.address, worldNetwork]);
    acmeServer = await startAcmeServer({
      zone: "example.test",
      address: world.address,
      httpPort: 80,
      listen: { address: world.address, network: "host" },
      dnsPort: 5353,
    });
    const { code, output } = await stack.up(...policies);
    assert.equal(code, 0, output);
    outputs = (await stack.outputs()) as typeof outputs;
    alice = { name: "alice", password: outputs.subscribers["alice"] ?? "" };
    // As seen from outside: the published port of the host, from where the ACME server is.
    const target = { address: world.address, domain, ports: { udp: 5060, tcp: 5060, tls: 5061 } };
    phone = await SipAgent.start(`container:${acmeServer.container.name}`, target, world.address);
  });

  after(async () => {
    await phone?.[Symbol.asyncDispose]();
    await acmeServer?.[Symbol.asyncDispose]();
    await stack?.unprotect();
    await stack?.destroy();
    await stack?.remove();
    if (worldNetwork !== undefined) await tryDocker(["network", "rm", worldNetwork]);
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const startedAt = () => docker(["inspect", "--format", "{{.State.StartedAt}}", outputs.containers.kamailio]);

  async function isLeftAlone(): Promise<void> {
    const { code, output, changes } = await stack.up();
    assert.equal(code, 0, output);
    assert.deepEqual(changes, {});
  }

  it("registers and calls over TLS from outside, with the operator's chain and SRTP only", async () => {
    assert.equal(await phone.certificateProblem(trusted), undefined);
    const registered = await phone.register(alice, { transport: "tls" });
    assert.deepEqual(registered.log["register"], ["200"], registered.errors);
    const plain = await phone.run("call", { user: alice, called: "600", transport: "tls", holdMs: 500 });
    assert.deepEqual(plain.log["invite"], ["488"], plain.errors);
    const call = await phone.run("call", { user: alice, called: "600", transport: "tls", holdMs: 500, srtp: true });
    assert.deepEqual(call.log["invite"], ["200"], call.errors);
    assert.equal(call.exitCode, 0, call.errors);
  });

  it("shows who has the password that all of it is up, with the operator's certificate", async () => {
    const landing = outputs.dashboards["landing"] ?? "";
    assert.equal(landing, `https://${world.address}:9443/`);
    assert.equal(outputs.dashboardsCa, trusted);
    assert.match(outputs.leftOut.join("\n"), /^grafana: .*digest.*$/);
    assert.equal((await ask(outputs, landing)).status, 401);
    assert.equal((await ask(outputs, landing, { auth: passFrontDoor(outputs) })).status, 200);
    let seen: Series[] = [];
    const up = async () => {
      seen = [...(await promql(outputs, "up")), ...(await promql(outputs, "probe_success"))];
      return seen.length >= 16 && seen.every(({ value }) => value === 1);
    };
    await waitFor("all targets and probes", up, 90_000).catch(() => assert.fail(JSON.stringify(seen)));
  });

  it("has no door but TLS", async () => {
    const { publicPorts } = JSON.parse(
      await docker([
        "inspect",
        "--format",
        '{"publicPorts":{{json .NetworkSettings.Ports}}}',
        outputs.containers.kamailio,
      ]),
    ) as { publicPorts: Record<string, { HostIp: string; HostPort: string }[] | null> };
    const open = Object.entries(publicPorts).flatMap(([port, hosts]) => (hosts ?? []).map((host) => [port, host]));
    assert.deepEqual(open, [["5061/tcp", { HostIp: world.address, HostPort: "5061" }]]);
    // Whatever some service of ours listens at, somewhere.
    const ours = "2225-2234,3000,3306,5038,5060-5080,5601,8080-8090,8880,9060-9200,9443,22222-22231";
    const nmap = ["nmap", "-n", "-Pn", "-sT", "-p", ours, "-oG", "-", world.address];
    const scan = await docker(["exec", phone.container, ...nmap]);
    // SIP, Prometheus, Alertmanager and the landing page, the latter three through the front door.
    const doors = [5061, 9090, 9093, 9443].map((port) => `${port}/open/tcp`);
    assert.deepEqual(scan.match(/\d+\/open\/tcp/g), doors, scan);
  });

  it("is left alone by a second up", isLeftAlone);

  it("obtains its certificate by ACME instead, before Kamailio takes it", async () => {
    trusted = await acmeServer.root();
    const dashboards = await (
      await testAuthority("Dashboards' CA")
    ).issue("dashboards", { addresses: [world.address] });
    await stack.configure({
      // ACME is for SIP alone.
      monitoring: {
        ...monitoring,
        chainFile: await file("dashboards.pem", dashboards.chain),
        keyFile: await file("dashboards.key", dashboards.keyPem),
      },
      certificates: {
        mode: "acme",
        names: ["edge.example.test"],
        caFile: await file("acme-root.pem", trusted),
        acme: {
          email: "operator@example.test",
          directory: acmeServer.directory,
          directoryCaFile: await file("directory-ca.pem", acmeServer.directoryCa),
        },
      },
    });
    const { code, output } = await stack.up(...policies);
    assert.equal(code, 0, output);
    assert.equal(await phone.certificateProblem(trusted), undefined);
    const registered = await phone.register(alice, { transport: "tls" });
    assert.deepEqual(registered.log["register"], ["200"], registered.errors);
  });

  it("is left alone by a second up with ACME too", isLeftAlone);

  it("takes a renewed certificate live: connections and calls go on, new ones see it", async () => {
    const started = await startedAt();
    const open = await tlsConnection(trusted);
    const certificate = certificateOf(open);
    assert.match(await options(open, 1), /^SIP\/2\.0 200/);
    const call = phone.run("talk", { user: alice, called: "600", transport: "tls", limitSeconds: 90, srtp: true });
    let ended = false;
    void call.finally(() => (ended = true));

    await acmeServer.askForRenewal(certificate.toString());
    await docker(["kill", "--signal", "HUP", `${stack.prefix}-acme`]);
    await waitFor(
      "the new certificate",
      async () => {
        const fresh = await tlsConnection(trusted);
        const { serialNumber } = certificateOf(fresh);
        fresh.destroy();
        return serialNumber !== certificate.serialNumber;
      },
      60_000,
    );
    assert.ok(!ended, "the call was over before the certificate was new");
    assert.match(await options(open, 2), /^SIP\/2\.0 200/);
    open.destroy();
    await hangUpAll(outputs);
    const result = await call;
    assert.deepEqual(result.log["invite"], ["200"], result.errors);
    assert.equal(result.exitCode, 0, result.errors);
    assert.equal(await startedAt(), started);
    await waitFor("a healthy client", async () => {
      const health = await docker(["inspect", "--format", "{{.State.Health.Status}}", `${stack.prefix}-acme`]);
      return health === "healthy";
    });
  });

  it("keeps what is protected until that is lifted; then nothing else is left", async () => {
    const before = await stack.things();
    const refused = await stack.destroy({ preview: true });
    assert.notEqual(refused.code, 0);
    assert.match(refused.output, /protect/);
    assert.deepEqual(await stack.things(), before);
    await phone[Symbol.asyncDispose]();
    await stack.unprotect();
    const { code, output } = await stack.destroy();
    assert.equal(code, 0, output);
    // Data outlive the stack on purpose: docker volume rm.
    assert.deepEqual(await stack.things(), {
      container: [],
      network: [],
      volume: ["acme-state", "alertmanager-data", "mariadb-data", "prometheus-data"].map(
        (name) => `${stack.prefix}-${name}`,
      ),
    });
  });
});

/** A TLS connection to the edge that has verified its certificate. */
function tlsConnection(ca: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: world.address, port: 5061, servername: domain, ca: [ca] }, () => {
      socket.setTimeout(0);
      resolve(socket);
    });
    socket.once("error", reject);
    socket.setTimeout(10_000, () => socket.destroy(new Error("no answer on TLS")));
  });
}

function certificateOf(socket: TLSSocket): X509Certificate {
  return socket.getPeerX509Certificate() ?? assert.fail("the connection is closed");
}

/** Sends OPTIONS over a connection that is open, and resolves to the answer. */
async function options(socket: TLSSocket, number: number): Promise<string> {
  const request = [
    `OPTIONS sip:${domain} SIP/2.0`,
    `Via: SIP/2.0/TLS ${world.address}:5070;branch=z9hG4bK-open-${number};rport`,
    `From: <sip:probe@${domain}>;tag=open`,
    `To: <sip:${domain}>`,
    `Call-ID: open-${number}@${world.address}`,
    `CSeq: ${number} OPTIONS`,
    `Max-Forwards: 70`,
    `Content-Length: 0`,
    ``,
    ``,
  ];
  assert.ok(!socket.destroyed, "the connection is closed");
  const signal = AbortSignal.timeout(10_000);
  const answer = once(socket, "data", { signal }) as Promise<[Buffer]>;
  socket.write(request.join("\r\n"));
  const [data] = await answer;
  return data.toString("utf8");
}
