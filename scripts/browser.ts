import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { installPackages } from "./engine.ts";

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** A Chromium of this machine, if it has one. */
export function findBrowser(path = process.env["PATH"] ?? ""): string | undefined {
  return names
    .flatMap((name) => path.split(delimiter).map((folder) => join(folder, name)))
    .find((file) => existsSync(file));
}

/** The browser for tests of pages; installed from Debian's packages, with a font, where there is none. */
export function ensureBrowser(): string {
  if (findBrowser() === undefined) {
    installPackages(["chromium", "fonts-dejavu-core"], "tests of the landing page use a browser");
  }
  return findBrowser() ?? "no browser";
}
