import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** Where the build context of an image is, relative to the project's root. */
export function imageContext(service: string): string {
  return `images/${service}`;
}

/** Our own base image, made from `images/base`. */
export const ownBase = "sbc-base:forky";

/**
 * Name of the image that is built from `images/<service>`: `sbc-<service>:<hash>`.
 *
 * Equal sources have equal names on every machine, and an image that exists need not be built again.
 */
export function imageName(service: string, base: string, root = "."): string {
  return `sbc-${service}:${imageHash(service, base, root)}`;
}

/**
 * Hash of the sources of an image: the name of its base and every file of its context with path and executable bit. Those of our own
 * base count too: raising the digest in its FROM line has to reach the images that are built on it.
 */
export function imageHash(service: string, base: string, root = "."): string {
  const hash = (name: string, buildArgs: Readonly<Record<string, string>>) =>
    contextHash(join(root, imageContext(name)), buildArgs);
  return hash(service, base === ownBase ? { BASE: base, sources: hash("base", {}) } : { BASE: base });
}

/** Twelve hexadecimal digits that change with any file of the folder or any build argument. */
export function contextHash(folder: string, buildArgs: Readonly<Record<string, string>>): string {
  const hash = createHash("sha256").update(JSON.stringify(Object.entries(buildArgs).toSorted()));
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  for (const file of files) {
    const path = relative(folder, file).split(sep).join("/");
    const executable = (statSync(file).mode & 0o111) !== 0;
    const content = readFileSync(file);
    // Lengths keep "ab" + "c" apart from "a" + "bc".
    hash.update(`${path}\0${executable ? "x" : "-"}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex").slice(0, 12);
}
