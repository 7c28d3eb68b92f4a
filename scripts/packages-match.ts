// Ends with 0 when node_modules is what package-lock.json says. Needs no package itself.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface Package {
  version?: string;
  integrity?: string;
  optional?: boolean;
}
type Packages = Readonly<Record<string, Package>>;

/** True when the installed packages (npm's own record of them) are those of the lock file; optional ones may be missing. */
export function packagesMatch(locked: Packages, installed: Packages): boolean {
  const differs = (path: string) =>
    installed[path]?.version !== locked[path]?.version || installed[path]?.integrity !== locked[path]?.integrity;
  const wanted = Object.keys(locked).filter((path) => path !== "" && (!locked[path]?.optional || installed[path]));
  return !wanted.some(differs) && Object.keys(installed).every((path) => path in locked);
}

function readPackages(file: string): Packages | undefined {
  if (!existsSync(file)) return undefined;
  return (JSON.parse(readFileSync(file, "utf8")) as { packages?: Packages }).packages;
}

if (process.argv[1] === import.meta.filename) {
  const root = join(import.meta.dirname, "..");
  const [locked, installed] = ["package-lock.json", "node_modules/.package-lock.json"].map((file) =>
    readPackages(join(root, file)),
  );
  process.exitCode = locked && installed && packagesMatch(locked, installed) ? 0 : 1;
}
