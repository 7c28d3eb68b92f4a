/** What a test file registered: stands in for `node:test` where mutants are judged, see runner.ts. */
export interface Test {
  readonly name: string;
  readonly run: () => Promise<void> | void;
}

const registered: Test[] = [];
let suite: readonly string[] = [];

export function describe(name: string, register: () => void): void {
  suite = [...suite, name];
  register();
  suite = suite.slice(0, -1);
}

export function it(name: string, run: Test["run"]): void {
  registered.push({ name: [...suite, name].join(" "), run });
}

/** The tests that were registered since the last call. */
export function takeTests(): readonly Test[] {
  return registered.splice(0);
}
