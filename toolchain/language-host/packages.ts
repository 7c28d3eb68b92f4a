import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly pulumi?: { readonly resource?: boolean; readonly name?: string; readonly version?: string; server?: string };
}

/** A provider plugin that an installed npm package asks for. */
export interface RequiredPlugin {
  readonly name: string;
  readonly version: string;
  readonly server: string;
}

/** The provider plugins of every package in the `node_modules` that a program in `directory` sees. */
export function requiredPlugins(directory: string): RequiredPlugin[] {
  const plugins: RequiredPlugin[] = [];
  for (const path of installedPackages(directory)) {
    const { name = "", version = "", pulumi } = readManifest(path);
    if (pulumi?.resource !== true) continue;
    const pluginVersion = (pulumi.version ?? version).replace(/^v/, "");
    plugins.push({
      name: pulumi.name ?? name.replace(/^@pulumi\//, ""),
      version: `v${pluginVersion}`,
      server: pulumi.server ?? "",
    });
  }
  return plugins;
}

/** Direct dependencies of a program with their installed versions (`pulumi about`); all of them when `transitive`. */
export function programDependencies(directory: string, transitive: boolean): { name: string; version: string }[] {
  const root = findUp(directory, "package.json");
  if (root === undefined) return [];
  const { dependencies = {}, devDependencies = {} } = readManifest(root);
  const direct = new Set([...Object.keys(dependencies), ...Object.keys(devDependencies)]);
  return installedPackages(directory)
    .map(readManifest)
    .flatMap(({ name, version }) => (name && version && (transitive || direct.has(name)) ? [{ name, version }] : []));
}

/** Directory of the nearest package.json at or above `directory`: where `npm install` belongs. */
export function packageRoot(directory: string): string {
  const manifest = findUp(directory, "package.json");
  return manifest === undefined ? directory : dirname(manifest);
}

function installedPackages(directory: string): string[] {
  const modules = findUp(directory, "node_modules");
  if (modules === undefined) return [];
  const names = readdirSync(modules).flatMap((entry) =>
    entry.startsWith("@") ? readdirSync(join(modules, entry)).map((name) => join(entry, name)) : [entry],
  );
  return names.map((name) => join(modules, name, "package.json")).filter((path) => existsSync(path));
}

function findUp(directory: string, name: string): string | undefined {
  const candidate = join(directory, name);
  if (existsSync(candidate)) return candidate;
  const parent = dirname(directory);
  return parent === directory ? undefined : findUp(parent, name);
}

function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, "utf8")) as Manifest;
}
