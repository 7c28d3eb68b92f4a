import { existsSync, statfsSync, statSync } from "node:fs";
import { baseImage, baseImageReady } from "./base-image.ts";
import { cliFloor, findCli, goProblem } from "./cli.ts";
import { containersOf } from "./containers.ts";
import { askEngine, ownEngineRuns, stalePidFiles } from "./engine.ts";
import { installedKind, pluginNames, pluginVersion, settledKind } from "./plugins.ts";
import { conflicts, usedPorts, usedSubnets } from "./preflight.ts";
import { capture } from "./run.ts";
import {
  hasResources,
  lostPassphrase,
  ownsSalt,
  passphraseFile,
  requireStackFile,
  stackCopy,
  stackFile,
  stacksWithSecrets,
} from "./stack.ts";
import { readWanted } from "./wanted.ts";

interface Finding {
  part: string;
  found: string;
  /** What is wrong, and what to type; none when all is well. */
  problem?: string;
}

/** `npm run doctor`: what is in use, what is wrong and how to mend it. Changes nothing. Resolves to 1 when something is wrong. */
export function doctor(stack: string): number {
  // A name that does not exist is a mistake of typing, not of the machine.
  requireStackFile(stack);
  const findings = [
    node(),
    cli(),
    ...plugins(),
    ...engine(),
    ...images(),
    stackFiles(stack),
    ...host(stack),
    ...containers(stack),
  ];
  for (const { part, found, problem } of findings) {
    console.log(`${problem ? "✖" : "✔"} ${part.padEnd(18)} ${found}${problem ? `\n  → ${problem}` : ""}`);
  }
  return findings.some(({ problem }) => problem) ? 1 : 0;
}

function node(): Finding {
  return { part: "Node.js", found: `${process.version}, ${process.execPath}` };
}

function cli(): Finding {
  const part = "Pulumi CLI";
  const found = findCli();
  if (found)
    return { part, found: `${found.version}, ${found.path}${found.origin === "built" ? " (built here)" : ""}` };
  const go = goProblem();
  return {
    part,
    found: `none ≥ ${cliFloor()}`,
    problem: go === undefined ? "npm run up builds one; or install it" : `install it, or Go to build it with: ${go}`,
  };
}

function plugins(): Finding[] {
  return pluginNames.map((name) => {
    const kind = installedKind(name);
    const found =
      kind === "stand-in" ? "STAND-IN of this repository (Pulumi's own: npm run up -- --plugins official)" : kind;
    const other = kind !== "missing" && settledKind() !== undefined && kind !== settledKind();
    const problem = kind === "missing" || other ? "npm run up installs it" : undefined;
    return { part: `plugin ${name}`, found: `${pluginVersion(name)}, ${found}`, problem };
  });
}

function engine(): Finding[] {
  const part = "Docker Engine";
  const answer = askEngine();
  if ("version" in answer) {
    const at = process.env["DOCKER_HOST"] ? ` at ${process.env["DOCKER_HOST"]}` : "";
    const owner = ownEngineRuns() ? ", started by this set-up (npm run down -- --engine ends it)" : "";
    return [{ part, found: `${answer.version}${at}${owner}` }, diskSpace()];
  }
  const stale = stalePidFiles();
  const remains = stale.length > 0 ? `; a killed daemon left ${stale.join(", ")} behind, which npm run up removes` : "";
  return [{ part, found: answer.problem, problem: `start it, or run npm run up as root on Debian${remains}` }];
}

/** All images take 3 GB; half as much again while they are built. */
const spaceNeeded = 5e9;

function diskSpace(): Finding {
  const folder = capture("docker", ["info", "--format", "{{.DockerRootDir}}"]).stdout.trim();
  // The engine may run on another machine.
  if (folder === "" || !existsSync(folder)) return { part: "disk space", found: "not known: the engine is elsewhere" };
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  return {
    part: "disk space",
    found: `${(free / 1e9).toFixed(0)} GB free at ${folder}`,
    problem: free < spaceNeeded ? "free some: docker system df; docker builder prune; docker image prune" : undefined,
  };
}

function images(): Finding[] {
  if ("problem" in askEngine()) return [];
  const ready = baseImageReady();
  const built = capture("docker", ["images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=sbc-*"]);
  return [
    {
      part: "base image",
      found: ready ? baseImage : "missing, or of other sources",
      problem: ready ? undefined : "npm run up makes it",
    },
    {
      part: "service images",
      found: built.stdout.trim().split("\n").filter(Boolean).toSorted().join(", ") || "none yet",
    },
  ];
}

function stackFiles(stack: string): Finding {
  const part = `stack ${stack}`;
  const file = passphraseFile();
  const inEnvironment = process.env["PULUMI_CONFIG_PASSPHRASE"] !== undefined;
  if (!inEnvironment && !existsSync(file)) {
    const orphans = stacksWithSecrets();
    return { part, found: "no passphrase file", problem: orphans.length > 0 ? lostPassphrase(orphans) : undefined };
  }
  if (!inEnvironment && (statSync(file).mode & 0o077) !== 0) {
    return { part, found: `others can read the passphrase in ${file}`, problem: `chmod 600 ${file}` };
  }
  return { part, found: ownsSalt(stack) ? (stackCopy(stack) ?? "not made yet") : stackFile(stack) };
}

function host(stack: string): Finding[] {
  if ("problem" in askEngine()) return [];
  const problems = conflicts(readWanted(stack), usedSubnets(), usedPorts());
  if (problems.length === 0) return [{ part: "addresses, ports", found: "free, or this stack's own" }];
  return problems.map((problem) => ({ part: "addresses, ports", found: "taken", problem: `${problem} -s ${stack}` }));
}

function containers(stack: string): Finding[] {
  if ("problem" in askEngine()) return [];
  const all = containersOf(readWanted(stack).prefix);
  // Jobs have ended with code 0.
  const bad = all.filter(({ status }) => !/^Up (?!.*unhealthy)|^Exited \(0\)/.test(status));
  if (all.length === 0) return [{ part: "containers", found: "none: the stack is not up" }];
  if (hasResources(stack) === false) {
    const problem = "npm run down in the clone that made them; or give this stack a name, subnets and ports of its own";
    return [{ part: "containers", found: `${all.length}, but not of this clone's stack`, problem }];
  }
  if (bad.length === 0) return [{ part: "containers", found: `${all.length} well` }];
  return bad.map(({ name, status }) => ({
    part: "container",
    found: `${name}: ${status}`,
    problem: `docker logs --tail 50 ${name}; then npm run up -- ${stack}`,
  }));
}
