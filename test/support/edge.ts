import assert from "node:assert/strict";
import {
  kamailioRuntime,
  opsPort,
  renderKamailioConfig,
  renderKamailioSecrets,
  type KamailioConfigArgs,
  type KamailioSecrets,
} from "../../configs/kamailio/index.ts";
import { renderTlsProfiles } from "../../configs/kamailio/tls.ts";
import { database } from "../../configs/mariadb/index.ts";
import { renderRows, type MediaRelay, type Rows } from "../../configs/mariadb/rows.ts";
import { renderRtpengineConfig, rtpengineRuntime } from "../../configs/rtpengine/index.ts";
import { SipAgent } from "../sip/agent.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import { TestContainer } from "./container.ts";
import { databaseSecrets, query, runDatabaseJob, startDatabase } from "./database.ts";
import { parseExposition, scrapeScript, sum } from "./exposition.ts";
import { ensureImage } from "./images.ts";

/** An edge on one loopback device; the public address is one that nobody can reach. */
export const edgeArgs: KamailioConfigArgs = {
  domain: "sip.example.test",
  address: "127.0.0.2",
  opsAddress: "127.0.0.66",
  publicAddress: "203.0.113.7",
  publicPorts: { udp: 0, tcp: 0, tls: 5061 },
  database: { host: "127.0.0.1", port: database.port, name: database.name, user: database.users.kamailio },
  opsAllow: ["127.0.0.1/32", "192.0.2.0/24"],
};

/** Its media relay. */
export const edgeRelay: MediaRelay = { address: "127.0.0.4", port: 22222 };

export const edgeSecrets: KamailioSecrets = {
  databasePassword: databaseSecrets.kamailioPassword,
  nonceSecret: "0123456789abcdef0123456789abcdef",
  opsToken: "ops-token",
  eventsKey: "events-key",
};

/** Where the node of {@link edgeRows} listens. */
export const nodeAddress = "127.0.0.10";

/** The rows of such an edge: one node. */
export const edgeRows = (rows: Pick<Rows, "subscribers"> & Partial<Rows>): string =>
  renderRows({
    domain: edgeArgs.domain,
    relays: [edgeRelay],
    nodes: [{ name: "asterisk-1", address: nodeAddress }],
    ...rows,
  });

/** Key, certificate and list of revoked ones in one text: each reader takes its part. */
async function certificate(): Promise<string> {
  const script = [
    "cd /tmp && touch index",
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=sip.example.test -keyout key -out certificate 2> /dev/null",
    String.raw`printf '[ca]\ndefault_ca=own\n[own]\ndatabase=index\ndefault_md=sha256\ndefault_crl_days=30\n' > settings`,
    "openssl ca -gencrl -config settings -keyfile key -cert certificate -out revoked 2> /dev/null",
    "cat key certificate revoked",
  ].join(" && ");
  const image = await ensureImage("kamailio");
  return docker(["run", "--rm", "--network", "none", "--entrypoint", "bash", image, "-c", script]);
}

/** Kamailio with a rendered configuration, on the loopback device of another container. */
export async function kamailioContainer(
  config: KamailioConfigArgs,
  network: TestContainer,
  { check = false }: { check?: boolean } = {},
): Promise<TestContainer> {
  const { mounts, tmpfs, uid, memoryMb, command } = kamailioRuntime(config);
  const pem = await certificate();
  return TestContainer.start({
    role: "kamailio",
    image: await ensureImage("kamailio"),
    files: {
      [mounts.config]: renderKamailioConfig(config),
      [mounts.secrets]: renderKamailioSecrets(config, edgeSecrets),
      [mounts.profiles]: renderTlsProfiles(config),
      [mounts.tls]: { "server.pem": pem, "server.key": pem, "ca.pem": pem },
      [mounts.clients]: { "ca.pem": pem, "crl.pem": pem },
    },
    tmpfs,
    command: ["/usr/sbin/kamailio", ...(check ? ["-c"] : []), ...command],
    uid,
    memoryMb,
    network,
  });
}

/** RTPengine for an edge, with the address that phones are told to send to, on the loopback device of another container, or on a device of its own. */
export async function rtpengineContainer(publicAddress: string, network?: TestContainer): Promise<TestContainer> {
  const media = { address: edgeRelay.address, publicAddress };
  const runtime = rtpengineRuntime(media);
  const container = TestContainer.start({
    role: "rtpengine",
    image: await ensureImage("rtpengine"),
    files: { [runtime.mounts.config]: renderRtpengineConfig(media) },
    command: ["/usr/bin/rtpengine", ...runtime.command],
    uid: runtime.uid,
    memoryMb: runtime.memoryMb,
    network,
  });
  await container.healthy(runtime.healthcheck);
  return container;
}

/** Database, media relay and Kamailio with the rendered configuration, and phones and nodes beside them, all on one loopback device. */
export class TestEdge implements AsyncDisposable {
  readonly config: KamailioConfigArgs;
  readonly rtpengine: TestContainer;
  readonly mariadb: TestContainer;
  #kamailio: TestContainer;
  readonly #agents: SipAgent[] = [];

  private constructor(
    config: KamailioConfigArgs,
    rtpengine: TestContainer,
    mariadb: TestContainer,
    kamailio: TestContainer,
  ) {
    this.config = config;
    this.rtpengine = rtpengine;
    this.mariadb = mariadb;
    this.#kamailio = kamailio;
  }

  static async start(config: Partial<KamailioConfigArgs>, rows: string): Promise<TestEdge> {
    const args = { ...edgeArgs, ...config };
    await using started = new AsyncDisposableStack();
    // It owns the device: of the three it is the one that no test takes away.
    const rtpengine = started.use(
      await rtpengineContainer(args.publicAddress === args.address ? edgeRelay.address : args.publicAddress),
    );
    const mariadb = started.use(await startDatabase({ network: rtpengine }));
    const job = await runDatabaseJob(mariadb, rows);
    assert.equal(job.exitCode, 0, job.output);
    const kamailio = started.use(await kamailioContainer(args, rtpengine));
    await kamailio.healthy(kamailioRuntime(args).healthcheck);
    started.move();
    return new TestEdge(args, rtpengine, mariadb, kamailio);
  }

  /** The present one. */
  get kamailio(): TestContainer {
    return this.#kamailio;
  }

  /** A phone or a node with an address of its own, 127.0.0.… */
  async agent(address: string): Promise<SipAgent> {
    const target = {
      address: this.config.address,
      domain: this.config.domain,
      ports: { udp: 5060, tcp: 5060, tls: 5061 },
    };
    const agent = await SipAgent.start(`container:${this.rtpengine.name}`, target, address);
    this.#agents.push(agent);
    return agent;
  }

  /** Ends Kamailio by a signal, and starts it again. */
  async restart(signal: "KILL" | "TERM"): Promise<void> {
    await docker(["kill", "--signal", signal, this.#kamailio.name]);
    await this.#kamailio.ended();
    this.#kamailio = await kamailioContainer(this.config, this.rtpengine);
    await this.#kamailio.healthy(kamailioRuntime(this.config).healthcheck);
  }

  /** Rows of a query by the administrator. @throws when it fails. */
  async query(sql: string): Promise<string[]> {
    const { exitCode, rows, error } = await query(this.mariadb, sql);
    if (exitCode !== 0) throw new Error(`${sql}: ${error}`);
    return rows;
  }

  /** A counter or gauge: the sum of its series with these labels. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const scrape = scrapeScript(this.config.opsAddress, opsPort);
    const text = await docker(["exec", this.#kamailio.name, "bash", "-c", scrape]);
    return sum(parseExposition(text), name, labels);
  }

  /** The database hangs while `action` runs: it takes connections, and answers nothing. */
  async withoutDatabase<T>(action: () => Promise<T>): Promise<T> {
    await docker(["pause", this.mariadb.name]);
    try {
      return await action();
    } finally {
      await docker(["unpause", this.mariadb.name]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents) await agent[Symbol.asyncDispose]();
    await tryDocker(["unpause", this.mariadb.name]);
    for (const container of [this.#kamailio, this.mariadb, this.rtpengine]) await container[Symbol.asyncDispose]();
  }
}
