import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { baseImage, docker, leftovers, sweep } from "./daemon.ts";
import { advise } from "../../scripts/stack.ts";
import { Stack, type Run } from "./stack.ts";
import { testPrefix } from "../../scripts/sweep.ts";

const prefix = testPrefix("sbc-conf", "life");
const variant = { prefix, image: baseImage, memory: 64, restart: "no" };

describe("a stack from its first up to its destruction", { timeout: 400_000 }, () => {
  let stack: Stack;
  let first: Run;
  let outputs: Readonly<Record<string, unknown>>;

  before(async () => {
    stack = await Stack.create("lifecycle");
    await stack.write("context/Dockerfile", `FROM ${baseImage}\nARG WORD\nRUN printf %s\\\\n "$WORD" > /etc/word\n`);
    first = await stack.up(variant);
    assert.equal(first.code, 0, first.output);
    outputs = await stack.outputs();
  });
  after(async () => {
    await sweep(prefix);
    await stack.remove();
  });

  it("puts uploads in place before the first process, with content, mode and owner", () => {
    const logs = String(outputs.jobLogs);
    assert.match(logs, /^\/in\/secret 400 1000:2000$/m);
    assert.match(logs, /^\/in\/text 644 0:0$/m);
    assert.match(logs, /^\/in\/binary 644 0:0$/m);
    assert.match(logs, /^\/in\/tool 744 0:0$/m);
    assert.match(logs, /^text\nbinary$/m);
  });

  it("builds an image with its build arguments", () => assert.match(String(outputs.jobLogs), /^built$/m));

  it("waits for a job, exposes its exit code and keeps both streams of its log", () => {
    assert.equal(outputs.jobExit, 0);
    assert.match(String(outputs.jobLogs), /^to-stderr$/m);
  });

  it("does not take a job's failure for its own", () => {
    assert.equal(outputs.failingExit, 3);
    assert.equal(outputs.failingLogs, "reason\n");
  });

  it("starts a dependent only after the job has ended", async () => {
    const [job, service] = await Promise.all(["job", "service"].map(inspect));
    assert.ok(job && service);
    assert.ok(Date.parse(job.State.FinishedAt) <= Date.parse(service.State.StartedAt));
  });

  it("gives a container the addresses, limits and restrictions that were asked for", async () => {
    const { HostConfig: host, NetworkSettings: settings, State: state } = await inspect("service");
    assert.equal(state.Health?.Status, "healthy");
    const addresses = Object.entries(settings.Networks).map(([name, { IPAddress }]) => [name, IPAddress]);
    assert.deepEqual(Object.fromEntries(addresses), {
      [`${prefix}-net`]: "10.93.10.2",
      [`${prefix}-inner`]: "10.93.11.2",
    });
    assert.deepEqual(settings.Networks[`${prefix}-net`]?.Aliases?.includes("edge"), true);
    assert.equal(host.ReadonlyRootfs, true);
    assert.deepEqual(host.CapDrop, ["ALL"]);
    assert.deepEqual(host.CapAdd, ["CAP_NET_BIND_SERVICE"]);
    assert.deepEqual(host.SecurityOpt, ["no-new-privileges"]);
    assert.deepEqual([host.Memory, host.MemorySwap], [64 * 2 ** 20, 64 * 2 ** 20]);
    assert.equal(host.NanoCpus, 500_000_000);
    assert.deepEqual(host.Tmpfs, { "/run/state": "uid=1000,gid=1000,mode=0750,size=4m" });
    assert.deepEqual(host.LogConfig, { Type: "json-file", Config: { "max-size": "1m", "max-file": "2" } });
    assert.deepEqual(host.ExtraHosts, ["peer:10.93.10.9"]);
    const ulimit = host.Ulimits?.map(({ Name, Soft, Hard }) => ({ Name, Soft, Hard }));
    assert.deepEqual(ulimit, [{ Name: "nofile", Soft: 1000, Hard: 2000 }]);
  });

  it("issues certificates that verify and carry every name", () => {
    const [certificate, ca] = [
      new X509Certificate(String(outputs.certPem)),
      new X509Certificate(String(outputs.caPem)),
    ];
    assert.ok(certificate.verify(ca.publicKey));
    assert.ok(certificate.checkIssued(ca));
    assert.equal(certificate.subjectAltName, "DNS:edge.example, IP Address:10.93.10.2, URI:sip:edge.example");
    assert.ok(ca.ca && !certificate.ca);
    assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
  });

  it("keeps secrets out of the state and of what it prints", async () => {
    const { text } = await stack.state();
    const secrets = [outputs.secretPassword, outputs.secretHash, String(outputs.secretKeyPem).split("\n")[1]];
    for (const secret of secrets) {
      assert.ok(typeof secret === "string" && secret.length > 20);
      assert.ok(!text.includes(secret), "a secret is in the exported state");
      assert.ok(!first.output.includes(secret), "a secret was printed");
    }
  });

  it("is out of reach of another passphrase, with advice what to do, and is left as it is", async () => {
    const before = await stack.state();
    const run = await stack.start(variant, { PULUMI_CONFIG_PASSPHRASE: "another" }).finished;
    assert.notEqual(run.code, 0);
    assert.match(advise(run.output) ?? `no advice for\n${run.output}`, /Put the right one back/);
    assert.deepEqual((await stack.state()).resources, before.resources);
  });

  it("finds nothing to do the second time, with a refresh too", async () => {
    const preview = await stack.preview(variant, "--refresh", "--expect-no-changes");
    assert.equal(preview.code, 0, preview.output);
    const again = await stack.up(variant, "--expect-no-changes");
    assert.equal(again.code, 0, again.output);
  });

  it("changes limits and the restart policy of a running container in place", async () => {
    const { Id: id, State: state } = await inspect("service");
    const changed = { ...variant, memory: 96, restart: "unless-stopped" };
    const run = await stack.up(changed);
    assert.equal(run.code, 0, run.output);
    assert.deepEqual(Object.fromEntries(run.steps), { service: ["update"] });
    const { Id: newId, HostConfig: host, State: newState } = await inspect("service");
    assert.deepEqual([newId, newState.StartedAt], [id, state.StartedAt]);
    assert.deepEqual([host.Memory, host.RestartPolicy?.Name], [96 * 2 ** 20, "unless-stopped"]);
  });

  it("repairs what was removed or stopped behind its back, and nothing else", async () => {
    const changed = { ...variant, memory: 96, restart: "unless-stopped" };
    await Promise.all([
      docker.getContainer(`${prefix}-service`).remove({ force: true }),
      docker.getContainer(`${prefix}-stoppable`).stop({ t: 0 }),
      docker.getVolume(`${prefix}-spare`).remove(),
      docker.getNetwork(`${prefix}-spare`).remove(),
    ]);
    const run = await stack.up(changed, "--refresh");
    assert.equal(run.code, 0, run.output);
    const { State: state } = await inspect("stoppable");
    assert.ok(state.Running);
    assert.deepEqual(Object.fromEntries(run.steps), {
      service: ["create"],
      stoppable: ["update"],
      spareVolume: ["create"],
      spareNetwork: ["create"],
    });
    const preview = await stack.preview(changed, "--refresh", "--expect-no-changes");
    assert.equal(preview.code, 0, preview.output);
  });

  it("leaves nothing behind", async () => {
    const run = await stack.destroy();
    assert.equal(run.code, 0, run.output);
    assert.deepEqual(await leftovers(prefix), []);
  });
});

function inspect(thing: string) {
  return docker.getContainer(`${prefix}-${thing}`).inspect();
}
