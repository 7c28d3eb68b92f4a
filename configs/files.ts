import { readFileSync, readdirSync } from "node:fs";

/** Files to mount: path relative to the mount point → content. */
export type FileMap = Readonly<Record<string, string>>;

/** The files of a folder, which are mounted as they are. */
export function readFolder(folder: URL): FileMap {
  const names = readdirSync(folder).toSorted();
  return Object.fromEntries(names.map((name) => [name, readFileSync(new URL(name, folder), "utf8")]));
}
