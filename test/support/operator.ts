import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";

/** `npm run sbc` as a person types it, on the stack whose containers' names begin with a prefix. */
export class Operator {
  readonly #prefix: () => string;

  constructor(prefix: () => string) {
    this.#prefix = prefix;
  }

  /** Runs it with `input` on its standard input. */
  command(words: readonly string[], input = ""): Promise<{ code: number; stdout: string; stderr: string }> {
    const main = join(import.meta.dirname, "../../scripts/main.ts");
    const node = ["--disable-warning=ExperimentalWarning", main, "sbc", "--name", this.#prefix()];
    const child = spawn(process.execPath, [...node, ...words], { stdio: ["pipe", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.stdin.end(input);
    return new Promise((resolve) => child.once("close", (code) => resolve({ code: code ?? 1, stdout, stderr })));
  }

  /** Its answer as JSON. @throws when it fails. */
  async json<T>(words: readonly string[], input = ""): Promise<T> {
    const { code, stdout, stderr } = await this.command([...words, "--json"], input);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  }

  async refuses(words: readonly string[], expected: RegExp): Promise<void> {
    const { code, stderr } = await this.command(words);
    assert.equal(code, 1, words.join(" "));
    assert.match(stderr, expected);
  }
}
