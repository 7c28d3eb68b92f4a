import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { imageName } from "../../components/context-hash.ts";
import { imageServices, pinnedName, type ImagePins } from "../../components/image-pins.ts";
import { pullPinned } from "../../scripts/images.ts";
import { capture } from "../../scripts/run.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import { Registry } from "../support/registry.ts";
import { EdgeStack, freeNetworks } from "../e2e/stack.ts";

const repository = join(import.meta.dirname, "../..");

describe("images from a registry", () => {
  let registry: Registry;
  let folder: string;
  let path: string;
  let file: string;

  function images(...args: string[]): string {
    const { code, stdout, stderr } = capture(join(repository, "scripts/sbc"), ["images", ...args], { cwd: repository });
    assert.equal(code, 0, stderr);
    return stdout;
  }

  async function pins(): Promise<ImagePins> {
    return JSON.parse(await readFile(file, "utf8")) as ImagePins;
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "sbc-images-"));
    file = join(folder, "pins.json");
    registry = await Registry.start();
    path = `${registry.host}/sbc`;
  });

  after(async () => {
    // Only the names go: what was built here stays.
    for (const [service, pin] of Object.entries(await pins().catch(() => ({})))) {
      await tryDocker(["image", "rm", `${path}/${imageName(service, "sbc-base:forky", repository)}`, `${path}/${pin}`]);
    }
    await registry[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it("pushes what is built here and prints the digests that the registry knows", async () => {
    const printed = images("push", "--registry", path);
    for (const service of imageServices) {
      const name = imageName(service, "sbc-base:forky", repository);
      assert.ok(printed.includes(`${path}/${name}@${await registry.digest(`sbc/${name}`)}\n`), printed);
    }
  });

  it("writes tag and digest of every service", async () => {
    images("pin", "--registry", path, "--file", file);
    for (const [service, pin] of Object.entries(await pins())) {
      const name = imageName(service, "sbc-base:forky", repository);
      assert.equal(pin, `${name}@${await registry.digest(`sbc/${name}`)}`);
    }
  });

  it("keeps the digest in a copy, so the same file serves another registry", async () => {
    const [name = "", digest] = (await pins())["kamailio"]?.split("@") ?? [];
    const [from, to] = ["sbc", "promoted"].map((part) => `docker://localhost:5000/${part}/${name}`);
    await registry.skopeo("copy", "--src-tls-verify=false", "--dest-tls-verify=false", from ?? "", to ?? "");
    assert.equal(await registry.digest(`promoted/${name}`), digest);
  });

  it("brings a stack up from there, by digest, and changes nothing the second time", async () => {
    // What was tagged for the push must not be taken for what was pulled.
    for (const service of imageServices) {
      await docker(["image", "rm", `${path}/${imageName(service, "sbc-base:forky", repository)}`]);
    }
    const stack = await EdgeStack.create({
      networks: freeNetworks(),
      asterisk: { nodes: 1 },
      images: { source: "registry", registry: path, pins: file },
    });
    try {
      const first = await stack.up();
      assert.equal(first.code, 0, first.output);
      const wanted = await pins();
      for (const service of ["kamailio", "mariadb", "rtpengine", "asterisk"] as const) {
        // Of these there may be several.
        const number = service === "asterisk" || service === "rtpengine" ? "-1" : "";
        const container = `${stack.prefix}-${service}${number}`;
        const image = await docker(["inspect", "--format", "{{.Image}}", container]);
        const digests = await docker(["image", "inspect", "--format", "{{json .RepoDigests}}", image]);
        const digest = wanted[service]?.split("@")[1] ?? "no pin";
        assert.ok((JSON.parse(digests) as string[]).includes(`${path}/sbc-${service}@${digest}`), digests);
      }
      const second = await stack.up();
      assert.equal(second.code, 0, second.output);
      assert.deepEqual(second.changes, {});
      const gone = await stack.destroy();
      assert.equal(gone.code, 0, gone.output);
    } finally {
      await stack.remove();
    }
  });

  it("pulls beforehand what is missing, with Docker's own log-in, and says what cannot be had", async () => {
    const settings = { source: "registry", base: "sbc-base:forky", registry: path, pins: file } as const;
    const kamailio = pinnedName("kamailio", settings);
    await docker(["image", "rm", kamailio]);
    assert.match(pullPinned(settings), /^[1-9] pulled from 127\.0\.0\.1/);
    assert.equal(pullPinned(settings), "present");
    const wrong = join(folder, "wrong.json");
    const none = `sbc-kamailio:none@sha256:${"0".repeat(64)}`;
    await writeFile(wrong, JSON.stringify({ ...(await pins()), kamailio: none }));
    assert.throws(
      () => pullPinned({ ...settings, pins: wrong }),
      /sbc-kamailio:none@.* cannot be pulled: .*\nPush it first/,
    );
  });
});
