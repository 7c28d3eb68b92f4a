import { fileURLToPath } from "node:url";
import { imageContext, imageName } from "../../components/context-hash.ts";
import { docker, tryDocker } from "../sip/docker.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Name of the local image that is built from `images/<service>`; built when it is not there. */
export async function ensureImage(service: string): Promise<string> {
  const name = imageName(service, "sbc-base:forky", root);
  const { exitCode } = await tryDocker(["image", "inspect", name]);
  if (exitCode !== 0) {
    await docker(["build", "--quiet", "--tag", name, `${root}/${imageContext(service)}`], { timeout: 600_000 });
  }
  return name;
}
