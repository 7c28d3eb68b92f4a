import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { load } from "js-yaml";
import { configSchema } from "../components/config-schema.ts";
import { imageContext, imageName } from "../components/context-hash.ts";
import {
  defaultPinsFile,
  imageServices,
  pinnedName,
  pinProblems,
  readPins,
  registryProblem,
  type ImageSettings,
} from "../components/image-pins.ts";
import type { Config } from "../components/config-parse.ts";
import { planMonitoring } from "../components/monitoring-tools.ts";
import { upstreamFile, upstreamNames, upstreamTools } from "../components/upstream-images.ts";
import type { Arguments } from "./arguments.ts";
import { baseImage, ensureBaseImage } from "./base-image.ts";
import { pinFromLines, upstreamImages } from "./dockerfile.ts";
import { requireEngine } from "./engine.ts";
import { root } from "./paths.ts";
import { capture, must, step, UserError } from "./run.ts";
import { stackFile } from "./stack.ts";

/** `npm run images`: pushes the images of the services to a registry, writes digests, lists both. */
export async function images(args: Arguments): Promise<number> {
  const action = args.operand ?? "list";
  const file = args.options.get("file") ?? defaultPinsFile;
  const registry = args.options.get("registry");
  const problem = registry === undefined ? undefined : registryProblem(registry);
  if (problem !== undefined) throw new UserError(`--registry ${registry} ${problem}`);
  switch (action) {
    case "push":
      if (registry === undefined) throw new UserError("push needs --registry HOST[:PORT]/PATH");
      return push(registry);
    case "pin":
      return registry === undefined ? pinUpstream() : pin(registry, file);
    case "list":
      return list(file);
    default:
      throw new UserError(`images takes push, pin or list, not ${JSON.stringify(action)}`);
  }
}

/** Builds what is not there, and pushes all of it. */
async function push(registry: string): Promise<number> {
  console.error("images");
  requireEngine();
  await step("base image", ensureBaseImage);
  for (const service of imageServices) {
    const name = imageName(service, baseImage, root);
    await step(`build ${name}`, () => {
      if (present(name)) return "present";
      must("docker", [
        ...["build", "--quiet", "--build-arg", `BASE=${baseImage}`, "--tag", name],
        join(root, imageContext(service)),
      ]);
      return "built";
    });
    const remote = `${registry}/${name}`;
    await step(`push ${remote}`, () => {
      must("docker", ["tag", name, remote]);
      const pushed = capture("docker", ["push", "--quiet", remote]);
      if (pushed.code !== 0) throw new UserError(refused("pushed", remote, pushed.stderr));
    });
    console.log(`${remote}@${repoDigest(remote)}`);
  }
  console.log(`\nto name them in ${defaultPinsFile}: npm run images -- pin --registry ${registry}`);
  return 0;
}

/** Writes the digests of the images of the present sources, as the registry has them. */
async function pin(registry: string, file: string): Promise<number> {
  requireEngine();
  const pins: Record<string, string> = {};
  for (const service of imageServices) {
    const name = imageName(service, baseImage, root);
    pins[service] = `${name}@${await pulledDigest(`${registry}/${name}`)}`;
  }
  writeFileSync(resolve(root, file), `${JSON.stringify(pins, null, 2)}\n`);
  console.log(`wrote ${file}. A stack runs from there with:`);
  console.log("  pulumi config set --path sbc:images.source registry");
  console.log(`  pulumi config set --path sbc:images.registry ${registry}`);
  if (file !== defaultPinsFile) console.log(`  pulumi config set --path sbc:images.pins ${file}`);
  return 0;
}

/** What a stack's file says about images; undefined when that has mistakes: the program lists them. */
export function imageSettings(stack: string): ImageSettings | undefined {
  const file = load(readFileSync(stackFile(stack), "utf8")) as { config?: Record<string, unknown> } | undefined;
  return configSchema.shape.images.safeParse(file?.config?.["sbc:images"]).data;
}

/**
 * Pulls what a stack runs from a registry and is not there yet, with the log-in that Docker knows: the provider knows none.
 * @throws UserError naming the image and what Docker says.
 */
export function pullPinned(settings: ImageSettings): string {
  if (settings.source === "build" || pinProblems(settings.pins).length > 0) return "built here";
  const missing = imageServices.map((service) => pinnedName(service, settings)).filter((name) => !present(name));
  for (const name of missing) pull(name);
  return missing.length === 0 ? "present" : `${missing.length} pulled from ${settings.registry}`;
}

/**
 * Pulls the publishers' images that a stack's monitoring runs and that are not there yet.
 * @returns tool → why its image cannot be had: the stack is brought up without it.
 */
export function pullUpstream(config: Config): Record<string, string> {
  const { images } = config.monitoring;
  const { tools } = planMonitoring({ ...config, monitoring: { ...config.monitoring, unavailable: {} } });
  const names = upstreamNames();
  const unavailable: Record<string, string> = {};
  const hosts = new Map<string, string>();
  for (const tool of upstreamTools.filter((one) => tools.has(one))) {
    const name = images[tool] ?? names[tool];
    if (present(name)) continue;
    const registry = name.split("/")[0] ?? "";
    // One that is not reached once is not asked again.
    const reason = hosts.get(registry) ?? pullReason(name);
    if (reason === undefined) continue;
    if (/no such host|dial tcp|timeout|Client.Timeout|connection refused/i.test(reason)) hosts.set(registry, reason);
    unavailable[tool] = `${name}: ${reason}`;
  }
  return unavailable;
}

/** Why an image cannot be pulled, in one line; undefined when it was. */
function pullReason(name: string): string | undefined {
  const { code, stderr } = capture("docker", ["pull", "--quiet", name], { timeout: 900_000 });
  if (code === 0) return undefined;
  return (
    stderr
      .trim()
      .split("\n")
      .at(-1)
      ?.replace(/^Error response from daemon: /, "") || "docker pull failed"
  );
}

/**
 * Writes the digests of upstream images into the FROM lines of our Dockerfiles, where Dependabot and Renovate raise them, and into the list of
 * the monitoring tools.
 */
async function pinUpstream(): Promise<number> {
  requireEngine();
  for (const file of dockerfiles()) {
    const text = readFileSync(resolve(root, file), "utf8");
    const digests = new Map<string, string>();
    for (const { name } of upstreamImages(text)) digests.set(name, await pulledDigest(name));
    const pinned = pinFromLines(text, digests);
    if (pinned === text) continue;
    writeFileSync(resolve(root, file), pinned);
    console.log(`wrote ${file}`);
  }
  const tools: Record<string, string> = {};
  for (const [tool, name] of Object.entries(upstreamNames())) {
    const plain = name.replace(/@.*$/, "");
    tools[tool] = `${plain}@${await pulledDigest(plain)}`;
  }
  writeFileSync(resolve(root, upstreamFile), `${JSON.stringify(tools, null, 2)}\n`);
  console.log(`wrote ${upstreamFile}`);
  return 0;
}

/** Prints where each image comes from, and the digest that is pinned for it. */
function list(file: string): number {
  const pins = readPins(resolve(root, file));
  for (const service of imageServices) {
    const name = imageName(service, baseImage, root);
    const pin = pins[service];
    console.log(`${service}\n  of these sources  ${name}${present(name) ? "" : " (not built yet)"}`);
    const note = pin === undefined || pin.startsWith(`${name}@`) ? "" : "  ← of other sources";
    console.log(`  pinned            ${pin ?? `none in ${file}`}${note}`);
  }
  console.log("upstream");
  for (const [tool, name] of Object.entries(upstreamNames())) {
    console.log(`  ${tool.padEnd(24)} ${name}${name.includes("@") ? "" : " (no digest)"}`);
  }
  for (const dockerfile of dockerfiles()) {
    for (const { name, digest } of upstreamImages(readFileSync(join(root, dockerfile), "utf8"))) {
      console.log(`  ${dockerfile.padEnd(24)} ${name}${digest === undefined ? " (no digest)" : `@${digest}`}`);
    }
  }
  return 0;
}

function dockerfiles(): string[] {
  return readdirSync(join(root, "images"))
    .map((folder) => `images/${folder}/Dockerfile`)
    .filter((file) => existsSync(resolve(root, file)))
    .toSorted();
}

/** Whether the engine has it. */
export function present(name: string): boolean {
  return capture("docker", ["image", "inspect", name]).code === 0;
}

/** Asks the registry by a pull, with the log-in that Docker knows: what has been pulled once can be pulled by a stack. */
function pulledDigest(name: string): Promise<string> {
  return step(`digest of ${name}`, () => {
    pull(name);
    return repoDigest(name);
  });
}

function pull(name: string): void {
  const pulled = capture("docker", ["pull", "--quiet", name]);
  if (pulled.code !== 0) throw new UserError(refused("pulled", name, pulled.stderr));
}

/** The digest under which the engine knows an image of a registry. */
function repoDigest(name: string): string {
  const repository = name.replace(/:[^/:]*$/, "");
  const { stdout } = capture("docker", ["image", "inspect", "--format", '{{join .RepoDigests " "}}', name]);
  const short = repository.replace(/^docker\.io\/(library\/)?/, "");
  const found = stdout
    .trim()
    .split(" ")
    .find((digest) => digest.startsWith(`${repository}@`) || digest.startsWith(`${short}@`));
  if (found === undefined) throw new UserError(`Docker knows no digest of ${name}`);
  return found.slice(found.indexOf("@") + 1);
}

function refused(done: "pushed" | "pulled", name: string, reason: string): string {
  const message = `${name} cannot be ${done}: ${reason.trim()}`;
  if (/unauthorized|denied|no basic auth/i.test(reason))
    return `${message}\nLog in first: docker login ${name.split("/")[0]}`;
  if (/manifest unknown|not found/i.test(reason) && done === "pulled") {
    return `${message}\nPush it first: npm run images -- push --registry ${name.slice(0, name.lastIndexOf("/"))}`;
  }
  return message;
}
