import { setTimeout as sleep } from "node:timers/promises";
import type { Container, ContainerInspectInfo } from "dockerode";
import { IncompleteResource, resource, type Actual } from "../shared/resource.ts";
import { createOptions, resourceLimits, type ContainerInputs } from "./container-config.ts";
import { containerComputed, containerDrift, containerOutputs } from "./container-outputs.ts";
import { containerProblems, containerProperties } from "./container-properties.ts";
import { ask, docker, isAnswer } from "./daemon.ts";
import { pull } from "./image.ts";
import { portHolder } from "./port-holder.ts";
import { tarOf } from "./uploads.ts";

const healthPollMs = 200;
const jobPollMs = 2000;
/** How much of the log goes into the error when a job is cut short. */
const lastLines = 20;

/** A container: a service that keeps running, or a job whose end is awaited (`attach`). */
export const container = resource<ContainerInputs>({
  autoname: true,
  deleteBeforeReplace: "always",
  computed: containerComputed,
  properties: containerProperties,
  problems: containerProblems,

  // A container that died right after its creation is in the state as not running: the next update starts it.
  drifted: (inputs, outputs) => (outputs.mustRun === false && inputs.mustRun !== false ? ["mustRun"] : []),

  // A job whose end nobody saw (the daemon went away) has to run again.
  expired: ({ attach, start }, outputs) =>
    attach && start !== false && outputs.exitCode === undefined ? ["exitCode"] : [],

  async create(inputs, { signal }) {
    signal.throwIfAborted();
    const created = await createContainer(inputs, signal);
    try {
      await connectNetworks(created, inputs);
      await upload(created, inputs);
      signal.throwIfAborted();
      if (inputs.start !== false) await start(created, inputs);
    } catch (error) {
      throw await undone(created, inputs, error);
    }
    return settled(created, inputs, signal);
  },

  async read(id, inputs) {
    const info = await inspect(id, inputs.name);
    if (info === undefined) return undefined;
    return { id, outputs: containerOutputs(inputs, info), drift: containerDrift(inputs, info) };
  },

  async update(id, inputs, oldInputs, { signal }) {
    const existing = (await docker()).getContainer(id);
    const what = `unable to update container ${inputs.name}`;
    const info = await ask(what, () => existing.inspect());
    if (inPlace.some((name) => inputs[name] !== oldInputs[name])) {
      const policy = { Name: inputs.restart ?? "no", MaximumRetryCount: inputs.maxRetryCount ?? 0 };
      await ask(what, () => existing.update({ ...resourceLimits(inputs), RestartPolicy: policy }));
    }
    if (!info.State.Running && inputs.mustRun !== false && inputs.start !== false) await start(existing, inputs);
    // Also what the engine asks for when an earlier creation did not become healthy: look again.
    if (inputs.wait && !inputs.attach) await orIncomplete(existing, inputs, () => healthy(existing, inputs, signal));
    return outputsOf(existing, inputs);
  },

  async delete(id, inputs) {
    const existing = (await docker()).getContainer(id);
    const ignoring = async (work: Promise<unknown>, ...statusCodes: number[]): Promise<void> => {
      await work.catch((error: unknown) => {
        if (!isAnswer(error, ...statusCodes)) throw error;
      });
    };
    if (!inputs.attach) {
      // Without a grace period the official provider kills at once, whatever `stopTimeout` says.
      const seconds = inputs.destroyGraceSeconds ?? 0;
      await ignoring(
        ask(`unable to stop container ${inputs.name}`, () => existing.stop({ t: seconds })),
        304,
        404,
      );
    }
    const options = { force: true, v: inputs.removeVolumes ?? true };
    // 409: a container with `rm` is already on its way out.
    await ignoring(
      ask(`unable to remove container ${inputs.name}`, () => existing.remove(options)),
      404,
      409,
    );
    while ((await inspect(id, inputs.name)) !== undefined) await sleep(healthPollMs);
  },
});

const inPlace = [
  "restart",
  "maxRetryCount",
  "memory",
  "memoryReservation",
  "memorySwap",
  "cpuShares",
  "cpuSet",
] as const;

async function createContainer(inputs: ContainerInputs, signal: AbortSignal): Promise<Container> {
  const what = `unable to create container ${inputs.name}`;
  const options = createOptions(inputs);
  try {
    return await ask(what, (client) => client.createContainer(options));
  } catch (error) {
    if (isAnswer(error, 409) && error.answer.includes("already in use")) {
      throw new Error(
        `${what}: a container of that name exists and is not in this stack's state (left by a run that was cut short, ` +
          `or made by hand); remove it with: docker rm --force ${inputs.name}`,
        { cause: error },
      );
    }
    if (!isAnswer(error, 404) || !error.answer.includes("No such image")) throw error;
    await pull(inputs.image, undefined, signal);
    return ask(what, (client) => client.createContainer(options));
  }
}

async function connectNetworks(created: Container, { name, networksAdvanced = [] }: ContainerInputs): Promise<void> {
  if (networksAdvanced.length === 0) return;
  await ask(`unable to disconnect container ${name} from the default network`, (client) =>
    client.getNetwork("bridge").disconnect({ Container: created.id }),
  ).catch((error: unknown) => {
    if (!isAnswer(error, 403, 404, 500) || !error.answer.includes("is not connected")) throw error;
  });
  for (const { name: network, aliases, ipv4Address, ipv6Address } of networksAdvanced) {
    await ask(`unable to connect container ${name} to network ${network}`, (client) =>
      client.getNetwork(network).connect({
        Container: created.id,
        EndpointConfig: {
          Aliases: aliases,
          IPAMConfig: { IPv4Address: ipv4Address ?? "", IPv6Address: ipv6Address ?? "" },
        },
      }),
    );
  }
}

async function upload(created: Container, { name, uploads = [] }: ContainerInputs): Promise<void> {
  if (uploads.length === 0) return;
  const archive = await tarOf(uploads);
  await ask(`unable to upload files into container ${name}`, () => created.putArchive(archive, { path: "/" }));
}

async function start(created: Container, { name }: ContainerInputs): Promise<void> {
  try {
    await ask(`unable to start container ${name}`, () => created.start());
  } catch (error) {
    if (isAnswer(error, 304)) return;
    const holder = isAnswer(error, 500) ? await portHolder(error.answer).catch(() => undefined) : undefined;
    throw holder === undefined || !(error instanceof Error) ? error : new Error(`${error.message}; ${holder}`);
  }
}

/** Waits until a started container is what was asked for: healthy, or finished when it is a job. */
async function settled(
  created: Container,
  inputs: ContainerInputs,
  signal: AbortSignal,
): Promise<Actual<ContainerInputs>> {
  if (inputs.start === false) return { id: created.id, outputs: await outputsOf(created, inputs) };
  const logs = await orIncomplete(created, inputs, async () => {
    try {
      if (inputs.wait) await healthy(created, inputs, signal);
      return inputs.attach ? await finished(created, inputs, signal) : undefined;
    } catch (error) {
      if (!signal.aborted) throw error;
      // What was cut short must not be left half made. A removal that fails as well is told to the engine instead.
      const log = inputs.logs ? await readLog(created, inputs, lastLines).catch(() => "") : "";
      const reason = signal.reason instanceof Error ? signal.reason.message : String(signal.reason);
      throw await undone(created, inputs, new Error(log === "" ? reason : `${reason}; its log ended with:\n${log}`));
    }
  });
  const outputs = await orIncomplete(created, inputs, () => outputsOf(created, inputs));
  return { id: created.id, outputs: { ...outputs, ...(logs !== undefined && { containerLogs: logs }) } };
}

async function healthy(created: Container, inputs: ContainerInputs, signal: AbortSignal): Promise<void> {
  const { name, waitTimeout = 60, restart = "no" } = inputs;
  const deadline = Date.now() + waitTimeout * 1000;
  for (;;) {
    const { State: state } = await ask(`unable to inspect container ${name}`, () => created.inspect());
    const health = state.Health;
    if (health?.Status === "healthy") return;
    const failure = `container ${name} failed to be in healthy state`;
    if (!state.Running && restart === "no") throw new Error(`${failure}: it exited with code ${state.ExitCode}`);
    if (health === undefined && state.Running) {
      throw new Error(`container ${name} has \`wait\` but neither it nor its image has a healthcheck`);
    }
    if (Date.now() >= deadline) {
      const probe = health?.Log?.at(-1);
      const last =
        probe === undefined ? "" : `; last probe: exit code ${probe.ExitCode}, ${probe.Output.trim().slice(0, 200)}`;
      throw new Error(`${failure} within ${waitTimeout} s; see: docker logs ${name}${last}`);
    }
    await sleep(healthPollMs, undefined, { signal });
  }
}

/** Waits for a job's end and returns its log, if the caller wants it. A failed job is no error here: see `exitCode`. */
async function finished(created: Container, inputs: ContainerInputs, signal: AbortSignal): Promise<string | undefined> {
  const ended = new AbortController();
  try {
    const either = AbortSignal.any([signal, ended.signal]);
    await ask(`unable to wait for container ${inputs.name}`, () =>
      Promise.race([created.wait({ condition: "not-running", abortSignal: either }), stopped(created, either)]),
    );
  } finally {
    ended.abort();
  }
  return inputs.logs ? readLog(created, inputs) : undefined;
}

/** Both streams of a container's log, or their last lines. */
async function readLog(created: Container, { name, tty }: ContainerInputs, tail?: number): Promise<string> {
  const raw = await ask(`unable to read the log of container ${name}`, () =>
    created.logs({ follow: false, stdout: true, stderr: true, ...(tail !== undefined && { tail }) }),
  );
  return tty ? raw.toString("utf8") : demultiplexed(raw);
}

/** Looks now and then: a daemon that was restarted under a waiting job has forgotten who waits for it. */
async function stopped(created: Container, signal: AbortSignal): Promise<void> {
  do await sleep(jobPollMs, undefined, { signal });
  while ((await created.inspect()).State.Running);
}

/** The text of a log in Docker's framing: one byte for the stream, three of padding, four for the length. */
function demultiplexed(raw: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= raw.length;) {
    const end = at + 8 + raw.readUInt32BE(at + 4);
    parts.push(raw.subarray(at + 8, end));
    at = end;
  }
  return Buffer.concat(parts).toString("utf8");
}

/** Runs `work`; if it fails while the container exists, the engine is told of the container with the failure. */
async function orIncomplete<T>(existing: Container, inputs: ContainerInputs, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof IncompleteResource || error instanceof Undone) throw error;
    const outputs = await outputsOf(existing, inputs).catch(() => ({}));
    throw new IncompleteResource(existing.id, outputs, error instanceof Error ? error.message : String(error));
  }
}

/** A creation that failed and left nothing behind. */
class Undone extends Error {}

/** Removes what a failed creation made. The error to throw: the cause, or one that tells of what could not be removed. */
async function undone(created: Container, { name }: ContainerInputs, cause: unknown): Promise<Error> {
  const reason = cause instanceof Error ? cause.message : String(cause);
  try {
    await ask(`unable to remove container ${name}`, () => created.remove({ force: true, v: true }));
    return new Undone(`${reason}; container ${name} was removed again`);
  } catch (error) {
    if (isAnswer(error, 404)) return new Undone(reason);
    const removal = error instanceof Error ? error.message : String(error);
    return new IncompleteResource(created.id, {}, `${reason}; ${removal}`);
  }
}

async function outputsOf(existing: Container, inputs: ContainerInputs): Promise<Record<string, unknown>> {
  const info = await ask(`unable to inspect container ${inputs.name}`, () => existing.inspect());
  return containerOutputs(inputs, info);
}

async function inspect(id: string, name: string): Promise<ContainerInspectInfo | undefined> {
  try {
    return await ask(`unable to inspect container ${name}`, (client) => client.getContainer(id).inspect());
  } catch (error) {
    if (isAnswer(error, 404)) return undefined;
    throw error;
  }
}
