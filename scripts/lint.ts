import { join } from "node:path";
import { askEngine } from "./engine.ts";
import { root } from "./paths.ts";
import { checkPolicy } from "./policy.ts";
import { capture, step, UserError } from "./run.ts";
import { ensureImage } from "../test/support/images.ts";

const bin = (name: string): string => join(root, "node_modules/.bin", name);

/**
 * ESLint, Prettier, the type check, shellcheck and the policy config.
 * @throws UserError with everything that they found, when all have run.
 */
export async function lint(): Promise<number> {
  console.error("lint");
  const checks: (() => Promise<unknown>)[] = [
    () => check("ESLint", bin("eslint"), ["--max-warnings=0", "."]),
    () => check("Prettier", bin("prettier"), ["--check", "--log-level=warn", "."]),
    () => check("type check", bin("tsc"), ["--noEmit"]),
    shellcheck,
    checkPolicy,
  ];
  const problems: string[] = [];
  for (const run of checks) {
    await run().catch((error: unknown) => {
      if (!(error instanceof UserError)) throw error;
      problems.push(error.message);
    });
  }
  if (problems.length > 0) throw new UserError(problems.join("\n\n"));
  return 0;
}

/** Writes the format that `lint` asks for. */
export async function format(): Promise<number> {
  await check("Prettier", bin("prettier"), ["--write", "--log-level=warn", "."]);
  return 0;
}

async function check(title: string, command: string, args: readonly string[], input?: string): Promise<void> {
  await step(title, () => {
    const { code, stdout, stderr } = capture(command, args, { cwd: root, input });
    if (code !== 0) throw new UserError(`${title} found problems:\n${stdout}${stderr}`.trimEnd());
  });
}

/** All shell scripts that git knows, by their first line. */
async function shellcheck(): Promise<void> {
  const list = capture("git", ["grep", "-lE", "--untracked", "^#!.*\\b(ba)?sh$"], { cwd: root });
  const files = list.stdout.split("\n").filter((file) => file !== "" && !/\.(ts|md|js)$/.test(file));
  if (files.length === 0) {
    console.error("  shellcheck: skipped, this is no git working tree to find the scripts in");
  } else if (capture("shellcheck", ["--version"]).code === 0) {
    await check("shellcheck", "shellcheck", files);
  } else if ("version" in askEngine()) {
    const mount = `type=bind,source=${root},target=/src,readonly`;
    const run = [
      "run",
      "--rm",
      "--network=none",
      "--mount",
      mount,
      "--workdir=/src",
      "--entrypoint=shellcheck",
      await ensureImage("tools"),
    ];
    await check("shellcheck", "docker", [...run, ...files]);
  } else {
    console.error("  shellcheck: skipped, it is not installed and no Docker Engine runs its image");
  }
}
