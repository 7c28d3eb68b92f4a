import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readOr } from "./cli.ts";
import { paths } from "./paths.ts";
import { capture, must, UserError } from "./run.ts";
import { sweepTests } from "./sweep.ts";

/** Where a daemon of ours keeps its things. All but pid file and log are dockerd's own defaults. */
export interface EngineFiles {
  pidFile: string;
  logFile: string;
  /** What dockerd calls its execution root. */
  execRoot: string;
  /** Where a daemon that somebody else started writes its process number. */
  foreignPidFile: string;
  socket: string;
  /** Further arguments for dockerd. */
  args: readonly string[];
  /** What dockerd is started by, e.g. `unshare --net`. Default: nothing. */
  launcher?: readonly string[];
}

const ours: EngineFiles = {
  pidFile: join(paths.engine, "dockerd.pid"),
  logFile: join(paths.engine, "dockerd.log"),
  execRoot: "/var/run/docker",
  foreignPidFile: "/var/run/docker.pid",
  socket: "/var/run/docker.sock",
  args: [],
};

const startLimitMs = 60_000;

/** Version of the Docker Engine that answers, or why none does. */
export function askEngine(): { version: string } | { problem: string } {
  adoptContext();
  const { code, stdout, stderr } = capture("docker", ["version", "--format", "{{.Server.Version}}"], {
    timeout: 20_000,
  });
  if (code === 0 && stdout.trim() !== "") return { version: stdout.trim() };
  return { problem: code === 127 ? "the docker command is not installed" : stderr.trim() };
}

/** The provider plugins know DOCKER_HOST and the default socket only, not the contexts of the docker command (rootless, Docker Desktop). */
export function adoptContext(): void {
  if (process.env["DOCKER_HOST"] || existsSync(ours.socket)) return;
  const { code, stdout } = capture("docker", ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]);
  const host = stdout.trim();
  if (code === 0 && host !== "" && host !== `unix://${ours.socket}`) process.env["DOCKER_HOST"] = host;
}

/** True while a daemon runs that the set-up started. */
export function ownEngineRuns(files: EngineFiles = ours): boolean {
  return isProcess(readOr(files.pidFile), "dockerd");
}

function isProcess(pid: string, name: string): boolean {
  return /^\d+\s*$/.test(pid) && readOr(`/proc/${pid.trim()}/comm`).trim() === name;
}

/** @throws UserError when no engine answers; starts none. */
export function requireEngine(): string {
  const answer = askEngine();
  if ("version" in answer) return answer.version;
  throw new UserError(`no Docker Engine answers: ${answer.problem}\nStart yours, or let npm run up do it.`);
}

/**
 * Makes sure that a Docker Engine answers. A running one is used as it is; otherwise root on Debian gets one installed and started.
 * @throws UserError when that is not possible, with what to do.
 */
export async function ensureEngine(): Promise<string> {
  const first = askEngine();
  if ("version" in first) return `${first.version}${ownEngineRuns() ? ", started by this set-up" : ""}`;
  if (process.env["DOCKER_HOST"]) {
    throw new UserError(
      `no Docker Engine answers at DOCKER_HOST=${process.env["DOCKER_HOST"]}: ${first.problem}\n` +
        "Start it there, or unset DOCKER_HOST to use the one of this machine.",
    );
  }
  if (/permission denied/i.test(first.problem)) {
    throw new UserError(
      `a Docker Engine runs, but not for you: ${first.problem}\nRun this as root, or join the group: sudo usermod -aG docker $USER, then log in again.`,
    );
  }
  if (process.getuid?.() !== 0) {
    throw new UserError(
      `no Docker Engine: ${first.problem}\nStart yours, or run this as root on Debian to have one installed and started.`,
    );
  }
  const systemd = existsSync("/run/systemd/system");
  const installed = exists("dockerd");
  if (installed && systemd) {
    throw new UserError("Docker is installed but not running; systemd manages it here: systemctl start docker");
  }
  if (!installed || !exists("docker")) installEngine();
  if (!exists("iptables")) installPackages(["iptables"], "dockerd needs it");
  if (systemd) must("systemctl", ["start", "docker"]);
  else await startEngine();
  const version = await waitForEngine();
  if (systemd) return `${version}, installed; systemctl stop docker ends it`;
  // Containers of test stacks that were killed come back with the engine, and hold their subnets.
  sweepTests();
  return `${version}, started by this set-up; npm run down -- --engine ends it`;
}

function exists(command: string): boolean {
  return capture(command, ["--version"]).code !== 127;
}

function installEngine(): void {
  installPackages(["docker.io", "iptables"], "no Docker Engine was found");
  // Newer releases have the command in a package of its own, which docker.io only recommends.
  if (!exists("docker")) installPackages(["docker-cli"], "the docker command");
}

/** Installs Debian packages, and says so. */
export function installPackages(packages: readonly string[], reason: string): void {
  if (process.getuid?.() !== 0 || !exists("apt-get")) {
    throw new UserError(
      `${packages.join(", ")} is needed (${reason}), and can be installed only by root on Debian: install it and run this again`,
    );
  }
  console.error(`  apt-get install ${packages.join(" ")} (${reason})`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  must("apt-get", ["update", "-qq"], { env });
  must("apt-get", ["install", "--yes", "--no-install-recommends", ...packages], { env });
}

/** Starts a daemon of ours, unless one runs. @throws UserError when somebody else's does, and does not answer. */
export async function startEngine(files: EngineFiles = ours): Promise<void> {
  if (ownEngineRuns(files)) return;
  const foreign = readOr(files.foreignPidFile);
  if (isProcess(foreign, "dockerd")) {
    throw new UserError(
      `a dockerd runs (pid ${foreign.trim()}), but does not answer at ${files.socket}. It was not started by this set-up: restart it yourself.`,
    );
  }
  removeRemains(files);
  mountControlGroups();
  mkdirSync(join(files.pidFile, ".."), { recursive: true });
  if (existsSync(files.logFile)) renameSync(files.logFile, `${files.logFile}.1`);
  const log = openSync(files.logFile, "a");
  // Containers get their limit of open files from the daemon's own.
  const command = 'ulimit -n "$(ulimit -H -n)"; exec "$@"';
  const daemon = [...(files.launcher ?? []), "dockerd", "--pidfile", files.pidFile, ...files.args];
  const dockerd = spawn("sh", ["-c", command, "sh", ...daemon], {
    // Outlives this process: a daemon ends with `npm run down -- --engine` only.
    detached: true,
    stdio: ["ignore", log, log],
  });
  dockerd.unref();
  await waitForSocket(files, dockerd);
}

/** A daemon that was killed hard leaves pid files behind; once another process has such a number, dockerd believes that it runs already. */
function removeRemains({ pidFile, foreignPidFile, execRoot }: EngineFiles): void {
  const containerd = join(execRoot, "containerd");
  const remains = [
    { pid: pidFile, name: "dockerd", files: [pidFile] },
    { pid: foreignPidFile, name: "dockerd", files: [foreignPidFile] },
    {
      pid: join(containerd, "containerd.pid"),
      name: "containerd",
      files: ["containerd.pid", "containerd.sock", "containerd.sock.ttrpc", "containerd-debug.sock"].map((file) =>
        join(containerd, file),
      ),
    },
  ];
  for (const { pid, name, files } of remains) {
    if (existsSync(pid) && !isProcess(readFileSync(pid, "utf8"), name)) {
      for (const file of files) rmSync(file, { force: true });
    }
  }
}

/** Without an init system nobody has mounted them, and no container starts. */
function mountControlGroups(): void {
  if (/ \/sys\/fs\/cgroup\S* cgroup2? /.test(readOr("/proc/mounts"))) return;
  if (!exists("cgroupfs-mount")) installPackages(["cgroupfs-mount"], "control groups are not mounted");
  must("cgroupfs-mount", []);
}

async function waitForSocket(files: EngineFiles, dockerd: ChildProcess): Promise<void> {
  const deadline = Date.now() + startLimitMs;
  while (capture("docker", ["--host", `unix://${files.socket}`, "version"], { timeout: 10_000 }).code !== 0) {
    const ended = dockerd.exitCode !== null || dockerd.signalCode !== null;
    if (ended || Date.now() > deadline) {
      if (!ended && dockerd.pid !== undefined) process.kill(dockerd.pid, "SIGTERM");
      const log = readOr(files.logFile).trim().split("\n").slice(-15).join("\n");
      const what = ended ? "ended at once" : `did not become ready within ${startLimitMs / 1000} s`;
      throw new UserError(`dockerd ${what}; its log (${files.logFile}) ends with:\n${log}`);
    }
    await sleep(200);
  }
}

async function waitForEngine(): Promise<string> {
  const deadline = Date.now() + startLimitMs;
  for (;;) {
    const answer = askEngine();
    if ("version" in answer) return answer.version;
    if (Date.now() > deadline) throw new UserError(`the Docker Engine does not answer: ${answer.problem}`);
    await sleep(300);
  }
}

/** Ends the daemon that the set-up started, and no other. */
export async function stopEngine(files: EngineFiles = ours): Promise<string> {
  if (!ownEngineRuns(files)) return "no Docker Engine was started by this set-up: nothing to stop";
  const pid = Number(readOr(files.pidFile));
  process.kill(pid, "SIGTERM");
  const deadline = Date.now() + startLimitMs;
  while (isProcess(String(pid), "dockerd")) {
    if (Date.now() > deadline)
      throw new UserError(`dockerd (pid ${pid}) did not end within 60 s; see ${files.logFile}`);
    await sleep(200);
  }
  rmSync(files.pidFile, { force: true });
  return `stopped the Docker Engine (pid ${pid}); its images and volumes are kept`;
}

/** Pid files that a daemon which was killed left behind. */
export function stalePidFiles(): string[] {
  return [ours.foreignPidFile, ours.pidFile].filter(
    (file) => existsSync(file) && !isProcess(readFileSync(file, "utf8"), "dockerd"),
  );
}
