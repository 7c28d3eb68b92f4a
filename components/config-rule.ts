import type { Config } from "./config-parse.ts";
import type { ConfigProblem } from "./config-problems.ts";

/** A rule over several keys. It is skipped while one of the top-level keys that it reads is itself invalid. */
export interface Rule {
  readonly reads: readonly (keyof Config)[];
  readonly check: (config: Config) => readonly ConfigProblem[];
}

/** The problem, or none. */
export const problemIf = (wrong: boolean, problem: ConfigProblem): ConfigProblem[] => (wrong ? [problem] : []);
