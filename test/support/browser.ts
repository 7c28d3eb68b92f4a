import { chromium, type Browser } from "playwright-core";
import { findBrowser } from "../../scripts/browser.ts";

/** A Chromium without a window. @throws Error when this machine has none. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = findBrowser();
  if (executablePath === undefined) throw new Error("no Chromium here: `npm test -- browser` installs it");
  // Its sandbox cannot be had as root, and what it opens is ours.
  const asRoot = process.getuid?.() === 0;
  return chromium.launch({ executablePath, chromiumSandbox: !asRoot });
}
