import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { baseImage, leftovers, sweep } from "./daemon.ts";
import { Stack, type Run } from "./stack.ts";
import { testPrefix } from "../../scripts/sweep.ts";

const prefix = testPrefix("sbc-conf", "change");

/** What the engine plans for a resource whose arguments change. */
type Effect = "replace" | "update" | "none";
type Arguments = Readonly<Record<string, unknown>>;

interface Case {
  readonly type: string;
  /** What the case is about; also the resource's name. */
  readonly name: string;
  readonly from: Arguments;
  readonly to: Arguments;
  readonly effect: Effect;
  readonly replaceOnChanges?: string[];
}

const container = (
  effect: Effect,
  name: string,
  from: Arguments,
  to: Arguments,
  replaceOnChanges?: string[],
): Case => ({
  type: "container",
  name,
  from,
  to,
  effect,
  ...(replaceOnChanges && { replaceOnChanges }),
});
const label = (value: string): Arguments => ({ label: "a", value });
const health = (interval: string): Arguments => ({ tests: ["CMD", "true"], interval, timeout: "1s", retries: 1 });

const containers: readonly Case[] = [
  container("replace", "command", { command: ["sleep", "1"] }, { command: ["sleep", "2"] }),
  container("replace", "entrypoints", { entrypoints: ["sleep"] }, { entrypoints: ["bash"] }),
  container("replace", "envs", { envs: ["A=1"] }, { envs: ["A=2"] }),
  container("replace", "labels", { labels: [label("1")] }, { labels: [label("2")] }),
  container("replace", "user", { user: "1000" }, { user: "1001" }),
  container("replace", "hostname", { hostname: "a" }, { hostname: "b" }),
  container(
    "replace",
    "hosts",
    { hosts: [{ host: "a", ip: "10.93.0.1" }] },
    { hosts: [{ host: "a", ip: "10.93.0.2" }] },
  ),
  container("replace", "dns", { dns: ["10.93.0.1"] }, { dns: ["10.93.0.2"] }),
  container("replace", "ports", { ports: [{ internal: 80, external: 1 }] }, { ports: [{ internal: 80, external: 2 }] }),
  container("replace", "networkMode", { networkMode: "none" }, { networkMode: "bridge" }),
  container(
    "replace",
    "uploads",
    { uploads: [{ file: "/a", content: "1" }] },
    { uploads: [{ file: "/a", content: "2" }] },
  ),
  container(
    "replace",
    "uploadPermissions",
    { uploads: [{ file: "/a", content: "1", permissions: "0400" }] },
    { uploads: [{ file: "/a", content: "1", permissions: "0440" }] },
  ),
  container(
    "replace",
    "volumes",
    { volumes: [{ hostPath: "/tmp", containerPath: "/a" }] },
    { volumes: [{ hostPath: "/tmp", containerPath: "/a", readOnly: true }] },
  ),
  container(
    "replace",
    "mounts",
    { mounts: [{ type: "tmpfs", target: "/a", tmpfsOptions: { sizeBytes: 1048576 } }] },
    { mounts: [{ type: "tmpfs", target: "/a", tmpfsOptions: { sizeBytes: 2097152 } }] },
  ),
  container("replace", "readOnly", {}, { readOnly: true }),
  container("replace", "privileged", {}, { privileged: true }),
  container("replace", "capabilities", { capabilities: { drops: ["ALL"] } }, { capabilities: {} }),
  container("replace", "securityOpts", {}, { securityOpts: ["no-new-privileges"] }),
  container("replace", "groupAdds", { groupAdds: ["1"] }, { groupAdds: ["2"] }),
  container("replace", "sysctls", {}, { sysctls: { "net.core.somaxconn": "1000" } }),
  container("replace", "ulimits", {}, { ulimits: [{ name: "nofile", soft: 10, hard: 20 }] }),
  container("replace", "shmSize", { shmSize: 32 }, { shmSize: 64 }),
  container("replace", "cpus", { cpus: "0.5" }, { cpus: "1" }),
  container("replace", "logDriver", { logDriver: "json-file" }, { logDriver: "local" }),
  container("replace", "logOpts", {}, { logDriver: "json-file", logOpts: { "max-size": "1m" } }),
  container("replace", "stopSignal", { stopSignal: "SIGTERM" }, { stopSignal: "SIGINT" }),
  container("replace", "stopTimeout", { stopTimeout: 1 }, { stopTimeout: 2 }),
  container("replace", "workingDir", { workingDir: "/tmp" }, { workingDir: "/" }),
  container("replace", "name", { name: `${prefix}-old-name` }, { name: `${prefix}-new-name` }),

  container("update", "memory", { memory: 32 }, { memory: 64 }),
  container("update", "memorySwap", { memory: 32, memorySwap: 32 }, { memory: 32, memorySwap: 64 }),
  container("update", "memoryReservation", { memoryReservation: 16 }, { memoryReservation: 32 }),
  container("update", "cpuShares", { cpuShares: 512 }, { cpuShares: 1024 }),
  container("update", "cpuSet", { cpuSet: "0" }, { cpuSet: "" }),
  container("update", "restart", { restart: "no" }, { restart: "on-failure" }),
  container(
    "update",
    "maxRetryCount",
    { restart: "on-failure", maxRetryCount: 1 },
    { restart: "on-failure", maxRetryCount: 2 },
  ),
  container("update", "mustRun", {}, { mustRun: true }),
  container("update", "destroyGraceSeconds", { destroyGraceSeconds: 1 }, { destroyGraceSeconds: 2 }),
  container("update", "waitTimeout", { waitTimeout: 10 }, { waitTimeout: 20 }),

  // The provider changes these in the state alone, hence the list that a program needs.
  container("update", "healthcheck", { healthcheck: health("1s") }, { healthcheck: health("2s") }),
  container("update", "tmpfs", { tmpfs: { "/a": "size=1m" } }, { tmpfs: { "/a": "size=2m" } }),
  container("update", "init", { init: false }, { init: true }),
  container("replace", "healthcheckListed", { healthcheck: health("1s") }, { healthcheck: health("2s") }, [
    "healthcheck",
  ]),
  container("replace", "tmpfsListed", { tmpfs: { "/a": "size=1m" } }, { tmpfs: { "/a": "size=2m" } }, ["tmpfs"]),
  container("replace", "initListed", { init: false }, { init: true }, ["init"]),

  container("none", "nothing", { envs: ["A=1"] }, { envs: ["A=1"] }),
  container("none", "orderOfEnvs", { envs: ["A=1", "B=2"] }, { envs: ["B=2", "A=1"] }),
  container(
    "none",
    "orderOfLabels",
    { labels: [label("1"), { label: "b", value: "2" }] },
    { labels: [{ label: "b", value: "2" }, label("1")] },
  ),
  container("none", "explicitDefaults", {}, { readOnly: false, restart: "no", privileged: false, tty: false }),
  container("none", "emptyLists", {}, { dns: [], hosts: [], ulimits: [] }),
];

const network = (name: string, subnet: string, more: Arguments = {}): Arguments => ({
  name: `${prefix}-${name}`,
  ipamConfigs: [{ subnet }],
  ...more,
});
const others: readonly Case[] = [
  {
    type: "network",
    name: "subnet",
    from: network("subnet", "10.93.30.0/24"),
    to: network("subnet", "10.93.31.0/24"),
    effect: "replace",
  },
  {
    type: "network",
    name: "internal",
    from: network("internal", "10.93.32.0/24"),
    to: network("internal", "10.93.32.0/24", { internal: true }),
    effect: "replace",
  },
  {
    type: "network",
    name: "sameNetwork",
    from: network("same", "10.93.33.0/24"),
    to: network("same", "10.93.33.0/24", { attachable: false }),
    effect: "none",
  },
  {
    type: "volume",
    name: "volumeLabel",
    from: { name: `${prefix}-v`, labels: [label("1")] },
    to: { name: `${prefix}-v`, labels: [label("2")] },
    effect: "replace",
  },
  { type: "volume", name: "autonamedVolume", from: {}, to: {}, effect: "none" },
  {
    type: "image",
    name: "keepLocally",
    from: { name: baseImage, keepLocally: true },
    to: { name: baseImage, keepLocally: true, forceRemove: true },
    effect: "update",
  },
  {
    type: "image",
    name: "triggers",
    from: { name: baseImage, keepLocally: true, triggers: { a: "1" } },
    to: { name: baseImage, keepLocally: true, triggers: { a: "2" } },
    effect: "replace",
  },
  { type: "password", name: "passwordLength", from: { length: 20 }, to: { length: 21 }, effect: "replace" },
  {
    type: "password",
    name: "passwordKeepers",
    from: { length: 20, keepers: { a: "1" } },
    to: { length: 20, keepers: { a: "2" } },
    effect: "replace",
  },
  {
    type: "password",
    name: "passwordDefaults",
    from: { length: 20 },
    to: { length: 20, special: true },
    effect: "none",
  },
  {
    type: "id",
    name: "idPrefix",
    from: { byteLength: 4, prefix: "a" },
    to: { byteLength: 4, prefix: "b" },
    effect: "replace",
  },
  { type: "bytes", name: "bytesLength", from: { length: 16 }, to: { length: 32 }, effect: "replace" },
  {
    type: "key",
    name: "curve",
    from: { algorithm: "ECDSA", ecdsaCurve: "P256" },
    to: { algorithm: "ECDSA", ecdsaCurve: "P384" },
    effect: "replace",
  },
];

const cases = [...containers, ...others];

function resources(side: "from" | "to"): object {
  const base = { image: baseImage, command: ["true"], start: false, mustRun: false, networkMode: "none" };
  return {
    resources: cases.map((item) => ({
      name: item.name,
      type: item.type,
      args: item.type === "container" ? { ...base, name: `${prefix}-${item.name}`, ...item[side] } : item[side],
      options: { replaceOnChanges: item.replaceOnChanges },
    })),
  };
}

describe("a changed argument", { timeout: 150_000 }, () => {
  let stack: Stack;
  let changed: Run;

  before(async () => {
    stack = await Stack.create("changes");
    const first = await stack.up(resources("from"));
    assert.equal(first.code, 0, first.output);
    changed = await stack.preview(resources("to"));
    assert.equal(changed.code, 0, changed.output);
  });
  after(async () => {
    await sweep(prefix);
    await stack.remove();
  });

  for (const { type, name, effect } of cases) {
    it(`${type} ${name}: ${effect}`, () => assert.equal(effectOf(changed.steps.get(name)), effect));
  }

  it("leaves the stack as it is when it goes back", async () => {
    const run = await stack.preview(resources("from"), "--refresh", "--expect-no-changes");
    assert.equal(run.code, 0, run.output);
  });

  it("is gone with the stack", async () => {
    const run = await stack.destroy();
    assert.equal(run.code, 0, run.output);
    assert.deepEqual(await leftovers(prefix), []);
  });
});

function effectOf(steps: readonly string[] = []): string {
  if (steps.length === 0) return "none";
  return steps.some((step) => step.includes("replace")) ? "replace" : steps.join();
}
