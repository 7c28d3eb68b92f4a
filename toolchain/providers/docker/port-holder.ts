import { readdir, readFile, readlink } from "node:fs/promises";
import { ask } from "./daemon.ts";

/** Who holds the port that the daemon's answer complains about, as far as this machine can tell. */
export async function portHolder(answer: string): Promise<string | undefined> {
  const [, protocol = "tcp", address] =
    /(?:listen (tcp|udp)[46]?|Bind for) ?((?:\d+\.){3}\d+:\d+|\[[^\]]*\]:\d+)/.exec(answer) ?? [];
  const port = Number(address?.replace(/^.*:/, ""));
  if (!Number.isInteger(port)) return undefined;

  const holders = await ask("unable to list containers", (docker) =>
    docker.listContainers({ filters: { publish: [`${port}/tcp`, `${port}/udp`] } }),
  );
  const names = holders.map(({ Names }) => Names[0]?.replace(/^\//, "")).join(", ");
  if (names !== "") return `port ${port} is published by container ${names}`;
  const program = await programListeningOn(protocol, port);
  return program === undefined ? undefined : `port ${port}/${protocol} is held by ${program}`;
}

/** Finds the socket's inode among the kernel's tables, then the process that has it open (root sees all of them). */
async function programListeningOn(protocol: string, port: number): Promise<string | undefined> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const tables = await Promise.all(
    [protocol, `${protocol}6`].map((table) => readFile(`/proc/net/${table}`, "utf8").catch(() => "")),
  );
  const inodes = tables
    .flatMap((table) => table.split("\n"))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, remote]) => local?.endsWith(suffix) && remote?.endsWith(":0000"))
    .map((columns) => `socket:[${columns[9]}]`);
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
      if (!inodes.includes(target)) continue;
      return `${(await readFile(`/proc/${pid}/comm`, "utf8")).trim()} (process ${pid})`;
    }
  }
  return undefined;
}
