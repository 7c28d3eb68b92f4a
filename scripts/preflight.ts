import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { capture, must, UserError } from "./run.ts";

/** What a stack is about to take from the host. */
export interface Wanted {
  /** Name prefix of the stack's containers and networks; what it has already taken is no conflict. */
  prefix: string;
  /** Subnets, each with the configuration key that sets it. */
  subnets: readonly { key: string; cidr: string }[];
  /** Published ports, each with the configuration key that sets it. */
  ports: readonly { key: string; ip: string; port: number; protocol: "tcp" | "udp" }[];
}

/** A subnet that is in use, and by whom. */
export interface UsedSubnet {
  cidr: string;
  /** `network NAME` of Docker or `interface NAME` of the host. */
  owner: string;
}

/** A port that is bound, and by whom, as far as it can be known. */
export interface UsedPort {
  ip: string;
  port: number;
  protocol: "tcp" | "udp";
  /** `container NAME`, `process NAME (pid N)`, or undefined. */
  owner?: string;
}

/** One sentence for each clash between what a stack wants and what the host has in use; empty when there is none. */
export function conflicts(wanted: Wanted, subnets: readonly UsedSubnet[], ports: readonly UsedPort[]): string[] {
  const own = (owner: string | undefined) =>
    owner !== undefined && owner.split(" ")[1]?.startsWith(`${wanted.prefix}-`);
  const problems: string[] = [];
  for (const { key, cidr } of wanted.subnets) {
    for (const used of subnets) {
      if (!own(used.owner) && overlap(cidr, used.cidr)) {
        problems.push(
          `${key} = ${cidr} overlaps ${used.cidr} of ${used.owner} on this host; ` +
            `choose a free subnet: pulumi config set --path ${key} 10.${freeOctet(subnets)}.0.0/24`,
        );
      }
    }
  }
  for (const { key, ip, port, protocol } of wanted.ports) {
    const used = ports.find(
      (other) => other.protocol === protocol && other.port === port && sameAddress(other.ip, ip) && !own(other.owner),
    );
    if (used) {
      problems.push(
        `${key} wants ${ip}:${port}/${protocol}, which ${used.owner ?? "another process"} has bound; ` +
          `end that, or choose another port: pulumi config set --path ${key} ${port + 10000}`,
      );
    }
  }
  return problems;
}

/** What the full profile needs beside the core, in GiB: the heaps and limits of docs/monitoring-logs.md. */
const fullProfileGiB = 8;

/** A warning when a machine has less memory than the tools of a profile may take. */
export function memoryProblem(profile: string, totalBytes: number): string | undefined {
  const gib = totalBytes / 2 ** 30;
  // What the kernel keeps for itself is not in the figure: a machine of 8 GiB shows 7.7.
  if (profile !== "full" || gib > fullProfileGiB - 0.5) return undefined;
  return `this machine has ${gib.toFixed(1)} GiB; the full profile wants ${fullProfileGiB}. Metrics only: pulumi config set --path sbc:monitoring.profile light`;
}

function overlap(left: string, right: string): boolean {
  const [a, b] = [range(left), range(right)];
  return a !== undefined && b !== undefined && a.first <= b.last && b.first <= a.last;
}

function range(cidr: string): { first: number; last: number } | undefined {
  const [address = "", bits = "32"] = cidr.split("/");
  const octets = address.split(".").map(Number);
  if (octets.length !== 4) return undefined;
  const size = 2 ** (32 - Number(bits));
  const number = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const first = Math.floor(number / size) * size;
  return { first, last: first + size - 1 };
}

/** A wildcard address takes the port on every address. */
function sameAddress(left: string, right: string): boolean {
  const wildcard = (ip: string) => ip === "0.0.0.0" || ip === "::";
  return left === right || wildcard(left) || wildcard(right);
}

function freeOctet(subnets: readonly UsedSubnet[]): number {
  for (let octet = 20; octet < 255; octet++) {
    if (!subnets.some(({ cidr }) => overlap(`10.${octet}.0.0/16`, cidr))) return octet;
  }
  return 20;
}

const limit = { timeout: 20_000 };

/** Name and subnets of networks, a line each. One that has gone since it was listed is in nobody's way, and left out. */
function describeNetworks(ids: readonly string[]): string {
  if (ids.length === 0) return "";
  const format = "{{.Name}}{{range .IPAM.Config}} {{.Subnet}}{{end}}";
  const { code, stdout, stderr } = capture("docker", ["network", "inspect", "--format", format, ...ids], limit);
  if (code !== 0 && !/not found|No such network/i.test(stderr))
    throw new UserError(`docker network inspect: ${stderr}`);
  return stdout;
}

/** Subnets of Docker's networks and of the host's own interfaces (IPv4). */
export function usedSubnets(): UsedSubnet[] {
  const ids = must("docker", ["network", "ls", "--quiet", "--filter", "driver=bridge"], limit)
    .split("\n")
    .filter(Boolean);
  const fromDocker = describeNetworks(ids)
    .split("\n")
    .filter(Boolean)
    .flatMap((line) => {
      const [name = "", ...cidrs] = line.split(" ");
      return cidrs.map((cidr) => ({ cidr, owner: `network ${name}` }));
    });
  const fromHost = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? [])
      // Docker's bridges were listed above, by the names that people know them by.
      .filter(({ family }) => family === "IPv4" && name !== "lo" && !/^(br-|docker)/.test(name))
      .flatMap(({ cidr }) => (cidr ? [{ cidr, owner: `interface ${name}` }] : [])),
  );
  return [...fromDocker, ...fromHost];
}

/** Bound UDP and listening TCP ports of this host, with the container or process that has them. Linux only: reads /proc. */
export function usedPorts(): UsedPort[] {
  const published = publishedPorts();
  const processes = socketOwners();
  return (["tcp", "udp"] as const).flatMap((protocol) =>
    ["", "6"].flatMap((family) =>
      procSockets(`/proc/net/${protocol}${family}`, protocol === "tcp").map(({ ip, port, inode }) => {
        const container = published.get(`${protocol}:${port}`);
        return { ip, port, protocol, owner: container ? `container ${container}` : processes.get(inode) };
      }),
    ),
  );
}

function procSockets(file: string, listeningOnly: boolean): { ip: string; port: number; inode: string }[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return []; // no IPv6, or no /proc
  }
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [address = "", port = ""] = (fields[1] ?? "").split(":");
      if (!port || (listeningOnly && fields[3] !== "0A")) return [];
      return [{ ip: procAddress(address), port: parseInt(port, 16), inode: fields[9] ?? "" }];
    });
}

/** `0100007F` (little endian) → `127.0.0.1`. Of IPv6 only the wildcard matters here: it takes the IPv4 port as well. */
function procAddress(hex: string): string {
  if (hex.length > 8) return /^0+$/.test(hex) ? "::" : "ipv6";
  return (hex.match(/../g) ?? [])
    .reverse()
    .map((byte) => parseInt(byte, 16))
    .join(".");
}

/** Socket inode → process; only root sees other users' processes. */
function socketOwners(): Map<string, string> {
  const owners = new Map<string, string>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1];
        if (inode) owners.set(inode, `process ${readFileSync(`/proc/${pid}/comm`, "utf8").trim()} (pid ${pid})`);
      }
    } catch {
      // ended meanwhile, or another user's
    }
  }
  return owners;
}

/** `tcp:5060` → name of the container that publishes it; without an engine nothing is published. */
function publishedPorts(): Map<string, string> {
  const published = new Map<string, string>();
  for (const line of capture("docker", ["ps", "--format", "{{.Names}} {{.Ports}}"], limit).stdout.split("\n")) {
    const [name = "", ...ports] = line.split(" ");
    for (const [, first = "", last, protocol] of ports.join(" ").matchAll(/:(\d+)(?:-(\d+))?->[\d-]+\/(tcp|udp)/g)) {
      for (let port = Number(first); port <= Number(last ?? first); port++) published.set(`${protocol}:${port}`, name);
    }
  }
  return published;
}
