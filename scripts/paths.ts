import { join } from "node:path";

/** The repository. */
export const root = join(import.meta.dirname, "..");

/** What the set-up makes and git ignores. */
export const sbcFolder = join(root, ".sbc");

export const paths = {
  /** The CLI that was built here, with the language host beside it. */
  builtCli: join(sbcFolder, "toolchain/pulumi/bin"),
  /** Home of Pulumi's plugins (`PULUMI_HOME`). */
  pulumiHome: join(sbcFolder, "pulumi-home"),
  /** File back end. */
  state: join(sbcFolder, "state"),
  passphrase: join(sbcFolder, "passphrase"),
  /** Copies of the stack files with their salt. */
  stacks: join(sbcFolder, "stacks"),
  /** What Node has compiled. */
  compileCache: join(sbcFolder, "node-cache"),
  /** The `pulumi` that `npm run -s env` puts on PATH. */
  bin: join(sbcFolder, "bin"),
  /** Pid file and log of an engine that the set-up started. */
  engine: join(sbcFolder, "engine"),
} as const;

/** True for a path in the `.sbc` folder of this or another clone: not a person's own setting, but left by `npm run -s env`. */
export function inSomeSbcFolder(path: string): boolean {
  return path
    .replace(/^file:\/\//, "")
    .split("/")
    .includes(".sbc");
}
