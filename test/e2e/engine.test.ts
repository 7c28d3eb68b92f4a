import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ownEngineRuns, startEngine, stopEngine, type EngineFiles } from "../../scripts/engine.ts";
import { capture } from "../../scripts/run.ts";
import { engineSkipReason, testEngine } from "../support/engine.ts";

const options = { skip: engineSkipReason, timeout: 180_000 };

/** A second daemon beside the one that the other tests use: everything of its own, and no network. */
describe("an engine that the set-up starts", options, () => {
  let files: EngineFiles;
  let folder: string;
  const bridge = () => existsSync("/sys/class/net/docker0");
  const bridgeBefore = bridge();

  before(async () => {
    ({ folder, files } = await testEngine());
  });
  after(async () => {
    await stopEngine(files);
    // A daemon that is killed leaves its data folder mounted on itself; its containerd may be busy there for a moment.
    await until(() => capture("umount", [join(folder, "data")]).stderr.includes("not mounted"));
    await rm(folder, { recursive: true, force: true });
  });

  it("answers, and is left alone by a second start", async () => {
    await startEngine(files);
    const pid = await readFile(files.pidFile, "utf8");
    assert.equal(capture("docker", ["--host", `unix://${files.socket}`, "version"]).code, 0);
    await startEngine(files);
    assert.equal(await readFile(files.pidFile, "utf8"), pid);
  });

  it("starts again after it was killed hard, though its old numbers now belong to other processes", async () => {
    const containerdPid = join(files.execRoot, "containerd/containerd.pid");
    for (const file of [files.pidFile, containerdPid]) process.kill(Number(await readFile(file, "utf8")), "SIGKILL");
    await until(() => !ownEngineRuns(files));
    // This very process: alive, and no daemon.
    for (const file of [files.pidFile, files.foreignPidFile, containerdPid]) await writeFile(file, String(process.pid));

    await startEngine(files);

    assert.equal(capture("docker", ["--host", `unix://${files.socket}`, "version"]).code, 0);
    assert.notEqual(Number(await readFile(files.pidFile, "utf8")), process.pid);
  });

  it("ends when it is told to, and leaves no pid file", async () => {
    assert.match(await stopEngine(files), /^stopped the Docker Engine/);
    assert.equal(ownEngineRuns(files), false);
    assert.match(await stopEngine(files), /nothing to stop/);
  });

  it("leaves the host's own bridge alone", () => {
    assert.equal(bridge(), bridgeBefore);
  });

  it("is not started beside a daemon of somebody else that does not answer", async (t) => {
    const [other = ""] = capture("pgrep", ["-x", "dockerd"]).stdout.split("\n");
    if (other === "") return t.skip("no other dockerd runs here");
    await writeFile(files.foreignPidFile, other);
    await assert.rejects(startEngine(files), /was not started by this set-up/);
    await rm(files.foreignPidFile);
  });

  it("shows the end of its log when it cannot start", async () => {
    await mkdir(join(folder, "own"), { recursive: true });
    const broken = { ...files, args: [...files.args, "--storage-driver=nosuch"] };
    await assert.rejects(startEngine(broken), /dockerd ended at once; its log .* ends with:.*nosuch/s);
  });
});

async function until(done: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!done()) {
    assert.ok(Date.now() < deadline, "not within 20 s");
    await sleep(50);
  }
}
