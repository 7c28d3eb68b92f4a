import { fileURLToPath } from "node:url";
import { contextHash, imageContext, imageName, ownBase } from "../../components/context-hash.ts";
import { docker, tryDocker } from "../sip/docker.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Name of the local image that is built from `images/<service>`; built when it is not there. */
export function ensureImage(service: string): Promise<string> {
  return ensure(imageName(service, ownBase, root), `${root}/${imageContext(service)}`, []);
}

/** Name of the image of the tests' phones and attackers, on top of `images/tools`; built when it is not there. */
export async function ensureTesterImage(): Promise<string> {
  const base = await ensureImage("tools");
  const context = `${root}/test/images/tester`;
  return ensure(`sbc-tester:${contextHash(context, { BASE: base })}`, context, ["--build-arg", `BASE=${base}`]);
}

/** Name of the image with the configuration that Debian packages for Kamailio, on top of our own image; built when it is not there. */
export async function ensureDefaultKamailioImage(): Promise<string> {
  const base = await ensureImage("kamailio");
  const context = `${root}/test/images/kamailio-default`;
  return ensure(`sbc-kamailio-default:${contextHash(context, { BASE: base })}`, context, [
    "--build-arg",
    `BASE=${base}`,
  ]);
}

/** Name of an image that stands in for others which cannot be pulled, from `test/images/stand-in-<name>`; built when it is not there. */
export function ensureStandIn(name: string): Promise<string> {
  const context = `${root}/test/images/stand-in-${name}`;
  const image = `sbc-stand-in-${name}:${contextHash(context, { BASE: ownBase })}`;
  return ensure(image, context, ["--build-arg", `BASE=${ownBase}`]);
}

async function ensure(name: string, context: string, args: readonly string[]): Promise<string> {
  const { exitCode } = await tryDocker(["image", "inspect", name]);
  if (exitCode !== 0) await docker(["build", "--quiet", ...args, "--tag", name, context], { timeout: 600_000 });
  return name;
}
