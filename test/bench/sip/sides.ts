import assert from "node:assert/strict";
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";
import { parseConfig } from "../../../components/config-parse.ts";
import { edgePolicy } from "../../../components/subscribers.ts";
import { kamailioRuntime } from "../../../configs/kamailio/index.ts";
import { database } from "../../../configs/mariadb/index.ts";
import { UserError } from "../../../scripts/run.ts";
import { waitFor } from "../../sip/agent.ts";
import { docker } from "../../sip/docker.ts";
import { TestContainer } from "../../support/container.ts";
import { databaseSecrets, query, runDatabaseJob, startDatabase } from "../../support/database.ts";
import { edgeArgs, edgeRelay, edgeRows, nodeAddress, rtpengineContainer, TestEdge } from "../../support/edge.ts";
import { ensureDefaultKamailioImage, ensureImage } from "../../support/images.ts";
import { testPrefix } from "../../../scripts/sweep.ts";
import { baselineLocal, baselineScript, baselineSql, type BaselineSettings } from "./baseline.ts";
import { generatorAddress, LoadGenerator, type LoadOptions, type LoadResult } from "./load.ts";

/** Subscribers of each edge that is measured. */
export const subscribers = 10_000;
/** Shared memory of both, in MiB: the defaults end at a few hundred calls per second, by memory and not by work. */
const sharedMemoryMb = 512;
const { domain, address } = edgeArgs;

/** A Kamailio with its database and a load generator, all on one loopback device of their own. */
export interface Side extends AsyncDisposable {
  readonly name: "ours" | "lean" | "default";
  readonly load: LoadGenerator;
  readonly kamailio: TestContainer;
  readonly mariadb: TestContainer;
  /** Records in the database of all calls of a run. */
  records(run: LoadResult): Promise<number>;
  /** How many records each ended call has to have. */
  readonly recordsPerCall: number;
  /** Milliseconds after which what has been registered is in the database: more than the interval of the timer that writes. */
  readonly writeBackMs: number;
  /** Registrations in the database that are younger than so many seconds. */
  registrationsWritten(seconds: number): Promise<number>;
}

/** Rows of an edge of the stack for the load: limits of calls are looked up, and high; each subscriber has a password of its own. */
export function loadRows(): string {
  const limits = JSON.stringify({ maxCalls: 1_000_000, callsPerSecond: 100_000 });
  const parsed = parseConfig({ domain, protection: limits }, "bench", () => false);
  assert.ok("config" in parsed, "problems" in parsed ? parsed.problems : "");
  const rows = edgeRows({
    subscribers: [],
    addresses: [generatorAddress, nodeAddress].map((cidr) => ({ cidr, group: "unlimited" as const })),
    policy: edgePolicy(parsed.config),
  });
  const ha1 = (hash: (text: string) => string) => hash(`CONCAT('u', seq, ':${domain}:pw-u', seq)`);
  return `${rows}INSERT INTO subscriber (username, domain, ha1, ha1_sha256) SELECT CONCAT('u', seq), '${domain}',
    ${ha1((text) => `MD5(${text})`)}, ${ha1((text) => `SHA2(${text}, 256)`)} FROM seq_1_to_${subscribers};\n`;
}

/** The edge as the stack renders it, all protections, dialogs and records on; limits of calls are looked up, and high. */
export const startOurs = (): Promise<Side> => startEdge("ours", {});

/** The same without what only trunks that ask for a password need. */
export const startLean = (): Promise<Side> => startEdge("lean", { trunkLogins: false });

async function startEdge(name: "ours" | "lean", args: Parameters<typeof TestEdge.start>[0]): Promise<Side> {
  const edge = await TestEdge.start({ publicAddress: address, sharedMemoryMb, ...args }, loadRows());
  for (const container of [edge.kamailio, edge.mariadb, edge.rtpengine]) container.release();
  const load = await generator(name, edge.rtpengine);
  await shareCores({ measured: [edge.kamailio, edge.mariadb], outside: [{ name: load.container }] });
  return {
    name,
    load,
    kamailio: edge.kamailio,
    mariadb: edge.mariadb,
    recordsPerCall: 1,
    records: (run) => count(edge.mariadb, "acc_cdrs", run),
    writeBackMs: 2000,
    registrationsWritten: (seconds) => registrations(edge.mariadb, seconds),
    async [Symbol.asyncDispose]() {
      await load[Symbol.asyncDispose]();
      await edge[Symbol.asyncDispose]();
    },
  };
}

/** Kamailio's default configuration, in the same images. */
export async function startDefault(): Promise<Side> {
  const settings: BaselineSettings = {
    address,
    domain,
    databaseUrl: `mysql://${database.users.kamailio}:${databaseSecrets.kamailioPassword}@127.0.0.1:${database.port}/${database.name}`,
    unlimited: [generatorAddress, nodeAddress],
    gateway: { address: nodeAddress, port: 5060 },
    rtpengine: edgeRelay,
  };
  const packaged = await docker([
    ...["run", "--rm", "--network", "none", "--entrypoint", "cat"],
    ...[await ensureDefaultKamailioImage(), "/usr/share/kamailio-default/kamailio.cfg"],
  ]);
  const started = new AsyncDisposableStack();
  try {
    const rtpengine = started.use(await rtpengineContainer(edgeRelay.address));
    const mariadb = started.use(await startDatabase({ network: rtpengine }));
    const job = await runDatabaseJob(mariadb, "", { steps: ["schema"] });
    assert.equal(job.exitCode, 0, job.output);
    const made = await query(
      mariadb,
      `${baselineSql(database.users.kamailio)}
      INSERT INTO subscriber (username, domain, password) SELECT CONCAT('u', seq), '${domain}', CONCAT('pw-u', seq) FROM seq_1_to_${subscribers};`,
    );
    assert.equal(made.exitCode, 0, made.error);
    const { uid, tmpfs } = kamailioRuntime(edgeArgs);
    const shared = ["-m", String(sharedMemoryMb), "-M", "16"];
    const kamailio = started.use(
      TestContainer.start({
        role: "kamailio-default",
        image: await ensureImage("kamailio"),
        files: {
          "/etc/kamailio": {
            "kamailio.cfg": baselineScript(packaged, settings),
            "kamailio-local.cfg": baselineLocal(settings),
          },
        },
        tmpfs,
        command: ["/usr/sbin/kamailio", "-DD", "-E", ...shared, "-f", "/etc/kamailio/kamailio.cfg"],
        uid,
        memoryMb: sharedMemoryMb + 160,
        network: rtpengine,
      }),
    );
    await kamailio.healthy(["CMD", "kamcmd", "-s", controlSocket, "core.uptime"]);
    for (const container of [kamailio, mariadb, rtpengine]) container.release();
    const load = started.use(await generator("default", rtpengine));
    await shareCores({ measured: [kamailio, mariadb], outside: [{ name: load.container }] });
    return {
      name: "default",
      load,
      kamailio,
      mariadb,
      // INVITE and BYE.
      recordsPerCall: 2,
      records: (run) => count(mariadb, "acc", run),
      // The packaged file's timer; nothing else can make it write: only that timer's process has a connection for it.
      writeBackMs: 63_000,
      registrationsWritten: (seconds) => registrations(mariadb, seconds),
      [Symbol.asyncDispose]: () => started.disposeAsync(),
    };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

/** SIPp beside an edge, on the network of its containers. */
export const generator = (side: string, network: TestContainer): Promise<LoadGenerator> =>
  LoadGenerator.start(
    testPrefix("sbc-bench", `load-${side}`),
    network.name,
    { address, domain },
    { count: subscribers, node: nodeAddress },
  );

/**
 * The first core is for what is measured, the others are for SIPp and what else stands outside: else they would share what the quicker side leaves,
 * and its rate be SIPp's.
 */
export async function shareCores({
  measured,
  outside,
}: Record<"measured" | "outside", readonly { readonly name: string }[]>): Promise<void> {
  const last = cpus().length - 1;
  if (last === 0)
    throw new UserError("bench: one core for the edge and another for the load are needed, this machine has one");
  for (const { name } of measured) await docker(["update", "--cpuset-cpus", "0", name]);
  for (const { name } of outside) await docker(["update", "--cpuset-cpus", last === 1 ? "1" : `1-${last}`, name]);
}

async function registrations(mariadb: TestContainer, seconds: number): Promise<number> {
  const { rows } = await query(
    mariadb,
    `SELECT COUNT(*) FROM location WHERE last_modified > NOW() - INTERVAL ${seconds} SECOND`,
  );
  return Number(rows[0]);
}

async function count(mariadb: TestContainer, table: string, { id }: LoadResult): Promise<number> {
  const { rows } = await query(mariadb, `SELECT COUNT(*) FROM ${table} WHERE callid LIKE '%-${id}@%'`);
  return Number(rows[0]);
}

const engine = new Docker();

interface Usage {
  /** Microseconds of processor time since the container's start. */
  cpu: number;
  /** Bytes that are not file cache. */
  memory: number;
}

/** What the kernel has counted for a container. Asked of the engine: a command in the container would be counted with it. */
export async function usage(container: { readonly name: string }): Promise<Usage> {
  const stats = (await engine.getContainer(container.name).stats({ stream: false, "one-shot": true })) as {
    cpu_stats: { cpu_usage: { total_usage: number } };
    memory_stats: { usage: number; stats: Record<string, number> };
  };
  const { usage: all, stats: kinds } = stats.memory_stats;
  return {
    cpu: stats.cpu_stats.cpu_usage.total_usage / 1000,
    memory: all - (kinds["total_inactive_file"] ?? kinds["inactive_file"] ?? 0),
  };
}

/** Processor time in microseconds of Kamailio and its database while `action` runs, and how long that took. */
export async function processorTime<T>(
  { kamailio, mariadb }: Side,
  action: () => Promise<T>,
): Promise<{ result: T; kamailio: number; mariadb: number; seconds: number }> {
  const started = performance.now();
  const before = await Promise.all([usage(kamailio), usage(mariadb)]);
  const result = await action();
  const after = await Promise.all([usage(kamailio), usage(mariadb)]);
  const seconds = (performance.now() - started) / 1000;
  return { result, kamailio: after[0].cpu - before[0].cpu, mariadb: after[1].cpu - before[1].cpu, seconds };
}

/** Microseconds of processor time that a side takes each second while it has nothing to do. */
export async function idleTime(side: Side): Promise<number> {
  const { kamailio, mariadb, seconds } = await processorTime(side, () => sleep(10_000));
  return (kamailio + mariadb) / seconds;
}

/** A run in which nothing may fail. */
export async function checked(
  side: Pick<Side, "load"> & { readonly name: string },
  options: LoadOptions,
): Promise<LoadResult> {
  const run = await side.load.run(options);
  if (run.failed > 0) {
    throw new UserError(
      `bench: ${run.failed} of ${options.rate * options.seconds} ${options.scenario}s failed at ${options.rate}/s (${side.name})`,
    );
  }
  return run;
}

/**
 * Whether a side stands a load: nothing fails, and nothing has to be sent again because no answer came within half a second. Where that
 * was so of less than one in a hundred it is tried again: the machine may have been away for a moment.
 */
export async function holds(
  side: Side,
  options: LoadOptions,
  then: (run: LoadResult) => Promise<void> = () => Promise.resolve(),
): Promise<boolean> {
  for (let tries = 0; tries < 2; tries++) {
    const run = await side.load.run(options);
    const held = run.failed === 0 && run.retransmissions === 0 && run.achieved >= 0.9 * options.rate;
    if (held) await then(run);
    await settled(side);
    if (held) return true;
    if (run.failed + run.retransmissions > (options.rate * options.seconds) / 100) return false;
  }
  return false;
}

const controlSocket = "unix:/run/kamailio/kamailio_ctl";

/** A command of the control socket. */
export async function control({ kamailio }: Pick<Side, "kamailio">, ...command: readonly string[]): Promise<string> {
  const { stdout } = await kamailio.exec(["kamcmd", "-s", controlSocket, ...command]);
  return stdout.toString("utf8");
}

/** Waits until the transactions of the last run are gone, all but a few OPTIONS of the edge itself: the next one begins with the same memory as the first. */
export function settled(side: Pick<Side, "kamailio"> & { readonly name: string }): Promise<void> {
  return waitFor(
    `${side.name} without transactions`,
    async () => /current: [0-4]$/m.test(await control(side, "tm.stats")),
    60_000,
  );
}

/** Bytes of shared memory that are in use. */
export async function sharedMemory(side: Side): Promise<number> {
  const used = Number(/used: (\d+)/.exec(await control(side, "core.shmmem"))?.[1]);
  if (!Number.isFinite(used)) throw new Error("Kamailio does not say how much shared memory is in use");
  return used;
}

export const kib = (bytes: number) => `${(bytes / 1024).toFixed(0)} KiB`;
