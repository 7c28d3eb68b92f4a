import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { opsPort } from "../../configs/kamailio/index.ts";
import { addressGroups, renderInserts } from "../../configs/mariadb/rows.ts";
import { trunkPolicy, trunkTables, type Trunk } from "../../configs/mariadb/trunks.ts";
import { SipAgent, waitFor } from "../sip/agent.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import { parseExposition, scrapeScript, sum } from "../support/exposition.ts";
import { ensureTesterImage } from "../support/images.ts";
import { EdgeStack, targetOf, type Outputs } from "./stack.ts";

/** What `calls.ts` prints. */
export interface Calls {
  statuses: number[];
  setupMs: number[];
  hungUpMs: (number | null)[];
}

/** What `probe.ts` prints: 0 and "" stand for silence. */
export interface Probe {
  status: number;
  answer: string;
  /** Milliseconds to the answer. */
  ms: number;
}

/** What `mutations.ts` prints. */
export interface Mutations {
  sent: number;
  /** `SIP/2.0 400` → how many. */
  answers: Record<string, number>;
}

/** A stack, agents that attack it or use it, and what an operator can change on it while it runs. */
export class AttackedEdge implements AsyncDisposable {
  readonly outputs: Outputs;
  readonly #stack: EdgeStack;
  readonly #agents: SipAgent[] = [];

  private constructor(stack: EdgeStack, outputs: Outputs) {
    this.#stack = stack;
    this.outputs = outputs;
  }

  static async up(config: Record<string, unknown>): Promise<AttackedEdge> {
    const stack = await EdgeStack.create(config);
    try {
      const { code, output } = await stack.up();
      assert.equal(code, 0, output);
      return new AttackedEdge(stack, await stack.outputs());
    } catch (error) {
      await stack.destroy();
      await stack.remove();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent[Symbol.asyncDispose]()));
    await this.#stack.destroy();
    await this.#stack.remove();
  }

  get address(): string {
    return this.outputs.addresses.kamailio.sbc;
  }

  get domain(): string {
    return this.outputs.sip.domain;
  }

  async agent(): Promise<SipAgent> {
    const agent = await SipAgent.start(this.outputs.sbcNetwork, targetOf(this.outputs));
    this.#agents.push(agent);
    return agent;
  }

  password(user: string): string {
    return this.outputs.subscribers[user] ?? assert.fail(`no subscriber ${user}`);
  }

  /** What the scripts of `test/sip/scripts/protection` need to know. */
  as(agent: SipAgent, user: string, password = this.outputs.subscribers[user] ?? "wrong") {
    return { address: this.address, port: 5060, domain: this.domain, own: agent.address, user, password };
  }

  calls(agent: SipAgent, user: string, options: Record<string, unknown> = {}): Promise<Calls> {
    const input = { ...this.as(agent, user), called: "600", count: 1, everyMs: 0, holdMs: 300, ...options };
    return agent.script<Calls>("protection/calls", input, 120);
  }

  /** One request; by default an OPTIONS that the edge answers. */
  probe(agent: SipAgent, options: Record<string, unknown> = {}): Promise<Probe> {
    const input = {
      ...this.as(agent, "alice"),
      method: "OPTIONS",
      uri: `sip:${this.domain}`,
      waitMs: 1500,
      ...options,
    };
    return agent.script<Probe>("protection/probe", input);
  }

  async answers(agent: SipAgent): Promise<boolean> {
    return (await this.probe(agent)).status === 200;
  }

  /** Milliseconds to the answer to an OPTIONS, the best of five: the others waited for this machine. */
  async answerMs(agent: SipAgent): Promise<number> {
    const times: number[] = [];
    for (let attempt = 0; attempt < 5; attempt++) {
      const { status, ms } = await this.probe(agent);
      assert.equal(status, 200);
      times.push(ms);
    }
    return Math.min(...times);
  }

  /** Valid messages with flipped bits, from a source that is not counted. */
  mutations(agent: SipAgent, user: string, count: number, proven: boolean): Promise<Mutations> {
    const input = { ...this.as(agent, user), count, proven, seed: proven ? 1_000_000 : 1, perSecond: 200 };
    return agent.script<Mutations>("protection/mutations", input, 60 + count / 5);
  }

  /**
   * What all processes of the edge have of their own, and their shared memory once, in KiB. Not the pages of files: their share is less when another
   * container has them too.
   */
  async residentKb(): Promise<number> {
    const script = "cat /proc/[0-9]*/smaps_rollup 2> /dev/null; true";
    const text = await docker(["exec", this.outputs.containers.kamailio, "bash", "-c", script]);
    return [...text.matchAll(/^Pss_(?:Anon|Shmem): +(\d+) kB$/gm)].reduce((total, [, kb]) => total + Number(kb), 0);
  }

  /** Those of an address's TCP ports that take connections; `ports` as nmap has them. */
  async openPorts(agent: SipAgent, address: string, ports: string): Promise<number[]> {
    // Without a right to raw sockets nmap connects.
    const nmap = ["nmap", "-n", "-Pn", "-sT", "--max-retries", "2", "-p", ports, "-oG", "-", address];
    const text = await docker(["exec", agent.container, ...nmap], { timeout: 240_000 });
    assert.match(text, /1 IP address \(1 host up\) scanned/);
    return [...text.matchAll(/\b(\d+)\/open\/tcp/g)].map(([, port]) => Number(port));
  }

  /** What takes connections from within the network of the phones: name → TCP ports. */
  async openPortsByName(agent: SipAgent, ports: string): Promise<Record<string, number[]>> {
    const { asterisk, rtpengine } = this.outputs.addresses;
    const open: Record<string, number[]> = {};
    for (const { name, sbc } of [{ name: "kamailio", sbc: this.address }, ...rtpengine, ...asterisk]) {
      open[name] = await this.openPorts(agent, sbc, ports);
    }
    return open;
  }

  sql(statement: string): Promise<string> {
    const command = ["mariadb", "--batch", "--skip-column-names", "kamailio", "--execute", statement];
    return docker(["exec", this.outputs.containers.mariadb, ...command]);
  }

  /** An RPC of the edge, as an operator inside the container gives it. */
  async rpc(...command: string[]): Promise<string> {
    let answer = "";
    // Two reloads within a second are refused.
    await waitFor(command.join(" "), async () => {
      const { exitCode, stdout, stderr } = await tryDocker([
        "exec",
        this.outputs.containers.kamailio,
        "kamcmd",
        ...command,
      ]);
      answer = stdout.toString("utf8") + stderr;
      return exitCode === 0 && !/error/i.test(answer);
    });
    return answer;
  }

  /** Rows of an operator, live at once. */
  async list(group: keyof typeof addressGroups, ...addresses: string[]): Promise<void> {
    const rows = addresses.map((address) => `(${addressGroups[group]}, '${address}', 32)`);
    await this.sql(`DELETE FROM address WHERE owner = 'operator' AND grp = ${addressGroups[group]}`);
    if (rows.length > 0) await this.sql(`INSERT INTO address (grp, ip_addr, mask) VALUES ${rows.join(", ")}`);
    await this.rpc("permissions.addressReload");
  }

  /** Sets a rule of the running edge and returns what puts it back. */
  async policy(key: string, value: number): Promise<() => Promise<void>> {
    const where = `FROM edge_policy WHERE key_name = '${key}'`;
    const before = (await this.sql(`SELECT key_value ${where}`)).trim();
    const set = async (text: string) => {
      await this.sql(
        text === ""
          ? `DELETE ${where}`
          : `REPLACE INTO edge_policy (key_name, value_type, key_value) VALUES ('${key}', 1, '${text}')`,
      );
      await this.rpc("htable.reload", "policy");
    };
    await set(String(value));
    return () => set(before);
  }

  /** Adds an operator's trunk whose only host is an agent. */
  async addTrunk(name: string, carrier: SipAgent, prefixes: readonly string[]): Promise<void> {
    const trunk: Trunk = {
      name,
      hosts: [{ host: carrier.address }],
      direction: "out",
      addresses: [carrier.address],
      prefixes: prefixes.map((prefix) => ({ prefix })),
      numbers: [],
      callerId: { mode: "anonymous" },
      maxCalls: 100,
      maxCallsPerSecond: 100,
      transit: false,
      probe: false,
    };
    const socket = { name: "udp", listen: `udp:${this.address}:5060`, seen: `${this.address}:5060` };
    const rules = Object.entries(trunkPolicy(trunk)).map(
      ([key, value]) => `('${key}', ${Number(typeof value === "number")}, '${value}')`,
    );
    await this.sql(
      `${renderInserts(trunkTables([trunk], "operator", () => socket))}
      INSERT INTO edge_policy (key_name, value_type, key_value) VALUES ${rules.join(", ")};`,
    );
    for (const table of ["policy", "trunk"]) await this.rpc("htable.reload", table);
    await this.rpc("dispatcher.reload");
    await this.rpc("permissions.addressReload");
    await this.rpc("mtree.reload", "trunks");
  }

  /** A counter or gauge of the edge. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const { kamailio } = this.outputs.addresses;
    const scrape = scrapeScript(kamailio.data, opsPort);
    const text = await docker(["exec", this.outputs.containers.kamailio, "bash", "-c", scrape]);
    return sum(parseExposition(text), name, labels);
  }

  /** Has this source ever been banned? Says the log, for a ban may be over by now. */
  async hasBanned(agent: SipAgent): Promise<boolean> {
    const { stdout, stderr } = await tryDocker(["logs", this.outputs.containers.kamailio]);
    return `${stdout.toString("utf8")}${stderr}`.includes(`${agent.address} is ignored for`);
  }

  /** Calls of the torture messages are never acknowledged, and ended by the node after 32 s. */
  noCalls(): Promise<void> {
    return waitFor("no call", async () => (await this.metric("kamailio_dialog_active_dialogs")) === 0, 60_000);
  }

  /** Names of those of edge, RTPengines and nodes that have not been running all the time. */
  async restarted(): Promise<string[]> {
    const { kamailio, rtpengine, asterisk } = this.outputs.containers;
    const format = "{{.Name}} {{.RestartCount}} {{.State.Running}}";
    const text = await docker(["inspect", "--format", format, kamailio, ...rtpengine, ...asterisk]);
    return text.split("\n").filter((line) => !line.endsWith(" 0 true"));
  }

  /** SIP that a container receives from the edge while `action` runs, as text. */
  async receivedBy<T>(container: string, action: () => Promise<T>): Promise<{ result: T; text: string }> {
    const capture = `${container}-capture-${randomBytes(3).toString("hex")}`;
    await docker([
      ...["run", "--detach", "--init", "--name", capture, "--network", `container:${container}`],
      ...["--user", "0:0", "--cap-drop", "ALL", "--cap-add", "NET_RAW", "--security-opt", "no-new-privileges"],
      ...["--entrypoint", "tcpdump", await ensureTesterImage()],
      ...[
        "-i",
        "any",
        "-n",
        "-l",
        "--immediate-mode",
        "-A",
        "-s",
        "0",
        "-Z",
        "root",
        `udp and src host ${this.address}`,
      ],
    ]);
    try {
      await waitFor(`tcpdump in ${capture}`, async () =>
        (await tryDocker(["logs", capture])).stderr.includes("listening on"),
      );
      const result = await action();
      await docker(["kill", "--signal", "INT", capture]);
      await docker(["wait", capture]);
      return { result, text: (await tryDocker(["logs", capture])).stdout.toString("latin1") };
    } finally {
      await tryDocker(["rm", "--force", "--volumes", capture]);
    }
  }

  /** Runs a tool of SIPVicious at the edge, under its own name or disguised as a phone, and returns all that it says. */
  async sipVicious(
    agent: SipAgent,
    tool: "svmap" | "svwar" | "svcrack",
    args: string[],
    disguised = false,
  ): Promise<string> {
    const folder = `/work/tools-${randomBytes(3).toString("hex")}`;
    const script = [
      `mkdir ${folder} && cp -r /usr/share/sipvicious/. ${folder} && cd ${folder} || exit 99`,
      ...(disguised ? ["sed -i s/friendly-scanner/Softphone/ sipvicious/libs/svhelper.py"] : []),
      `PYTHONPATH=${folder} timeout 60 python3 -c 'from sipvicious.${tool} import main; main()' ${args.join(" ")} ${this.address} 2>&1`,
    ].join("\n");
    const { stdout } = await tryDocker(["exec", "--interactive", agent.container, "bash", "-s"], {
      input: script,
      timeout: 90_000,
    });
    return stdout.toString("utf8");
  }
}
