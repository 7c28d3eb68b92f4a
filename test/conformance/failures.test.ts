import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { baseImage, daemonSocket, docker, eventually, leftovers, sweep } from "./daemon.ts";
import { Stack } from "./stack.ts";
import { lastLogs } from "../../scripts/containers.ts";
import { testPrefix } from "../../scripts/sweep.ts";

const prefix = testPrefix("sbc-conf", "fail");
const name = (thing: string): string => `${prefix}-${thing}`;
const variant = (parts: readonly string[], more = {}): object => ({ prefix, image: baseImage, parts, ...more });

const waiting = ["waiting-service", "waiting-job"].map(name);

async function bothRun(): Promise<void> {
  await eventually("both waiting containers run", 30, async () => {
    const running = await docker.listContainers({ filters: { name: waiting } });
    return running.length === waiting.length;
  });
}

describe("a deployment that fails", { timeout: 400_000 }, () => {
  let stack: Stack;

  before(async () => {
    stack = await Stack.create("failures");
  });
  after(async () => {
    await sweep(prefix);
    await stack.remove();
  });

  it("ends when a container does not become healthy, and the state knows the container", async () => {
    const run = await stack.up(variant(["health"]));
    assert.notEqual(run.code, 0);
    assert.match(run.output, /failed to be in healthy state/);
    const { resources } = await stack.state();
    for (const thing of ["waited", "replaced"]) {
      const { Id: id } = await docker.getContainer(name(thing)).inspect();
      assert.equal(resources.get(thing)?.id, id);
      assert.equal(resources.get(thing)?.initErrors?.length, 1);
    }
    assert.equal(resources.has("dependent"), false, "a dependent was created all the same");
  });

  it("has its cause shown by `npm run up`, in the last log lines of what is not well", () => {
    const logs = lastLogs(prefix);
    assert.deepEqual(logs.map((log) => /^--- (\S+) \(.*unhealthy\)\), last lines of/.exec(log)?.[1]).toSorted(), [
      name("replaced"),
      name("waited"),
    ]);
    assert.ok(logs.some((log) => log.endsWith("\nthe cure is missing")));
  });

  it("repairs it on the next run, by a replacement where the program asks for one", async () => {
    const container = await docker.createContainer({
      Image: baseImage,
      name: name("cure"),
      Cmd: ["touch", "/data/cure"],
      HostConfig: { Binds: [`${name("data")}:/data`], NetworkMode: "none" },
    });
    await container.start();
    await container.wait();
    await container.remove();

    const run = await stack.up(variant(["health"]));
    assert.equal(run.code, 0, run.output);
    assert.deepEqual(run.steps.get("waited"), ["update"]);
    assert.ok(run.steps.get("replaced")?.some((step) => step.includes("replace")));
    const { resources } = await stack.state();
    for (const thing of ["waited", "replaced"]) assert.equal(resources.get(thing)?.initErrors, undefined);
  });

  it("knows what it had made when the daemon goes away, and mends it on the next run", async () => {
    const path = join(tmpdir(), `${prefix}.sock`);
    const connections = new Set<Socket>();
    const proxy = createServer((client) => {
      const daemon = connect(daemonSocket);
      for (const socket of [client, daemon]) connections.add(socket.on("error", () => socket.destroy()));
      client.pipe(daemon).pipe(client);
    }).listen(path);
    const { finished } = stack.start(variant(["health", "waiting"]), { DOCKER_HOST: `unix://${path}` });
    await bothRun();
    proxy.close();
    for (const socket of connections) socket.destroy();
    const broken = await finished;
    assert.notEqual(broken.code, 0);
    assert.match(broken.output, /is the docker daemon running|Docker daemon/i);

    const run = await stack.up(variant(["health"]));
    assert.equal(run.code, 0, run.output);
    assert.deepEqual(await docker.listContainers({ all: true, filters: { name: waiting } }), []);
  });

  it("leaves no container that the state does not know when it is interrupted", async () => {
    const { process: cli, finished } = stack.start(variant(["health", "waiting"]));
    await bothRun();
    cli.kill("SIGINT");
    const run = await finished;
    assert.notEqual(run.code, 0);

    const { resources } = await stack.state();
    const known = new Set([...resources.values()].map(({ id }) => id));
    const left = await docker.listContainers({ all: true, filters: { name: waiting } });
    assert.deepEqual(
      left.filter(({ Id: id }) => !known.has(id)),
      [],
    );
  });

  it("names what stands in the way: a name, a subnet, a port, an image", async () => {
    const foreign = await docker.createContainer({
      Image: baseImage,
      name: name("foreign"),
      Cmd: ["true"],
      Labels: { mine: "yes" },
    });
    await docker.createNetwork({ Name: name("foreign"), IPAM: { Config: [{ Subnet: "10.93.20.0/24" }] } });
    await docker.createVolume({ Name: name("foreign") });
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    const takenPort = address.port;

    const run = await stack.up(variant(["health", "clashes"], { takenPort }), "--continue-on-error");
    server.close();
    assert.notEqual(run.code, 0);
    const { resources } = await stack.state();
    const errors = run.output.replace(/\s+/g, " ");
    assert.match(errors, new RegExp(`${name("foreign")}.*(exists|in use)`));
    assert.match(errors, /[Pp]ool overlaps|10\.93\.20\.128\/25 overlaps with 10\.93\.20\.0\/24/);
    assert.match(errors, new RegExp(`${prefix}-no-such-image:1`));
    assert.match(errors, new RegExp(`127\\.0\\.0\\.1:${takenPort}`));

    // A volume of that name is taken as it is; nothing of the rest may have harmed what was there before.
    assert.equal(resources.get("sameVolumeName")?.id, name("foreign"));
    assert.equal((await foreign.inspect()).Config.Labels.mine, "yes");
    const known = new Set([...resources.values()].map(({ id }) => id));
    const made = await docker.listContainers({ all: true, filters: { name: [name("taken-port"), name("no-image")] } });
    assert.deepEqual(
      made.filter(({ Id: id }) => !known.has(id)),
      [],
    );
    await foreign.remove();
    await docker.getNetwork(name("foreign")).remove();
  });

  it("says at once that the daemon cannot be reached, and where it looked", async () => {
    const run = await stack.start(variant(["health"]), { DOCKER_HOST: "unix:///nowhere/docker.sock" }).finished;
    assert.notEqual(run.code, 0);
    assert.match(run.output, /failed to connect to any docker daemon/);
  });

  it("is destroyed without a remainder", async () => {
    const run = await stack.destroy();
    assert.equal(run.code, 0, run.output);
    assert.deepEqual(await leftovers(prefix), []);
  });

  it("refuses what a stand-in does not cover before anything is touched", async (context) => {
    const run = await stack.preview(variant(["uncovered"]));
    if (!run.output.includes("stand-in")) return context.skip("the official plugin is installed");
    assert.notEqual(run.code, 0);
    assert.match(run.output, /gpus: not covered/);
    assert.match(run.output, /volumes\[0\]\.fromContainer: not covered/);
  });
});
