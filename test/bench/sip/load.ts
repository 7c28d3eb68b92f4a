import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { docker, tryDocker } from "../../sip/docker.ts";
import { waitFor } from "../../sip/agent.ts";
import { ensureTesterImage } from "../../support/images.ts";

export interface LoadOptions {
  /** File of `scenarios/` without `.xml`. */
  scenario: "register" | "call";
  /** Registrations or calls begun in a second. */
  rate: number;
  /** Seconds of that. */
  seconds: number;
  /** Milliseconds that a call lasts. Default 0. */
  holdMs?: number;
}

export interface LoadResult {
  /** Part of the Call-IDs of this run and of no other. */
  id: string;
  successful: number;
  failed: number;
  retransmissions: number;
  /** Per second, as it came out. */
  achieved: number;
  /** Milliseconds from the request with credentials to its final answer. */
  delays: number[];
}

/** Bytes that SIPp asks for: with its own 64 KiB it loses answers at some thousands a second. The kernel gives what net.core.rmem_max allows. */
const receiveBuffer = "1048576";

/** The called number: international, which the default configuration sends to its gateway, and ours to a node. */
const called = "004930123456";

/** SIPp beside an edge: one address calls and registers, another stands for the far end. */
export class LoadGenerator implements AsyncDisposable {
  readonly container: string;
  readonly #edge: string;
  readonly #domain: string;

  private constructor(container: string, edge: string, domain: string) {
    this.container = container;
    this.#edge = edge;
    this.#domain = domain;
  }

  /** Starts it on the network of a container, with the far end listening. */
  static async start(
    name: string,
    network: string,
    edge: { address: string; domain: string },
    { count, node }: { count: number; node: string },
  ): Promise<LoadGenerator> {
    await docker([
      ...["run", "--detach", "--rm", "--init", "--name", name, "--network", `container:${network}`],
      ...["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "2g", "--ulimit", "nofile=20000"],
      ...["--entrypoint", "sleep", await ensureTesterImage(), "7200"],
    ]);
    const generator = new LoadGenerator(name, edge.address, edge.domain);
    const files = ["register", "call", "node"].map((file) => {
      const content = readFileSync(new URL(`scenarios/${file}.xml`, import.meta.url)).toString("base64");
      return `base64 -d > /work/${file}.xml <<'END'\n${content}\nEND`;
    });
    const users = `{ echo SEQUENTIAL; for ((i = 1; i <= ${count}; i++)); do echo "u$i;[authentication username=u$i password=pw-u$i]"; done; } > /work/users.csv`;
    await generator.#bash([...files, users].join("\n"));
    const far = ["sipp", "-sf", "/work/node.xml", "-i", node, "-p", "5060", "-t", "u1", "-nostdin", "-l", "100000"];
    await docker(["exec", "--detach", "--workdir", "/work", name, ...far, "-buff_size", receiveBuffer]);
    await waitFor("the far end", async () =>
      (await tryDocker(["exec", name, "cat", "/proc/net/udp"])).stdout.includes(`${hexAddress(node)}:13C4 `),
    );
    return generator;
  }

  /** Runs a load to its end, which is bounded whatever happens. */
  async run({ scenario, rate, seconds, holdMs = 0 }: LoadOptions): Promise<LoadResult> {
    const id = randomBytes(4).toString("hex");
    const count = rate * seconds;
    const limit = seconds + Math.ceil(holdMs / 1000) + 12;
    const sipp = [
      ...["sipp", `${this.#edge}:5060`, "-sf", `/work/${scenario}.xml`, "-inf", "/work/users.csv", "-nostdin"],
      ...["-i", generatorAddress, "-p", "5060", "-t", "u1", "-m", String(count), "-r", String(rate), "-l", "100000"],
      ...["-d", String(holdMs), "-buff_size", receiveBuffer, "-timeout", `${limit}s`, "-recv_timeout", "8000"],
      ...["-cid_str", `%u-%p-${id}@%s`],
      ...["-key", "run", id, "-key", "domain", this.#domain, "-key", "called", called],
      ...["-trace_stat", "-stf", "stat.csv", "-fd", "1", "-trace_rtt", "-rtt_freq", "5000"],
    ];
    const text = await this.#bash(
      [
        `mkdir /work/${id} && cd /work/${id} || exit 99`,
        `${sipp.map((word) => `'${word}'`).join(" ")} > screen 2>&1 < /dev/null`,
        "head -n 1 stat.csv; tail -n 1 stat.csv; tail -q -n +2 ./*_rtt.csv 2> /dev/null | cut -d ';' -f 2; cd /work; rm -rf " +
          id,
      ].join("\n"),
      (limit + 30) * 1000,
    );
    const [head = "", last = "", ...delays] = text.trim().split("\n");
    const names = head.split(";");
    const values = last.split(";");
    const field = (name: string) => Number(values[names.indexOf(name)]);
    const successful = field("SuccessfulCall(C)");
    if (!Number.isFinite(successful)) throw new Error(`SIPp left no statistics:\n${text}`);
    return {
      id,
      successful,
      failed: count - successful,
      retransmissions: field("Retransmissions(C)"),
      achieved: field("CallRate(C)"),
      delays: delays.map(Number),
    };
  }

  async #bash(script: string, timeout = 60_000): Promise<string> {
    const { stdout } = await tryDocker(["exec", "--interactive", "--workdir", "/work", this.container, "bash", "-s"], {
      input: script,
      timeout,
    });
    return stdout.toString("utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await tryDocker(["rm", "--force", this.container]);
  }
}

/** Where the load comes from. */
export const generatorAddress = "127.0.0.21";

/** As /proc/net/udp writes it, on a little-endian machine. */
const hexAddress = (address: string): string =>
  address
    .split(".")
    .toReversed()
    .map((octet) => Number(octet).toString(16).padStart(2, "0").toUpperCase())
    .join("");
