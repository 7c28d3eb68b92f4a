import { existsSync, readFileSync } from "node:fs";
import type { Config } from "./config-parse.ts";
import type { ConfigProblem } from "./config-problems.ts";

/** A rule over several keys. It is skipped while one of the top-level keys that it reads is itself invalid. */
export interface Rule {
  readonly reads: readonly (keyof Config)[];
  readonly check: (config: Config) => readonly ConfigProblem[];
}

/** The problem, or none. */
export const problemIf = (wrong: boolean, problem: ConfigProblem): ConfigProblem[] => (wrong ? [problem] : []);

/** Of a file that is to hold certificates or keys. */
export function missingFile(path: ConfigProblem["path"], file: string | undefined): ConfigProblem[] {
  return problemIf(file !== undefined && !existsSync(file), {
    path,
    value: file,
    problem: "does not exist; it must be a PEM file, relative to the folder of Pulumi.yaml",
  });
}

/** Of a file with the CA of whoever is reached by TLS. */
export function caFileProblems(path: ConfigProblem["path"], file: string | undefined): ConfigProblem[] {
  return [
    ...missingFile(path, file),
    ...problemIf(
      file !== undefined && existsSync(file) && !readFileSync(file, "utf8").includes("-----BEGIN CERTIFICATE-----"),
      { path, value: file, problem: "holds no certificate; it must be a PEM file" },
    ),
  ];
}
