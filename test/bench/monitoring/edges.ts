import assert from "node:assert/strict";
import { hepPort } from "../../../configs/heplify/index.ts";
import { metricsPort } from "../../../configs/kamailio/index.ts";
import { docker } from "../../sip/docker.ts";
import { TestContainer } from "../../support/container.ts";
import { edgeArgs, TestEdge } from "../../support/edge.ts";
import { ensureTesterImage } from "../../support/images.ts";
import type { LoadGenerator } from "../sip/load.ts";
import { control, generator, loadRows, shareCores, usage } from "../sip/sides.ts";

const metrics = { address: "127.0.0.68", reader: "127.0.0.1" };
const hep = { address: "127.0.0.69", collector: "127.0.0.70" };

/** An edge as the stack renders it with monitoring, its database, a load generator and a collector, on one loopback device. */
export class WatchedEdge implements AsyncDisposable {
  readonly name = "the edge";
  readonly kamailio: TestContainer;
  readonly load: LoadGenerator;
  readonly #started: AsyncDisposableStack;

  private constructor(kamailio: TestContainer, load: LoadGenerator, started: AsyncDisposableStack) {
    this.kamailio = kamailio;
    this.load = load;
    this.#started = started;
  }

  static async start(): Promise<WatchedEdge> {
    await using started = new AsyncDisposableStack();
    const edge = started.use(
      await TestEdge.start({ publicAddress: edgeArgs.address, sharedMemoryMb: 256, metrics, hep }, loadRows()),
    );
    for (const container of [edge.kamailio, edge.mariadb, edge.rtpengine]) container.release();
    const sink = started.use(await collector(edge.rtpengine));
    const load = started.use(await generator("watched", edge.rtpengine));
    await shareCores({ measured: [edge.kamailio, edge.mariadb], outside: [{ name: load.container }, sink] });
    return new WatchedEdge(edge.kamailio, load, started.move());
  }

  /** Has it copy every message, or none. @throws when it does not take the command. */
  async copy(on: boolean): Promise<void> {
    const answer = await control(this, "siptrace.status", on ? "on" : "off");
    assert.match(answer, /Enabled|Disabled/i, answer);
  }

  /** Reads the metrics as Prometheus does; resolves to the milliseconds that it took. */
  async scrape(): Promise<number> {
    const text = await docker([
      ...["exec", this.load.container, "curl", "--silent", "--fail", "--output", "/dev/null"],
      ...["--write-out", "%{time_total}", `http://${metrics.address}:${metricsPort}/metrics`],
    ]);
    return Number(text) * 1000;
  }

  /** Processor microseconds that Kamailio takes for each of so many scrapes in a row. */
  async scrapesCpu(count: number): Promise<number> {
    const url = `http://${metrics.address}:${metricsPort}/metrics`;
    const script = `for ((i = 0; i < ${count}; i++)); do curl --silent --fail --output /dev/null ${url} || exit 1; done`;
    const before = (await usage(this.kamailio)).cpu;
    await docker(["exec", this.load.container, "bash", "-c", script]);
    return ((await usage(this.kamailio)).cpu - before) / count;
  }

  /** Copies that have arrived so far. */
  async copies(): Promise<number> {
    return Number(
      await docker(["exec", this.load.container, "curl", "--silent", "--fail", `http://${hep.collector}:9096/`]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#started.disposeAsync();
  }
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
