import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { contextHash } from "../../components/context-hash.ts";
import { waitFor } from "../sip/agent.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import { testPrefix } from "../../scripts/sweep.ts";

const context = join(import.meta.dirname, "registry");

/** Debian's docker-registry on a port of the loopback device, where Docker asks for no TLS. */
export class Registry implements AsyncDisposable {
  /** Host and port. */
  readonly host: string;
  readonly #container: string;

  private constructor(container: string, host: string) {
    this.#container = container;
    this.host = host;
  }

  static async start(): Promise<Registry> {
    const image = `sbc-test-registry:${contextHash(context, {})}`;
    if ((await tryDocker(["image", "inspect", image])).exitCode !== 0) {
      await docker(["build", "--quiet", "--tag", image, context], { timeout: 300_000 });
    }
    const container = testPrefix("sbc-test", `registry-${randomBytes(2).toString("hex")}`);
    await docker(["run", "--detach", "--rm", "--name", container, "--publish", "127.0.0.1::5000", image]);
    const registry = new Registry(container, await docker(["port", container, "5000/tcp"]));
    await waitFor(
      "the registry",
      async () => (await fetch(`http://${registry.host}/v2/`).catch(() => undefined))?.ok === true,
    );
    return registry;
  }

  /** Skopeo beside the registry: there its name is `localhost:5000`. */
  skopeo(...args: string[]): Promise<string> {
    return docker(["exec", this.#container, "skopeo", ...args], { timeout: 120_000 });
  }

  /** Digest of an image (`path/name:tag`) as skopeo sees it. */
  digest(image: string): Promise<string> {
    return this.skopeo("inspect", "--tls-verify=false", "--format", "{{.Digest}}", `docker://localhost:5000/${image}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await tryDocker(["rm", "--force", "--volumes", this.#container]);
  }
}
