import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import {
  asteriskRuntime,
  renderAsteriskConfig,
  renderAsteriskSecrets,
  type AsteriskConfigArgs,
} from "../../configs/asterisk/index.ts";
import type { FileMap } from "../../configs/files.ts";
import { SipAgent, waitFor } from "../sip/agent.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import { ensureImage } from "../support/images.ts";
import { testPrefix } from "../../scripts/sweep.ts";

/** Everything on the loopback device of one container: the node, the edge (.2) and a stranger (.3). */
const args: AsteriskConfigArgs = {
  nodeName: "asterisk-1",
  address: "127.0.0.1",
  edgeAddress: "127.0.0.2",
  domain: "sip.example.test",
  database: { host: "127.0.0.1", port: 3306, name: "kamailio", user: "asterisk" },
  metrics: { address: "127.0.0.1", port: 8088 },
};

/** A node started in our image from rendered files, hardened as in the stack, without any network. */
class Node implements AsyncDisposable {
  readonly name = testPrefix("sbc-test", `asterisk-${randomBytes(2).toString("hex")}`);
  #output = "";

  static async start(files: FileMap): Promise<Node> {
    const node = new Node();
    const { mounts, tmpfs, uid, gid, command, memoryMb } = asteriskRuntime;
    const own = `uid=${uid},gid=${gid},mode=0750,size=8m`;
    const writable = { ...tmpfs, [mounts.config]: own, [mounts.secrets]: own };
    const write = (folder: string, map: FileMap) =>
      Object.entries(map).map(
        ([name, content]) => `base64 -d > ${folder}/${name} <<'END'\n${Buffer.from(content).toString("base64")}\nEND`,
      );
    const child = spawn("docker", [
      ...["run", "--rm", "--interactive", "--name", node.name, "--network", "none", "--read-only"],
      ...["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", `${memoryMb}m`],
      ...Object.entries(writable).flatMap(([path, options]) => ["--tmpfs", `${path}:${options}`]),
      ...["--entrypoint", "bash", await ensureImage("asterisk"), "-s"],
    ]);
    const collect = (chunk: Buffer) => (node.#output += chunk.toString("utf8"));
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.stdin.end(
      [
        ...write(mounts.config, files),
        ...write(mounts.secrets, renderAsteriskSecrets({ databasePassword: "not;used" })),
        `exec asterisk ${command.join(" ")} < /dev/null`,
      ].join("\n"),
    );
    await waitFor(`Asterisk Ready in ${node.name}`, () => Promise.resolve(node.#output.includes("Asterisk Ready.")));
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await tryDocker(["rm", "--force", this.name]);
  }

  /** All that was printed so far, line by line. */
  log(): string[] {
    return this.#output.split("\n").filter((line) => line !== "");
  }

  cli(command: string): Promise<string> {
    return docker(["exec", this.name, "asterisk", "-rx", command]);
  }

  async healthy(): Promise<boolean> {
    const [, ...command] = asteriskRuntime.healthcheck;
    return (await tryDocker(["exec", this.name, ...command])).exitCode === 0;
  }
}

/** Lines of a good start that look worse than they are, each with its reason. */
const explained: { pattern: RegExp; reason: string }[] = [
  { pattern: /^PBX UUID: /, reason: "printed before the logger runs" },
  {
    pattern: /^No ethernet interface found for seeding global EID/,
    reason: "this test has no network; the configuration sets it",
  },
  {
    pattern: /Could not find option 'minimum_size'.*'stasis'/,
    reason: "Asterisk's own defaults name an option it does not have",
  },
  { pattern: /SQLConnect=-1 .*Can't connect to server on '127\.0\.0\.1'/, reason: "this test has no database" },
  {
    pattern: /Unable to retrieve database handle for table description 'voicemail_users/,
    reason: "this test has no database",
  },
];

describe("Asterisk's rendered configuration", () => {
  let node: Node;
  const files = renderAsteriskConfig(args);

  before(async () => {
    node = await Node.start(files);
  });
  after(() => node[Symbol.asyncDispose]());

  it("starts without a warning or an error", () => {
    const bad = node
      .log()
      .filter((line) => !line.includes('"level":"NOTICE"') && !line.includes("Asterisk Ready."))
      .filter((line) => !explained.some(({ pattern }) => pattern.test(line)));
    assert.deepEqual(bad, []);
  });

  it("logs one JSON object per line", () => {
    const lines = node.log().filter((line) => !explained.slice(0, 3).some(({ pattern }) => pattern.test(line)));
    assert.ok(lines.length > 3);
    for (const line of lines) assert.doesNotThrow(() => JSON.parse(line) as unknown, line);
  });

  it("runs every module that it names, and no other", async () => {
    const listed = `${files["modules.conf"]}\n${files["metrics-modules.conf"]}`;
    const wanted = [...listed.matchAll(/^load = (\S+)$/gm)].map(([, name]) => name).toSorted();
    const shown = [...(await node.cli("module show")).matchAll(/^(\S+\.so) .* (Running|Not Running) /gm)];
    assert.deepEqual(shown.map(([, name]) => name).toSorted(), wanted);
    assert.deepEqual(
      shown.filter(([, , state]) => state !== "Running").map(([, name]) => name),
      [],
    );
  });

  it("has every application and function that the dialplan uses", async () => {
    const dialplan = files["extensions.conf"] ?? "";
    const applications = new Set(
      [...dialplan.matchAll(/^(?:exten => [^,]+,1| same => n[^,]*),(\w+)\(/gm)].map(([, name]) => name),
    );
    assert.ok(applications.has("Dial") && applications.has("VoiceMail"));
    for (const name of applications) {
      assert.match(await node.cli(`core show application ${name}`), /Info about Application/, name);
    }
    const functions = new Set([...dialplan.matchAll(/\b([A-Z_]+)\(/g)].map(([, name]) => name));
    assert.ok(functions.has("PJSIP_HEADER") && functions.has("VM_INFO"));
    for (const name of functions) {
      assert.match(await node.cli(`core show function ${name}`), /Info about Function/, name);
    }
  });

  it("routes each kind of number to its context", async () => {
    const shown = await node.cli("dialplan show from-edge");
    for (const [extension, context] of [
      ["600", "echo"],
      ["601", "music"],
      ["*97", "mailbox"],
      ["_8XX", "conference"],
      ["_[+0-9A-Za-z]!", "subscriber"],
    ]) {
      assert.ok(shown.includes(`'${extension}' =>`), `${extension} in\n${shown}`);
      assert.match(shown, new RegExp(`Goto\\(${context},s,1\\)`));
    }
  });

  it("has the sounds that the dialplan and voicemail play", async () => {
    const listed = await docker(["exec", node.name, "ls", "/usr/share/asterisk/sounds/en", "/usr/share/asterisk/moh"]);
    for (const sound of ["ss-noservice.gsm", "vm-youhave.gsm", "conf-onlyperson.gsm", "reno_project-system.gsm"]) {
      assert.ok(listed.includes(sound), sound);
    }
  });

  it("takes calls from the edge's address only", async () => {
    const edge = await node.cli("pjsip show endpoint edge");
    assert.match(edge, /context\s+: from-edge\n/);
    assert.match(edge, /Match: 127\.0\.0\.2\/32/);
    const target = { address: args.address, domain: args.domain, ports: { udp: 5060, tcp: 5060, tls: 5061 } };
    const answers = new Map<string, string[] | undefined>();
    for (const address of ["127.0.0.2", "127.0.0.3"]) {
      await using agent = await SipAgent.start(`container:${node.name}`, target, address);
      answers.set(address, (await agent.run("options")).log["options"]);
    }
    assert.deepEqual(
      [...answers],
      [
        ["127.0.0.2", ["200"]],
        ["127.0.0.3", ["401"]],
      ],
    );
  });

  it("listens on the node's own address only, with metrics where they were asked for", async () => {
    const { stdout } = await tryDocker(["exec", node.name, "cat", "/proc/net/udp", "/proc/net/tcp"]);
    const sockets = [...stdout.toString("utf8").matchAll(/^ *\d+: ([0-9A-F]{8}:[0-9A-F]{4}) \S+ (?:07|0A)/gm)];
    // PJSIP's DNS client has a port of the ephemeral range (32768 and up) on all addresses; it takes answers only.
    const listening = sockets.map(([, socket = ""]) => socket).filter((socket) => !/^00000000:[89A-F]/.test(socket));
    // 127.0.0.1 as the kernel writes it; 5060 and 8088.
    assert.deepEqual(listening.toSorted(), ["0100007F:13C4", "0100007F:1F98"]);
  });

  it("is healthy", async () => {
    assert.equal(await node.healthy(), true);
  });

  it("keeps the database password out of the plain files", () => {
    assert.ok(Object.values(files).every((content) => !content.includes("not;used")));
  });
});

describe("Asterisk's health check", () => {
  it("notices that the channel driver is missing", async () => {
    const files = renderAsteriskConfig(args);
    const modules = (files["modules.conf"] ?? "").replace("load = res_pjsip_pubsub.so\n", "");
    await using node = await Node.start({ ...files, "modules.conf": modules });
    assert.equal(await node.healthy(), false);
  });

  it("notices that SIP is not answered", async () => {
    const files = renderAsteriskConfig(args);
    const elsewhere = renderAsteriskConfig({ ...args, address: "127.0.0.9" });
    await using node = await Node.start({ ...files, "healthcheck.sh": elsewhere["healthcheck.sh"] ?? "" });
    assert.equal(await node.healthy(), false);
  });
});

describe("Asterisk without a metrics address", () => {
  it("has no HTTP server", async () => {
    await using node = await Node.start(renderAsteriskConfig({ ...args, metrics: undefined }));
    const { stdout } = await tryDocker(["exec", node.name, "cat", "/proc/net/tcp"]);
    assert.doesNotMatch(stdout.toString("utf8"), / 0A /);
  });
});
