import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";
import { ensureTesterImage } from "../support/images.ts";
import { docker, tryDocker } from "./docker.ts";
import { mediaOf, rtpPackets, type Media } from "./rtp.ts";

/** SIPp's letter for a transport, one socket for all calls. */
const transports = { udp: "u1", tcp: "t1", tls: "l1" } as const;
export type Transport = keyof typeof transports;

/** A scenario: a file below `scenarios/` without its `.xml`, e.g. `call`. The comment at the top of each says what it does. */
export type Scenario = string;

/** Where the calls go. */
export interface Target {
  /** IPv4 address of the edge. */
  address: string;
  /** SIP domain. */
  domain: string;
  ports: Record<Transport, number>;
}

export interface Credentials {
  name: string;
  password: string;
}

export interface RunOptions {
  /** Default udp. */
  transport?: Transport;
  /** Who calls or registers; also the contact of a phone that waits. */
  user?: Credentials;
  /** User part of the called address. */
  called?: string;
  /** How long the scenario's pause without a length of its own takes, in milliseconds. Default 1000. */
  holdMs?: number;
  /** Expiry that a registration asks for, in seconds. Default 120. */
  expires?: number;
  /** µ-law audio that is sent, again and again, during a call. */
  audio?: Buffer;
  /** The scenario's plain RTP becomes SRTP, and nothing else, with AES_CM_128_HMAC_SHA1_80. Default false. */
  srtp?: boolean;
  /** More words for the scenario, `[word]` there. */
  keys?: Readonly<Record<string, string>>;
  /** How many times the scenario runs. Default 1. */
  calls?: number;
  /** Calls begun in a second, whether the earlier ones have ended or not. Default: one after the other. */
  rate?: number;
  /** Limit for the whole run, in seconds. Default 20. */
  limitSeconds?: number;
}

/** What SIPp made of a scenario. */
export interface RunResult {
  /** Part of the Call-IDs of this run and of no other. */
  id: string;
  /** 0: every call went as the scenario says. */
  exitCode: number;
  /** What the scenario logged: word → values, in order, e.g. `{ register: ["200"], received: ["10.5.0.130"] }`. */
  log: Record<string, string[]>;
  /** SIPp's own words when it failed. */
  errors: string;
}

const localPort = 5060;

/** For some thirty programs at a time: each Node.js takes 12 MiB of its own. With 128 the kernel killed every third of twelve. */
const memoryMb = 512;
/** How the engine tells SIGKILL, which the kernel sends for want of memory. */
const killed = 137;

/** A container with SIPp on the stack's network: one phone, or one caller, with an address of its own. */
export class SipAgent implements AsyncDisposable {
  readonly container: string;
  readonly address: string;
  readonly #target: Target;
  readonly #image: string;
  #scripts?: Promise<unknown>;

  private constructor(container: string, address: string, target: Target, image: string) {
    this.container = container;
    this.address = address;
    this.#target = target;
    this.#image = image;
  }

  /**
   * Starts the container on a network; its name begins with the network's, so that it is easy to tell whose it is. With
   * `container:NAME` as network it shares that container's, and the address to use there has to be given.
   */
  static async start(network: string, target: Target, address?: string): Promise<SipAgent> {
    const image = await ensureTesterImage();
    const container = `${network.replace("container:", "")}-agent-${randomBytes(4).toString("hex")}`;
    await docker([
      ...["run", "--detach", "--init", "--name", container, "--network", network],
      ...["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", `${memoryMb}m`],
      ...["--entrypoint", "sleep", image, "1800"],
    ]);
    const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    address ??= await docker(["inspect", "--format", format, container]);
    return new SipAgent(container, address, target, image);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await tryDocker(["rm", "--force", "--volumes", this.container]);
  }

  /** Runs a scenario to its end. A call that went wrong is a result: see `exitCode` and `errors`. */
  async run(scenario: Scenario, options: RunOptions = {}): Promise<RunResult> {
    const {
      transport = "udp",
      user,
      holdMs = 1000,
      calls = 1,
      expires = 120,
      limitSeconds = 20,
      called = "",
      rate,
    } = options;
    const id = randomBytes(4).toString("hex");
    const { address, domain, ports } = this.#target;
    const files = {
      "scenario.xml": scenarioFile(scenario, options.srtp === true),
      "users.csv": Buffer.from(
        `SEQUENTIAL\n${user ? `${user.name};[authentication username=${user.name} password=${user.password}]` : "nobody;"}\n`,
      ),
      "audio.ulaw": options.audio ?? Buffer.alloc(8000, 0xff),
    };
    const sipp = [
      ...["sipp", `${address}:${ports[transport]}`, "-sf", "scenario.xml", "-inf", "users.csv", "-nostdin"],
      ...["-i", this.address, "-mi", this.address, "-p", String(localPort), "-t", transports[transport]],
      ...[
        "-m",
        String(calls),
        "-l",
        String(rate === undefined ? 1 : calls),
        "-r",
        String(rate ?? 20),
        "-d",
        String(holdMs),
        "-aa",
      ],
      ...["-timeout", `${limitSeconds}s`, "-timeout_error", "-recv_timeout", String(limitSeconds * 1000)],
      // SIPp makes Call-IDs and branches of process ids, which are the same in every container.
      ...["-cid_str", `%u-%p-${id}@%s`, "-key", "run", id],
      ...["-key", "domain", domain, "-key", "called", called, "-key", "expires", String(expires)],
      ...Object.entries(options.keys ?? {}).flatMap(([word, value]) => ["-key", word, value]),
      ...["-trace_logs", "-log_file", "log", "-trace_err", "-error_file", "errors"],
    ];
    const script = [
      `mkdir -m 0700 /work/${id} && cd /work/${id} || exit 99`,
      // Through stdin: a password in an argument could be read by every process of the host.
      ...Object.entries(files).map(
        ([name, content]) => `base64 -d > ${name} <<'END'\n${content.toString("base64")}\nEND`,
      ),
      `${sipp.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ")} > screen 2>&1 < /dev/null`,
      "code=$?; cat log 2> /dev/null; printf '\\0'; [ $code = 0 ] && exit; cat errors 2> /dev/null || grep -v '^$' screen | tail -n 5; exit $code",
    ].join("\n");
    const result = await tryDocker(["exec", "--interactive", this.container, "bash", "-s"], {
      input: script,
      timeout: (limitSeconds + 20) * 1000,
    });
    const [log = "", errors = ""] = result.stdout.toString("utf8").split("\0");
    return { id, exitCode: result.exitCode, log: words(log), errors: errors + result.stderr };
  }

  /** Puts the programs of `test/sip/scripts` into the container, as JavaScript below `/scripts`. */
  async copyScripts(): Promise<void> {
    await (this.#scripts ??= copyScripts(this.container));
  }

  /**
   * Runs a TypeScript program of `test/sip/scripts` in the agent's container, with `input` as JSON on its standard input, and returns the
   * JSON that it prints. @throws with its complaints when it fails.
   */
  async script<T>(name: string, input: unknown, limitSeconds = 30): Promise<T> {
    await this.copyScripts();
    const node = ["node", `/scripts/${name}.mjs`];
    const { exitCode, stdout, stderr } = await tryDocker(["exec", "--interactive", this.container, ...node], {
      input: JSON.stringify(input),
      timeout: limitSeconds * 1000,
    });
    const hint =
      exitCode === killed ? ` (killed: the agent may have wanted more than ${memoryMb} MiB, or was removed)` : "";
    if (exitCode !== 0) throw new Error(`${name} failed with ${exitCode}${hint}: ${stderr}`);
    return JSON.parse(stdout.toString("utf8")) as T;
  }

  /**
   * Verifies the certificate on the TLS port: its chain against the given CA (empty: the public ones), and that it is valid for the SIP domain.
   * Returns OpenSSL's words when something is wrong with it.
   */
  async certificateProblem(caCertificate: string): Promise<string | undefined> {
    const { address, domain, ports } = this.#target;
    const trust = caCertificate === "" ? "" : "-CAfile /work/ca.pem -no-CApath -no-CAstore";
    const script = [
      `base64 -d > /work/ca.pem <<'END'\n${Buffer.from(caCertificate).toString("base64")}\nEND`,
      `openssl s_client -connect ${address}:${ports.tls} -servername '${domain}' ${trust} \\`,
      `  -verify_return_error -verify_hostname '${domain}' < /dev/null 2>&1`,
    ].join("\n");
    const args = ["exec", "--interactive", this.container, "timeout", "10", "bash", "-s"];
    const { exitCode, stdout } = await tryDocker(args, { input: script });
    if (exitCode === 0) return undefined;
    const lines = stdout.toString("utf8").split("\n");
    return (
      lines.filter((line) => /error|errno|verify|refused/i.test(line)).join("\n") || `openssl: exit code ${exitCode}`
    );
  }

  /** Registers, or with `expires: 0` unregisters, the agent's address; the final status is in `log.register`. */
  register(user: Credentials, options: Omit<RunOptions, "user"> = {}): Promise<RunResult> {
    return this.run("register", { ...options, user });
  }

  /**
   * Starts a scenario that waits for a call, and returns when it listens.
   * The result is a promise of its own: `const { done } = await phone.wait("answer")`.
   */
  async wait(scenario: Scenario, options: RunOptions = {}): Promise<{ done: Promise<RunResult> }> {
    const done = this.run(scenario, options);
    const port = `:${localPort.toString(16).toUpperCase()} `;
    let ended = false;
    const mark = () => (ended = true);
    done.then(mark, mark);
    for (let attempt = 0; !ended && attempt < 100; attempt++) {
      const { stdout } = await tryDocker(["exec", this.container, "cat", "/proc/net/udp"]);
      if (stdout.includes(port)) return { done };
      await delay(50);
    }
    const { errors } = await done;
    throw new Error(`${scenario} does not listen: ${errors}`);
  }

  /** Captures UDP at the agent's own interface while `action` runs, and returns its result with the RTP of the agent. */
  async capture<T>(action: () => Promise<T>): Promise<{ result: T; media: Media }> {
    const container = `${this.container}-capture`;
    const file = "/tmp/capture.pcap";
    // A container on several networks numbers its devices as it likes.
    const devices = await docker(["exec", this.container, "ip", "-4", "-oneline", "address"]);
    const device =
      devices
        .split("\n")
        .find((line) => line.includes(` ${this.address}/`))
        ?.split(/\s+/)[1] ?? "eth0";
    await docker([
      ...["run", "--detach", "--init", "--name", container, "--network", `container:${this.container}`],
      // Root inside, with the one right that a raw socket needs.
      ...["--user", "0:0", "--cap-drop", "ALL", "--cap-add", "NET_RAW", "--security-opt", "no-new-privileges"],
      ...["--entrypoint", "tcpdump", this.#image],
      // Else what is in the kernel's buffer at the end is lost: up to a second.
      ...["--immediate-mode", "-i", device, "-n", "-U", "-s", "0", "-Z", "root", "-w", file, "udp and not port 5060"],
    ]);
    try {
      await waitFor(`tcpdump in ${container}`, async () =>
        (await tryDocker(["logs", container])).stderr.includes("listening on"),
      );
      const result = await action();
      await docker(["kill", "--signal", "INT", container]);
      await docker(["wait", container]);
      const archive = await tryDocker(["cp", `${container}:${file}`, "-"]);
      // One file in a tar archive: a header of 512 bytes with the size in octal, then the content.
      const size = parseInt(archive.stdout.toString("latin1", 124, 136), 8);
      return { result, media: mediaOf(rtpPackets(archive.stdout.subarray(512, 512 + size)), this.address) };
    } finally {
      await tryDocker(["rm", "--force", "--volumes", container]);
    }
  }
}

function scenarioFile(scenario: Scenario, srtp: boolean): Buffer {
  const plain = readFileSync(new URL(`scenarios/${scenario}.xml`, import.meta.url), "utf8");
  const key = "a=crypto:[cryptotag1audio] [cryptosuiteaescm128sha1801audio] inline:[cryptokeyparams1audio]";
  return Buffer.from(srtp ? plain.replaceAll(/^(m=audio .*) RTP\/AVP (.*)$/gm, `$1 RTP/SAVP $2\n${key}`) : plain);
}

/** Waits until a condition holds. @throws after the limit (milliseconds, default 15 s), naming what was waited for. */
export async function waitFor(what: string, condition: () => Promise<boolean>, limitMs = 15_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain for: ${what}`);
    await delay(100);
  }
}

/** Puts `scripts/` into a container as JavaScript: Debian's Node is built without TypeScript. */
async function copyScripts(container: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "sbc-scripts-"));
  try {
    const source = fileURLToPath(new URL("scripts", import.meta.url));
    for (const file of (await readdir(source, { recursive: true })).filter((one) => one.endsWith(".ts"))) {
      const code = stripTypeScriptTypes(await readFile(join(source, file), "utf8"));
      const target = join(folder, "scripts", file.replace(/\.ts$/, ".mjs"));
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, code.replaceAll(/(from "\.[^"]*)\.ts"/g, '$1.mjs"'));
    }
    await docker(["cp", join(folder, "scripts"), `${container}:/scripts`]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** `register [200]` lines of SIPp's log. */
function words(log: string): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const [, word, value] of log.matchAll(/^(\w+) \[?([^\]\n]*)\]?$/gm)) {
    if (word !== undefined && value !== undefined) (found[word] ??= []).push(value);
  }
  return found;
}
