import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { contentHash } from "../../components/content-hash.ts";
import { contextHash, imageName } from "../../components/context-hash.ts";

const root = mkdtempSync(join(tmpdir(), "sbc-hash-"));
after(() => rmSync(root, { recursive: true }));

let count = 0;
/** A build context, after a change to it. */
function context(change: (folder: string) => void = () => undefined): string {
  const folder = join(root, `images/service-${count++}`);
  mkdirSync(join(folder, "files"), { recursive: true });
  writeFileSync(join(folder, "Dockerfile"), "FROM base\n");
  writeFileSync(join(folder, "files/a"), "one");
  change(folder);
  return folder;
}

describe("the hash of a build context", () => {
  const args = { BASE: "base:1" };
  const unchanged = contextHash(context(), args);

  test("is the same for the same files in another folder", () => {
    const copy = join(root, "copy");
    cpSync(context(), copy, { recursive: true });
    assert.equal(contextHash(copy, args), unchanged);
  });

  const changes: Record<string, (folder: string) => void> = {
    "a file's content": (folder) => writeFileSync(join(folder, "files/a"), "two"),
    "a file's name": (folder) => renameSync(join(folder, "files/a"), join(folder, "files/b")),
    "a file's executable bit": (folder) => chmodSync(join(folder, "files/a"), 0o755),
    "one file more": (folder) => writeFileSync(join(folder, "files/b"), ""),
    "the border between two files": (folder) => writeFileSync(join(folder, "Dockerfile"), "FROM base\nfiles"),
  };
  for (const [what, change] of Object.entries(changes)) {
    test(`changes with ${what}`, () => assert.notEqual(contextHash(context(change), args), unchanged));
  }

  test("changes with the base image", () => {
    assert.notEqual(contextHash(context(), { BASE: "base:2" }), unchanged);
  });
});

test("an image is named after its service and its sources", () => {
  assert.match(imageName("kamailio", "sbc-base:forky"), /^sbc-kamailio:[0-9a-f]{12}$/);
  assert.notEqual(imageName("kamailio", "sbc-base:forky"), imageName("kamailio", "other:1"));
});

test("the hash of a value does not depend on the order of its keys, but on that of its items", () => {
  assert.equal(contentHash({ a: 1, b: { c: 2, d: 3 } }), contentHash({ b: { d: 3, c: 2 }, a: 1 }));
  assert.notEqual(contentHash(["a", "b"]), contentHash(["b", "a"]));
});
