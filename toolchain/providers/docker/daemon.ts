import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";

type Address = { readonly socketPath: string } | { readonly host: string; readonly port: number };

const pingTimeoutMs = 5000;
const watchMs = 2000;

let daemonHost = "";
let client: Promise<Docker> | undefined;

/**
 * Chooses the daemon (config `docker:host`, else DOCKER_HOST, else the default socket) and makes sure that it answers.
 * @throws Error naming the host and what to do
 */
export async function connect(configuredHost?: string): Promise<void> {
  daemonHost = configuredHost ?? process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock";
  client = undefined;
  await ping().catch((error: unknown) => {
    throw translated(error, "failed to connect to any docker daemon");
  });
}

function ping(): Promise<void> {
  return new Promise((resolve, reject) => {
    const ping = request({ ...parseHost(daemonHost), path: "/_ping", timeout: pingTimeoutMs }, (response) => {
      response.resume();
      response.once("close", resolve);
    });
    ping.once("timeout", () => ping.destroy(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })));
    ping.once("error", reject);
    ping.end();
  });
}

/** The client. Its library is loaded at the first use: a preview of a new stack asks the daemon nothing. */
export function docker(): Promise<Docker> {
  client ??= import("dockerode").then(({ default: Client }) => {
    const address = parseHost(daemonHost);
    return new Client("socketPath" in address ? address : { ...address, protocol: "http" });
  });
  return client;
}

/** Awaits a call to the daemon; an error says what was tried, what the daemon answered, and whether it can be reached. */
export async function ask<T>(what: string, work: (client: Docker) => Promise<T>): Promise<T> {
  const answered = new AbortController();
  try {
    return await Promise.race([work(await docker()), lost(answered.signal)]);
  } catch (error) {
    throw translated(error, what);
  } finally {
    answered.abort();
  }
}

/**
 * Fails when the daemon goes away, until `answered`. Needed beside the call itself: a connection that breaks in the
 * middle of an answer (the end of a job, a build's progress) settles none of the client library's promises.
 */
async function lost(answered: AbortSignal): Promise<never> {
  for (;;) {
    await sleep(watchMs, undefined, { signal: answered });
    await ping().catch((error: unknown) => {
      // A daemon that is slow to answer is not gone.
      if (!(error instanceof Error && "code" in error && error.code === "ETIMEDOUT")) throw error;
    });
  }
}

/** What the daemon answered, when the error is such an answer. */
export interface DaemonError extends Error {
  readonly statusCode: number;
  /** The daemon's own words, without what we were trying. */
  readonly answer: string;
}

/** Whether an error is the daemon's answer with one of these HTTP status codes. */
export function isAnswer(error: unknown, ...statusCodes: readonly number[]): error is DaemonError {
  return error instanceof Error && "statusCode" in error && statusCodes.includes(Number(error.statusCode));
}

function translated(error: unknown, what: string): Error {
  if (!(error instanceof Error)) return new Error(`${what}: ${String(error)}`);
  if (error.name === "AbortError" || "answer" in error) return error;
  if ("statusCode" in error && typeof error.statusCode === "number") {
    const json = "json" in error ? (error.json as { message?: string } | undefined) : undefined;
    const answer = json?.message ?? error.message;
    return Object.assign(new Error(`${what}: ${answer}`), { statusCode: error.statusCode, answer });
  }
  const code = "code" in error ? String(error.code) : error.message;
  const hints: Readonly<Record<string, string>> = {
    EACCES: "permission denied: run as root or as a member of the socket's group (docker)",
    ENOENT: "no such socket: is the Docker daemon running?",
    ECONNREFUSED: "nobody listens there: is the Docker daemon running?",
    ECONNRESET: "the connection broke: was the Docker daemon stopped?",
    EPIPE: "the connection broke: was the Docker daemon stopped?",
    ETIMEDOUT: `no answer within ${pingTimeoutMs / 1000} s`,
  };
  const hint = hints[code];
  return hint === undefined ? new Error(`${what}: ${error.message}`) : new Error(`${what} at ${daemonHost} (${hint})`);
}

function parseHost(host: string): Address {
  const [, scheme, rest = ""] = /^(unix|tcp|http):\/\/(.+)$/.exec(host) ?? [];
  if (scheme === "unix") return { socketPath: rest };
  const [, name, port] = /^(\[[^\]]+\]|[^:/]+):(\d+)\/?$/.exec(rest) ?? [];
  if (scheme !== undefined && name !== undefined) return { host: name.replace(/[[\]]/g, ""), port: Number(port) };
  throw new Error(
    `docker host ${JSON.stringify(host)} is not covered by the stand-in: unix:///path or tcp://name:port without TLS`,
  );
}
