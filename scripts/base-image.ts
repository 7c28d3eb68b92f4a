import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contextHash, ownBase } from "../components/context-hash.ts";
import { root } from "./paths.ts";
import { upstreamImages } from "./dockerfile.ts";
import { installPackages } from "./engine.ts";
import { capture, must } from "./run.ts";

/** What the Dockerfiles of the services start from. */
export const baseImage = ownBase;

const keyLabel = "sbc.base";

/** True when the image is there and was made from the present images/base. */
export function baseImageReady(): boolean {
  const { code, stdout } = capture("docker", [
    "image",
    "inspect",
    "--format",
    `{{index .Config.Labels "${keyLabel}"}}`,
    baseImage,
  ]);
  return code === 0 && stdout.trim() === baseKey();
}

function baseKey(): string {
  return contextHash(join(root, "images/base"), {});
}

/** Builds the base image from Debian's own; where that cannot be pulled, makes the same from Debian's packages with mmdebstrap. */
export function ensureBaseImage(): string {
  if (baseImageReady()) return "present";
  const debian = upstream();
  const pulled = capture("docker", ["pull", "--quiet", debian], { timeout: 120_000 });
  if (pulled.code === 0) {
    must("docker", [
      "build",
      "--quiet",
      "--label",
      `${keyLabel}=${baseKey()}`,
      "--tag",
      baseImage,
      join(root, "images/base"),
    ]);
    return `built from ${debian}`;
  }
  return bootstrap(pulled.stderr.trim().split("\n").at(-1) ?? "");
}

/** What images/base is built on, with the digest when one is pinned. */
function upstream(): string {
  const [first] = upstreamImages(readFileSync(join(root, "images/base/Dockerfile"), "utf8"));
  if (first === undefined) throw new Error("images/base/Dockerfile has no FROM line");
  return first.digest === undefined ? first.name : `${first.name}@${first.digest}`;
}

function bootstrap(reason: string): string {
  if (capture("mmdebstrap", ["--version"]).code !== 0) {
    installPackages(["mmdebstrap"], `debian:forky-slim cannot be pulled: ${reason}`);
  }
  const folder = mkdtempSync(join(tmpdir(), "sbc-base-"));
  try {
    const tar = join(folder, "forky.tar");
    must("mmdebstrap", [
      "--variant=minbase",
      // Both lines stay in the image, as images/base/Dockerfile writes them.
      '--aptopt=Acquire::Check-Valid-Until "false"',
      '--aptopt=APT::Install-Recommends "false"',
      "--include=ca-certificates",
      // mmdebstrap copies them from this machine; Docker writes its own.
      '--customize-hook=rm -f "$1/etc/resolv.conf" "$1/etc/hostname"',
      "forky",
      tar,
    ]);
    must("docker", ["import", "--change", `LABEL ${keyLabel}=${baseKey()}`, tar, baseImage]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return "made by mmdebstrap: debian:forky-slim cannot be pulled";
}
