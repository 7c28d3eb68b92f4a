import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ScenarioStack } from "./cli.ts";
import { broken } from "./expectations.ts";

/** What a tutorial's container has not thought of. */
const everyContainer = [
  "container-drop-all-capabilities",
  "container-grace-period",
  "container-healthcheck",
  "container-log-rotation",
  "container-memory-and-cpu-limit",
  "container-no-new-privileges",
  "container-nonroot-user",
  "container-process-limits",
  "container-readonly-rootfs",
  "container-restart-policy",
  "image-digest-pinned",
  "network-no-default-bridge",
];

describe("the generic half over a program that is not ours", { timeout: 300_000 }, () => {
  let stack: ScenarioStack;

  before(async () => {
    stack = await ScenarioStack.create("foreign");
  });
  after(async () => {
    await stack?.remove();
  });

  it("finds each mistake at its resource, by the resource's own name, and needs no label or config", async () => {
    const run = await stack.preview([], "policy/docker");
    const wanted = [
      ...["db", "web"].flatMap((name) => everyContainer.map((rule) => `${rule} at ${name}`)),
      "env-no-plaintext-secret at db",
      "random-credentials at db",
      "container-bind-readonly at web",
      "container-no-docker-socket at web",
      "container-no-sensitive-bind at web",
      // Not at db: nothing of it is fixed, for the provider makes its name.
      "container-replace-order at web",
      "ports-allowlist at web",
      "ports-explicit-bind at web",
    ];
    assert.deepEqual(broken(run), wanted.toSorted(), run.output);
    assert.equal(run.code, 1);
  });

  it("is content when each finding is mended as it says, with the one open door in the program's own policy config", async () => {
    const door = { role: "web", ports: ["8080/tcp"], reason: "the blog, behind this host's reverse proxy" };
    const run = await stack.preview(["hardened"], "policy/docker", { "ports-allowlist": { allowed: [door] } });
    assert.deepEqual(broken(run), [], run.output);
    assert.equal(run.code, 0, run.output);
  });
});
