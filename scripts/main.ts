import { type Arguments, describe, readArguments, type Usage } from "./arguments.ts";
import { findCli } from "./cli.ts";
import { adoptContext, stopEngine } from "./engine.ts";
import { UserError } from "./run.ts";
import { setUp, setUpForUse } from "./setup.ts";
import { prepareStack, pulumiEnvironment, quote } from "./stack.ts";

interface Command extends Usage {
  summary: string;
  /** Reads its arguments itself, `--help` included. */
  raw?: (args: readonly string[]) => Promise<number>;
  /** Called by .ci/run only: no npm script, not listed. */
  internal?: boolean;
  /** Resolves to the exit code. */
  run: (args: Arguments) => number | Promise<number>;
}

/** The set-up; stacks that this process then makes for itself, as the tests do, find what they need. */
async function setUpForTestStacks(): Promise<void> {
  Object.assign(process.env, pulumiEnvironment(await setUp("dev"), "dev"));
}

const plugins = { plugins: ["official", "stand-in"] } as const;

/** Modules are loaded when they are needed: `env` and `--help` shall be quick. */
const commands: Readonly<Record<string, Command>> = {
  up: {
    summary: "set-up, pulumi up, smoke test; prints addresses, dashboards and where the passwords are",
    options: plugins,
    passesOn: true,
    run: async (args) => (await import("./up.ts")).up(args),
  },
  down: {
    summary: "pulumi destroy",
    flags: { engine: "also stop the Docker Engine that the set-up started" },
    passesOn: true,
    run: async (args) => {
      const { pulumi } = await import("./up.ts");
      const code = await pulumi(await setUpForUse(args.stack), args.stack, [
        // Its preview refuses a stack with protected volumes before anything of it is gone.
        "destroy",
        "--yes",
        ...args.rest,
      ]);
      if (code === 0 && args.flags.has("engine")) console.log(await stopEngine());
      return code;
    },
  },
  "engine-stop": {
    summary: "stops the Docker Engine that the set-up started, and no other",
    internal: true,
    run: async () => {
      console.log(await stopEngine());
      return 0;
    },
  },
  preview: {
    summary: "pulumi preview, judged by the policy pack",
    flags: {
      sample: "samples for what prod leaves to the operator and is not set yet",
      comment: "in a job of GitHub's: on its page and on the pull request",
    },
    passesOn: true,
    run: async (args) => (await import("./up.ts")).preview(args),
  },
  smoke: {
    summary: "uses a stack that is up as a phone would, and its landing page as a browser",
    run: async (args) => (await import("./up.ts")).smokeTest(args),
  },
  doctor: {
    summary: "what is in use, what is wrong and how to mend it; changes nothing",
    run: async (args) => (await import("./doctor.ts")).doctor(args.stack),
  },
  env: {
    summary: 'prints exports for plain pulumi: eval "$(npm run -s env)"',
    run: (args) => {
      const cli = findCli();
      adoptContext();
      if (!cli) throw new UserError("there is no Pulumi CLI yet: npm run up builds one");
      prepareStack(cli, args.stack);
      for (const [key, value] of Object.entries(pulumiEnvironment(cli, args.stack))) {
        console.log(`export ${key}=${quote(value)}`);
      }
      return 0;
    },
  },
  policy: {
    summary: "the policy pack's rules with their levels",
    flags: {
      exemptions: "who may break which rule, and why",
      analyze: "what STACK (the rest is the same for all) is made of now, by its state: for nightly runs",
      check: "policy config without mistakes or exemptions that nothing needs; part of lint",
    },
    run: async (args) => {
      const { analyze, policy } = await import("./policy.ts");
      return args.flags.has("analyze") ? analyze(args.stack) : policy(args.flags);
    },
  },
  lint: {
    summary: "ESLint, Prettier, type check, shellcheck, policy config",
    anyStack: true,
    run: async () => (await import("./lint.ts")).lint(),
  },
  format: {
    summary: "writes the format that lint asks for",
    anyStack: true,
    run: async () => (await import("./lint.ts")).format(),
  },
  generate: {
    summary: "writes what is made from sources: configuration reference, list of metrics, dashboards",
    anyStack: true,
    run: async () => (await import("./generate-config-docs.ts")).generate(),
  },
  test: {
    summary: "set-up, lint and every test; or the suites that are named",
    operand: "[SUITE...]",
    flags: { long: "also what takes long" },
    passesOn: true,
    run: async (args) => {
      const { test } = await import("./test.ts");
      return test([...(args.operand === undefined ? [] : [args.operand]), ...args.rest], args.flags.has("long"));
    },
  },
  "test:mutation": {
    summary:
      "changes the policy pack's rules one by one, and counts the changes that the tests notice; takes minutes, never part of CI",
    operand: "[RULE...]",
    passesOn: true,
    run: async (args) => {
      const { testMutations } = await import("../test/mutation/stryker.ts");
      return testMutations([...(args.operand === undefined ? [] : [args.operand]), ...args.rest]);
    },
  },
  sbc: {
    summary: "subscribers, trunks, bans, nodes, calls and call records of a stack that is up",
    raw: async (args) => (await import("./operator/index.ts")).operate(args),
    run: () => 0,
  },
  images: {
    summary: "push: images to a registry; pin: their digests, or those of upstream images; list",
    operand: "push|pin|list",
    values: { registry: "HOST[:PORT]/PATH", file: "PINS" },
    run: async (args) => (await import("./images.ts")).images(args),
  },
  "verify:images": {
    summary:
      "the full profile with the publishers' images, each tool asked; 1: a check failed, 2: images cannot be pulled",
    anyStack: true,
    flags: { "stand-ins": "with the tests' stand-ins, as far as those can answer" },
    run: async (args) => {
      await setUpForTestStacks();
      return (await import("../test/verify/images.ts")).verifyImages({ standIn: args.flags.has("stand-ins") });
    },
  },
  "bench:deploy": {
    summary: "figures of a deployment, of a stack of its own",
    anyStack: true,
    flags: { check: "end non-zero when a bar is missed" },
    run: async (args) => (await import("../test/bench/deploy.ts")).benchDeploy(args.flags.has("check")),
  },
  "bench:policy": {
    summary: "what the policy pack costs, and its false positives",
    anyStack: true,
    flags: { check: "end non-zero when a bar is missed" },
    run: async (args) => {
      await setUp("dev");
      return (await import("../test/bench/policy.ts")).benchPolicy(args.flags.has("check"));
    },
  },
  "bench:sip": {
    summary: "what registrations, calls and media cost, against Kamailio's own default configuration",
    flags: {
      check: "end non-zero when a bar is missed",
      registrations: "processor time, rate and memory of registrations; without any of these four, all but the soak",
      calls: "the same of calls, their records and their set-up delay",
      media: "processor time of RTP",
      soak: "ten minutes of steady load, for memory",
    },
    run: async (args) => {
      await setUp("dev");
      const { benchParts, benchSip } = await import("../test/bench/sip.ts");
      return benchSip({ check: args.flags.has("check"), parts: benchParts.filter((part) => args.flags.has(part)) });
    },
  },
  "bench:monitoring": {
    summary: "what monitoring costs the edge, and what it takes itself",
    anyStack: true,
    flags: { check: "end non-zero when a bar is missed" },
    run: async (args) => {
      await setUpForTestStacks();
      return (await import("../test/bench/monitoring.ts")).benchMonitoring(args.flags.has("check"));
    },
  },
};

async function main(name: string, args: readonly string[]): Promise<number> {
  const command = commands[name];
  if (!command) {
    const list = Object.entries(commands)
      .filter(([, { internal }]) => !internal)
      .map(([key, { summary }]) => `  npm run ${key.padEnd(16)} ${summary}`);
    const known = list.join("\n");
    if (name === "" || name === "--help") console.log(known);
    else throw new UserError(`unknown command ${name}. There are:\n${known}`);
    return 0;
  }
  if (command.raw !== undefined) return command.raw(args);
  if (args.includes("--help") || args.includes("-h")) {
    console.log(`${command.summary}\n${describe(name, command)}`);
    return 0;
  }
  return command.run(readArguments(name, args, command));
}

try {
  process.exitCode = await main(process.argv[2] ?? "", process.argv.slice(3));
} catch (error) {
  const expected = error instanceof UserError || (error instanceof Error && error.name === "SmokeFailure");
  console.error(expected ? `\nsbc: ${error.message}` : error);
  process.exitCode = 1;
}
