import { existsSync, readdirSync } from "node:fs";
import { isAbsolute, join, normalize } from "node:path";
import type { RemoteImageArgs } from "@pulumi/docker";
import type { ImageInspectInfo } from "dockerode";
import type { Plain } from "../shared/properties.ts";
import { resource, type Problem } from "../shared/resource.ts";
import { isUnknown } from "../shared/unknown.ts";
import { ask, docker, isAnswer } from "./daemon.ts";

type Inputs = Plain<RemoteImageArgs>;
type Build = NonNullable<Inputs["build"]>;

/** How much of a failed build's output the error carries. */
const shownBuildLines = 30;

/** An image that is built from a folder, or pulled when it is not there. */
export const remoteImage = resource<Inputs>({
  computed: ["imageId", "repoDigest"],
  properties: {
    name: { change: "replace", covers: true },
    platform: { change: "replace", covers: true, default: "" },
    triggers: { change: "replace", covers: true },
    pullTriggers: { change: "replace", covers: true, set: true },
    keepLocally: { change: "update", covers: true, default: false },
    forceRemove: { change: "update", covers: true, default: false },
    build: {
      change: "replace",
      covers: {
        context: true,
        dockerfile: true,
        buildArgs: true,
        labels: true,
        target: true,
        noCache: true,
        pullParent: true,
        networkMode: true,
        platform: true,
        remove: true,
        forceRemove: true,
        // Accepted either way: the stand-in always uses the daemon's classic builder.
        useLegacyBuilder: true,
        additionalContexts: false,
        authConfigs: false,
        buildId: false,
        buildLogFile: false,
        builder: false,
        cacheFroms: false,
        cacheTos: false,
        cgroupParent: false,
        cpuPeriod: false,
        cpuQuota: false,
        cpuSetCpus: false,
        cpuSetMems: false,
        cpuShares: false,
        extraHosts: false,
        isolation: false,
        label: false,
        memory: false,
        memorySwap: false,
        provenance: false,
        remoteContext: false,
        sbom: false,
        secrets: false,
        securityOpts: false,
        sessionId: false,
        shmSize: false,
        squash: false,
        suppressOutput: false,
        tags: false,
        ulimits: false,
        version: false,
      },
    },
  },

  problems({ build, pullTriggers }): readonly Problem[] {
    if (build === undefined || isUnknown(build)) return [];
    if (pullTriggers !== undefined) return [{ property: "pullTriggers", reason: "conflicts with `build`" }];
    const { context, dockerfile = "Dockerfile" } = build;
    if (isUnknown(context) || isUnknown(dockerfile)) return [];
    if (isAbsolute(dockerfile) || normalize(dockerfile).startsWith("..")) {
      return [{ property: "build.dockerfile", reason: "a Dockerfile outside of the context is not covered" }];
    }
    const path = join(context, dockerfile);
    return existsSync(path) ? [] : [{ property: "build.dockerfile", reason: `dockerfile not found at ${path}` }];
  },

  async create(inputs, { signal }) {
    signal.throwIfAborted();
    if (inputs.build !== undefined) await build(inputs.name, inputs.build, signal);
    return state(inputs.name, (await inspect(inputs.name)) ?? (await pull(inputs.name, inputs.platform, signal)));
  },

  async read(_id, { name }) {
    const image = await inspect(name);
    return image === undefined ? undefined : state(name, image);
  },

  async delete(_id, { name, keepLocally, forceRemove = false }) {
    if (keepLocally) return;
    try {
      await ask(`unable to remove image ${name}`, (docker) => docker.getImage(name).remove({ force: forceRemove }));
    } catch (error) {
      if (!isAnswer(error, 404)) throw error;
    }
  },
});

/** Pulls an image. @throws Error naming the image and the registry's answer */
export async function pull(name: string, platform: string | undefined, signal: AbortSignal): Promise<ImageInspectInfo> {
  const what = `unable to find image ${name} on the daemon or to pull it`;
  await ask(what, async (docker) => {
    const progress = (await docker.pull(name, { platform, abortSignal: signal })) as NodeJS.ReadableStream;
    await followed(progress, what);
  });
  const image = await inspect(name);
  if (image === undefined) throw new Error(what);
  return image;
}

async function inspect(name: string): Promise<ImageInspectInfo | undefined> {
  try {
    return await ask(`unable to inspect image ${name}`, (docker) => docker.getImage(name).inspect());
  } catch (error) {
    if (isAnswer(error, 404)) return undefined;
    throw error;
  }
}

function state(name: string, image: ImageInspectInfo): { id: string; outputs: Record<string, unknown> } {
  const repository = name.replace(/(@.*)?$/, "").replace(/:[^/]*$/, "");
  const repoDigest = (image.RepoDigests ?? []).find((digest) => digest.startsWith(`${repository}@`)) ?? "";
  return { id: image.Id + name, outputs: { imageId: image.Id, repoDigest } };
}

async function build(name: string, options: Build, signal: AbortSignal): Promise<void> {
  const what = `unable to build image ${name} from ${options.context}`;
  await ask(what, async (docker) => {
    const output = await docker.buildImage(
      { context: options.context, src: readdirSync(options.context) },
      {
        t: name,
        dockerfile: options.dockerfile,
        buildargs: options.buildArgs,
        labels: options.labels,
        target: options.target,
        nocache: options.noCache,
        pull: options.pullParent,
        networkmode: options.networkMode,
        platform: options.platform,
        rm: options.remove ?? true,
        // Also after a failure or a cancellation: nothing else would ever remove that container.
        forcerm: options.forceRemove ?? true,
        abortSignal: signal,
      },
    );
    await followed(output, what);
  });
}

interface ProgressLine {
  readonly stream?: string;
  readonly error?: string;
}

/** Reads a progress stream to its end. The daemon tells of a failure in the stream, after an answer of 200. */
async function followed(progress: NodeJS.ReadableStream, what: string): Promise<void> {
  const { modem } = await docker();
  const seen: string[] = [];
  await new Promise<void>((resolve, reject) => {
    modem.followProgress(
      progress,
      (error) => (error === null || error === undefined ? resolve() : reject(error)),
      ({ stream }: ProgressLine) => stream?.trim() && seen.push(stream.trimEnd()),
    );
  }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    const tail = seen.slice(-shownBuildLines).join("\n");
    throw new Error(`${what}: ${reason}${tail === "" ? "" : `\n${tail}`}`);
  });
}
