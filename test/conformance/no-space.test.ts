import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { startEngine, stopEngine, type EngineFiles } from "../../scripts/engine.ts";
import { capture, must } from "../../scripts/run.ts";
import { engineSkipReason, testEngine } from "../support/engine.ts";
import { Stack } from "./stack.ts";
import { testPrefix } from "../../scripts/sweep.ts";

const options = { skip: engineSkipReason, timeout: 120_000 };
const image = `${testPrefix("sbc-conf", "space")}:test`;

/** A daemon of its own, whose data root is a file system of 24 MiB. */
describe("an image build on a full disk", options, () => {
  let folder: string;
  let data: string;
  let files: EngineFiles;
  let stack: Stack;

  before(async () => {
    ({ folder, data, files } = await testEngine());
    await mkdir(data);
    must("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", data]);
    await startEngine(files);
    stack = await Stack.create("build");
    await stack.write("context/Dockerfile", "FROM scratch\nCOPY large /\n");
    await stack.write("context/large", "x".repeat(32 * 1024 * 1024));
  });
  after(async () => {
    await stack.remove();
    await stopEngine(files);
    for (const mount of [data, data]) capture("umount", ["--lazy", mount]);
    await rm(folder, { recursive: true, force: true });
  });

  const up = () => stack.start({ image }, { DOCKER_HOST: `unix://${files.socket}` }).finished;

  it("fails with the image's name and the reason, and leaves nothing in the state", async () => {
    const run = await up();
    assert.notEqual(run.code, 0);
    assert.match(run.output, /no space left on device/);
    assert.match(run.output, new RegExp(image));
    assert.equal((await stack.state()).resources.has("built"), false);
  });

  it("goes on with the next up once there is room", async () => {
    must("mount", ["-o", "remount,size=256m", data]);
    const run = await up();
    assert.equal(run.code, 0, run.output);
    assert.deepEqual(run.steps.get("built"), ["create"]);
  });
});
