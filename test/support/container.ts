import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import type { FileMap } from "../../configs/files.ts";
import { waitFor } from "../sip/agent.ts";
import { tryDocker, type DockerResult } from "../sip/docker.ts";
import { testPrefix } from "../../scripts/sweep.ts";

export interface ContainerOptions {
  /** Shown in the container's name. */
  role: string;
  image: string;
  /** Files by mount point; written to memory, so that nothing of the host is needed. */
  files: Readonly<Record<string, FileMap>>;
  /** Writable places, as in the stack. */
  tmpfs?: Readonly<Record<string, string>>;
  /** What to run, the program included. */
  command: readonly string[];
  uid: number;
  /** Default: the same number. */
  gid?: number;
  memoryMb: number;
  /** Default: made by Docker, which without a network puts it into no /etc/hosts. */
  hostname?: string;
  /** Address of the name server. Default: the host's. Those who share the network share it. */
  dns?: string;
  /** A container whose loopback device is shared, or the host's network; left out: no network but its own loopback device. */
  network?: TestContainer | "host";
}

/** A container of one of our images, hardened as in the stack, that reads rendered files. */
export class TestContainer implements AsyncDisposable {
  readonly name: string;
  readonly #process: ChildProcess;
  #output = "";

  private constructor(options: ContainerOptions) {
    this.name = testPrefix("sbc-test", `${options.role}-${randomBytes(2).toString("hex")}`);
    const { uid, gid = uid, network = "none" } = options;
    const own = `uid=${uid},gid=${gid},mode=0750,size=8m`;
    const tmpfs = { ...options.tmpfs, ...Object.fromEntries(Object.keys(options.files).map((path) => [path, own])) };
    this.#process = spawn("docker", [
      ...["run", "--rm", "--interactive", "--name", this.name, "--user", `${uid}:${gid}`, "--read-only"],
      ...["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", `${options.memoryMb}m`],
      ...["--ulimit", "nofile=20000"],
      ...(options.hostname === undefined ? [] : ["--hostname", options.hostname]),
      ...(options.dns === undefined ? [] : ["--dns", options.dns]),
      ...["--network", typeof network === "string" ? network : `container:${network.name}`],
      // Docker takes ::1 away where no network has IPv6.
      ...(network === "none" ? ["--sysctl", "net.ipv6.conf.all.disable_ipv6=0"] : []),
      ...Object.entries(tmpfs).flatMap(([path, settings]) => ["--tmpfs", `${path}:${settings}`]),
      ...["--entrypoint", "bash", options.image, "-s"],
    ]);
    const collect = (chunk: Buffer) => (this.#output += chunk.toString("utf8"));
    this.#process.stdout?.on("data", collect);
    this.#process.stderr?.on("data", collect);
    const write = Object.entries(options.files).flatMap(([folder, files]) =>
      Object.entries(files).map(
        ([name, content]) =>
          `mkdir -p ${dirname(`${folder}/${name}`)}; (umask 077; base64 -d > ${folder}/${name}) <<'END'\n${Buffer.from(content).toString("base64")}\nEND`,
      ),
    );
    const quoted = options.command.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ");
    this.#process.stdin?.end([...write, `exec ${quoted} < /dev/null`].join("\n"));
  }

  static start(options: ContainerOptions): TestContainer {
    return new TestContainer(options);
  }

  /** All that was printed so far. */
  get output(): string {
    return this.#output;
  }

  /** Exit code, once the program has ended. */
  async ended(): Promise<number> {
    const child = this.#process;
    if (child.exitCode === null) await new Promise((resolve) => child.once("close", resolve));
    return child.exitCode ?? 1;
  }

  exec(command: readonly string[], input = ""): Promise<DockerResult> {
    return tryDocker(["exec", "--interactive", this.name, ...command], { input });
  }

  /** Waits until a health check (as Docker takes it, `CMD` first) succeeds. @throws with the output when it does not. */
  async healthy([, ...command]: readonly string[], limitMs = 60_000): Promise<void> {
    try {
      await waitFor(
        `health of ${this.name}`,
        async () => {
          if (this.#process.exitCode !== null) throw new Error(`${this.name} ended with ${this.#process.exitCode}`);
          return (await this.exec(command)).exitCode === 0;
        },
        limitMs,
      );
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw new Error(`${String(error)}\n${this.#output}`, { cause: error });
    }
  }

  /** Lets go of the output: the container goes on, and no process here reads what it prints under load. */
  release(): void {
    this.#process.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await tryDocker(["rm", "--force", this.name]);
  }
}
