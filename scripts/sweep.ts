import { existsSync } from "node:fs";
import { capture } from "./run.ts";

/**
 * First part of the name of what a test or bench makes in Docker: `sbc-e2e-p4711-9f2c`. It carries the number of the process that made it, so that
 * what a killed run left can be told from what a run needs that still goes on.
 */
export function testPrefix(kind: "sbc-e2e" | "sbc-test" | "sbc-conf" | "sbc-bench", detail: string): string {
  return `${kind}-p${process.pid}-${detail}`;
}

/** Number of the process that made the thing of that name; undefined for what no test made. */
export function testProcess(name: string): number | undefined {
  const pid = /^sbc-(?:e2e|test|conf|bench)-p(\d+)-/.exec(name)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

const kinds = [
  { list: ["container", "ls", "--all", "--format", "{{.Names}}"], remove: ["container", "rm", "--force", "--volumes"] },
  { list: ["network", "ls", "--format", "{{.Name}}"], remove: ["network", "rm"] },
  { list: ["volume", "ls", "--format", "{{.Name}}"], remove: ["volume", "rm", "--force"] },
] as const;

/** Removes what a test run that was killed has left: its containers come back with the daemon, and its networks hold their subnets. */
export function sweepTests(): string {
  const removed = kinds.flatMap(({ list, remove }) => {
    const names = capture("docker", list).stdout.split("\n").filter(isLeftOver);
    if (names.length > 0) capture("docker", [...remove, ...names], { timeout: 120_000 });
    return names;
  });
  return removed.length === 0 ? "nothing" : removed.join(", ");
}

function isLeftOver(name: string): boolean {
  const pid = testProcess(name);
  return pid !== undefined && !existsSync(`/proc/${pid}`);
}
