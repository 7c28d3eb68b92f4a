import assert from "node:assert/strict";
import { parseConfig } from "../../../components/config-parse.ts";
import { edgePolicy } from "../../../components/subscribers.ts";
import { hepPort } from "../../../configs/heplify/index.ts";
import { metricsPort } from "../../../configs/kamailio/index.ts";
import { testPrefix } from "../../../scripts/sweep.ts";
import { UserError } from "../../../scripts/run.ts";
import { docker } from "../../sip/docker.ts";
import { TestContainer } from "../../support/container.ts";
import { edgeArgs, edgeRows, nodeAddress, TestEdge } from "../../support/edge.ts";
import { ensureTesterImage } from "../../support/images.ts";
import { control, usage } from "../sip/sides.ts";
import { generatorAddress, LoadGenerator, type LoadOptions, type LoadResult } from "../sip/load.ts";

/** Subscribers, each of whom can be registered. */
export const subscribers = 10_000;
const { address, domain } = edgeArgs;
const metrics = { address: "127.0.0.68", reader: "127.0.0.1" };
const hep = { address: "127.0.0.69", collector: "127.0.0.70" };

/** An edge as the stack renders it with monitoring, its database, a load generator and a collector, on one loopback device. */
export class WatchedEdge implements AsyncDisposable {
  readonly name = "the edge";
  readonly kamailio: TestContainer;
  readonly #load: LoadGenerator;
  readonly #started: AsyncDisposableStack;

  private constructor(kamailio: TestContainer, load: LoadGenerator, started: AsyncDisposableStack) {
    this.kamailio = kamailio;
    this.#load = load;
    this.#started = started;
  }

  static async start(): Promise<WatchedEdge> {
    await using started = new AsyncDisposableStack();
    const edge = started.use(
      await TestEdge.start({ publicAddress: address, sharedMemoryMb: 256, metrics, hep }, rows()),
    );
    for (const container of [edge.kamailio, edge.mariadb, edge.rtpengine]) container.release();
    started.use(await collector(edge.rtpengine));
    const load = started.use(
      await LoadGenerator.start(
        testPrefix("sbc-bench", "load-watched"),
        edge.rtpengine.name,
        { address, domain },
        { count: subscribers, node: nodeAddress },
      ),
    );
    return new WatchedEdge(edge.kamailio, load, started.move());
  }

  /** Has it copy every message, or none. @throws when it does not take the command. */
  async copy(on: boolean): Promise<void> {
    const answer = await control(this, "siptrace.status", on ? "on" : "off");
    assert.match(answer, /Enabled|Disabled/i, answer);
  }

  /** A run in which nothing may fail. */
  async run(options: LoadOptions): Promise<LoadResult> {
    const run = await this.#load.run(options);
    if (run.failed > 0) {
      throw new UserError(
        `bench: ${run.failed} of ${options.rate * options.seconds} ${options.scenario}s failed at ${options.rate}/s`,
      );
    }
    return run;
  }

  /** Reads the metrics as Prometheus does; resolves to the milliseconds that it took. */
  async scrape(): Promise<number> {
    const text = await docker([
      ...["exec", this.#load.container, "curl", "--silent", "--fail", "--output", "/dev/null"],
      ...["--write-out", "%{time_total}", `http://${metrics.address}:${metricsPort}/metrics`],
    ]);
    return Number(text) * 1000;
  }

  /** Processor microseconds that Kamailio takes for each of so many scrapes in a row. */
  async scrapesCpu(count: number): Promise<number> {
    const url = `http://${metrics.address}:${metricsPort}/metrics`;
    const script = `for ((i = 0; i < ${count}; i++)); do curl --silent --fail --output /dev/null ${url} || exit 1; done`;
    const before = (await usage(this.kamailio)).cpu;
    await docker(["exec", this.#load.container, "bash", "-c", script]);
    return ((await usage(this.kamailio)).cpu - before) / count;
  }

  /** Copies that have arrived so far. */
  async copies(): Promise<number> {
    return Number(
      await docker(["exec", this.#load.container, "curl", "--silent", "--fail", `http://${hep.collector}:9096/`]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#started.disposeAsync();
  }
}

/** Limits of calls are looked up, and high; each subscriber has a password of its own. */
function rows(): string {
  const limits = JSON.stringify({ maxCalls: 1_000_000, callsPerSecond: 100_000 });
  const parsed = parseConfig({ domain, protection: limits }, "bench", () => false);
  assert.ok("config" in parsed, "problems" in parsed ? parsed.problems : "");
  const ha1 = (hash: (text: string) => string) => hash(`CONCAT('u', seq, ':${domain}:pw-u', seq)`);
  return `${edgeRows({
    subscribers: [],
    addresses: [generatorAddress, nodeAddress].map((cidr) => ({ cidr, group: "unlimited" as const })),
    policy: edgePolicy(parsed.config),
  })}INSERT INTO subscriber (username, domain, ha1, ha1_sha256) SELECT CONCAT('u', seq), '${domain}',
    ${ha1((text) => `MD5(${text})`)}, ${ha1((text) => `SHA2(${text}, 256)`)} FROM seq_1_to_${subscribers};\n`;
}

/** Stands in for heplify-server: takes every packet, counts it, and keeps nothing. What the original costs is not measured. */
async function collector(network: TestContainer): Promise<TestContainer> {
  const script = `
    let packets = 0;
    require("node:dgram").createSocket({ type: "udp4", recvBufferSize: 1 << 22 }).on("message", () => packets++).bind(${hepPort}, "${hep.collector}");
    require("node:http").createServer((request, response) => response.end(String(packets))).listen(9096, "${hep.collector}");
  `;
  const container = TestContainer.start({
    role: "hep-sink",
    image: await ensureTesterImage(),
    files: {},
    command: ["node", "-e", script],
    uid: 4109,
    memoryMb: 128,
    network,
  });
  await container.healthy(["CMD", "curl", "--silent", "--fail", `http://${hep.collector}:9096/`]);
  container.release();
  return container;
}
