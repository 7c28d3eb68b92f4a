import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join, relative } from "node:path";
import { load } from "js-yaml";
import type { Target } from "../sip/agent.ts";
import { docker } from "../sip/docker.ts";
import type { SmokeOptions } from "../../scripts/smoke.ts";
import { conflicts, usedSubnets } from "../../scripts/preflight.ts";
import { testPrefix } from "../../scripts/sweep.ts";

const repository = join(import.meta.dirname, "../..");
const toolchain = join(repository, ".sbc/toolchain/pulumi/bin");
const plugins = join(repository, ".sbc/pulumi-home");

/** For `up`: judged by the policy pack as `npm run up` judges the dev stack. */
export const devPolicies = ["--policy-pack", "policy", "--policy-pack-config", "policy/config/dev.json"] as const;

/** What one command of the CLI did. */
export interface Run {
  code: number | null;
  output: string;
  /** Operations by kind, `same` and reading left out: `{ create: ["…::asterisk-1"] }`. */
  changes: Record<string, string[]>;
}

/** The stack outputs that the tests use. */
export interface Outputs extends SmokeOptions {
  subscribers: Record<string, string>;
  caCertificate: string;
  database: { container: string; name: string; user: string; password: string };
  networks: { sbc: string; monitoring: string; data: string };
  containers: { kamailio: string; rtpengine: string[]; mariadb: string; asterisk: string[] };
  addresses: {
    kamailio: { sbc: string; data: string };
    rtpengine: { name: string; sbc: string }[];
    ipv6?: { kamailio: string; rtpengine: string[] };
    asterisk: { name: string; sbc: string }[];
  };
}

/**
 * The project's own program as a stack that nobody else has: a back end, a passphrase and a configuration in a temporary folder, names,
 * subnets and ports of its own, so that it can live beside a stack that a person has up.
 */
export class EdgeStack {
  /** First part of all its Docker names. */
  readonly prefix = testPrefix("sbc-e2e", randomBytes(2).toString("hex"));
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the (empty) stack; `config` is added to what a test stack needs, keys without `sbc:`. */
  static async create(config: Record<string, unknown> = {}): Promise<EdgeStack> {
    const stack = new EdgeStack(await mkdtemp(join(tmpdir(), "sbc-e2e-")));
    const values = {
      name: stack.prefix,
      domain: "sip.example.test",
      networks: freeNetworks(),
      edge: { ports: { udp: 0, tcp: 0, tls: 0 } },
      ...config,
    };
    await mkdir(join(stack.#folder, "state"));
    await copyFile(join(repository, "Pulumi.yaml"), join(stack.#folder, "Pulumi.yaml"));
    await writeFile(
      stack.#configFile,
      // JSON is YAML.
      JSON.stringify({
        config: Object.fromEntries(Object.entries(values).map(([key, value]) => [`sbc:${key}`, value])),
      }),
    );
    // Writes the salt of the passphrase into the configuration file.
    const made = await stack.#pulumi(["stack", "init", "e2e", "--no-select", "--cwd", stack.#folder]);
    assert.equal(made.code, 0, made.output);
    return stack;
  }

  get #configFile(): string {
    return join(this.#folder, "Pulumi.e2e.yaml");
  }

  /** Changes the configuration: keys without `sbc:`; undefined takes one away. */
  async configure(values: Record<string, unknown>): Promise<void> {
    const file = load(await readFile(this.#configFile, "utf8")) as { config: Record<string, unknown> };
    for (const [key, value] of Object.entries(values)) file.config[`sbc:${key}`] = value;
    await writeFile(this.#configFile, JSON.stringify(file));
  }

  /** Sets a key of the configuration, encrypted: its path without `sbc:`, such as `trunks[0].password`. */
  async configureSecret(path: string, value: string): Promise<void> {
    const where = [...this.#where, "--config-file", this.#configFile];
    const { code, output } = await this.#pulumi([
      "config",
      "set",
      "--secret",
      "--path",
      `sbc:${path}`,
      value,
      ...where,
    ]);
    assert.equal(code, 0, output);
  }

  preview(...flags: string[]): Promise<Run> {
    return this.#operation("preview", ...flags);
  }

  /** Everything that the command line tool has written: stack file, state with its backups, event logs. */
  async files(): Promise<Map<string, string>> {
    const entries = await readdir(this.#folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return new Map(
      await Promise.all(
        files.map(async (file) => [relative(this.#folder, file), await readFile(file, "latin1")] as const),
      ),
    );
  }

  up(...flags: string[]): Promise<Run> {
    return this.#operation("up", "--yes", "--skip-preview", ...flags);
  }

  /** With the preview that comes before every `destroy` of a person, or at once. */
  destroy({ preview = false } = {}): Promise<Run> {
    return this.#operation("destroy", "--yes", ...(preview ? [] : ["--skip-preview"]));
  }

  /** Lets `destroy` take what is protected, as a person does it who wants that. */
  async unprotect(): Promise<void> {
    const { code, output } = await this.#pulumi(["state", "unprotect", "--all", "--yes", ...this.#where]);
    assert.equal(code, 0, output);
  }

  async outputs(): Promise<Outputs> {
    const { code, output } = await this.#pulumi([...["stack", "output", "--json", "--show-secrets"], ...this.#where]);
    assert.equal(code, 0, output);
    return JSON.parse(output) as Outputs;
  }

  /** The state as `pulumi stack export` shows it. */
  async exported(...flags: string[]): Promise<string> {
    const { code, output } = await this.#pulumi(["stack", "export", ...flags, ...this.#where]);
    assert.equal(code, 0, output);
    return output;
  }

  /** Everything of this stack that Docker knows, by kind. */
  async things(): Promise<Record<"container" | "network" | "volume", string[]>> {
    const list = async (...args: string[]) =>
      (await docker([...args, "--filter", `name=${this.prefix}-`])).split("\n").filter((name) => name !== "");
    return {
      container: await list("container", "ls", "--all", "--format", "{{.Names}}"),
      network: await list("network", "ls", "--format", "{{.Name}}"),
      volume: await list("volume", "ls", "--format", "{{.Name}}"),
    };
  }

  /** Ids of the containers that run, by name, those of agents left out: a service that was replaced has another. */
  async services(): Promise<Map<string, string>> {
    const format = ["--no-trunc", "--format", "{{.Names}} {{.ID}}"];
    const list = await docker(["container", "ls", ...format, "--filter", `name=${this.prefix}-`]);
    const lines = list.split("\n").map((line) => line.split(" ") as [string, string]);
    return new Map(lines.filter(([name]) => !name.includes("-agent-")));
  }

  /** Forgets the stack; what still runs of it is removed by force. */
  async remove(): Promise<void> {
    const left = await this.things();
    if (left.container.length > 0) await docker(["rm", "--force", "--volumes", ...left.container]);
    if (left.network.length > 0) await docker(["network", "rm", ...left.network]);
    if (left.volume.length > 0) await docker(["volume", "rm", "--force", ...left.volume]);
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #where(): string[] {
    return ["--stack", "e2e", "--cwd", repository];
  }

  async #operation(command: string, ...flags: string[]): Promise<Run> {
    const events = join(this.#folder, `events-${randomBytes(4).toString("hex")}.json`);
    const where = [...this.#where, "--config-file", this.#configFile];
    const run = await this.#pulumi([command, ...flags, ...where, "--color", "never", "--event-log", events]);
    return { ...run, changes: await changesIn(events) };
  }

  #pulumi(args: readonly string[]): Promise<Omit<Run, "changes">> {
    const child = spawn("pulumi", [...args, "--non-interactive"], {
      env: {
        ...process.env,
        // `npm test` has put the right ones there; by hand those of the set-up will do.
        PATH: [join(process.execPath, ".."), process.env["PATH"], toolchain].join(delimiter),
        PULUMI_HOME: process.env["PULUMI_HOME"] ?? plugins,
        PULUMI_BACKEND_URL: `file://${join(this.#folder, "state")}`,
        PULUMI_CONFIG_PASSPHRASE: "end to end",
        PULUMI_CONFIG_PASSPHRASE_FILE: undefined,
        PULUMI_STACK: undefined,
        PULUMI_SKIP_UPDATE_CHECK: "true",
        // Without it the CLI does not know --event-log.
        PULUMI_DEBUG_COMMANDS: "true",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
    let complaints = "";
    child.stderr.on("data", (chunk: Buffer) => (complaints += chunk.toString("utf8")));
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, output: code === 0 ? output : output + complaints }));
    });
  }
}

/** The edge as the agents of a test take it. */
export const targetOf = ({ addresses, sip }: Outputs): Target => ({
  address: addresses.kamailio.sbc,
  domain: sip.domain,
  ports: { udp: 5060, tcp: 5060, tls: 5061 },
});

/** What each script of phones gets of a stack: where its edge is, and the passwords. */
export const settingOf = (outputs: Outputs) => ({
  edge: { ...targetOf(outputs), ca: outputs.caCertificate },
  passwords: outputs.subscribers,
});

/** Lets every Asterisk node hang up all of its calls, as the far end of each. */
export async function hangUpAll({ containers }: Outputs): Promise<void> {
  for (const node of containers.asterisk) await docker(["exec", node, "asterisk", "-rx", "channel request hangup all"]);
}

/** A metric of RTPengine, by its whole name with labels: the sum over the instances that run, or over those named. */
export async function mediaMetric(
  outputs: Outputs,
  name: string,
  instances: readonly string[] = outputs.containers.rtpengine,
): Promise<number> {
  const script = [
    "address=$(sed -n 's/^listen-http = //p' /etc/rtpengine/rtpengine.conf)",
    "exec 3<>/dev/tcp/${address/:/\\/}",
    "printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3",
    "cat <&3",
  ].join("; ");
  const values = instances.map(async (container) => {
    const text = await docker(["exec", container, "bash", "-c", script]);
    const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `));
    return Number(line?.split(" ").at(-1) ?? assert.fail(`${name} is not in the metrics of ${container}`));
  });
  return (await Promise.all(values)).reduce((sum, value) => sum + value, 0);
}

/** Four subnets of 10.96.0.0/11 that nothing on this host uses: several test runs may share one engine. */
export function freeNetworks(): { sbc: string; monitoring: string; data: string; front: string } {
  const used = usedSubnets();
  for (let tries = 0; tries < 100; tries++) {
    // By chance, so that two runs that start together hardly take the same.
    const octet = 96 + randomInt(32);
    const third = randomInt(64) * 4;
    const at = (offset: number) => `10.${octet}.${third + offset}.0/24`;
    const networks = { sbc: at(1), monitoring: at(2), data: at(3), front: at(0) };
    const subnets = Object.values(networks).map((cidr) => ({ key: "networks", cidr }));
    if (conflicts({ prefix: "sbc-none", subnets, ports: [] }, used, []).length === 0) return networks;
  }
  throw new Error("no free subnets in 10.96.0.0/11 for a test stack");
}

/** A TCP port of the loopback address that nobody uses. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function changesIn(eventLog: string): Promise<Record<string, string[]>> {
  const changes: Record<string, string[]> = {};
  if (!existsSync(eventLog)) return changes;
  for (const line of (await readFile(eventLog, "utf8")).split("\n")) {
    if (line === "") continue;
    const event = JSON.parse(line) as { resourcePreEvent?: { metadata: { op: string; urn: string } } };
    const { op, urn } = event.resourcePreEvent?.metadata ?? { op: "same", urn: "" };
    if (!["same", "read", "refresh"].includes(op)) (changes[op] ??= []).push(urn.slice(urn.lastIndexOf("::") + 2));
  }
  return changes;
}
