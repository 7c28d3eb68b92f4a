import { capture } from "./run.ts";

/** A container and what `docker ps` says of it. */
export interface ContainerStatus {
  name: string;
  status: string;
}

/** The containers of a stack, by the first part of their names; none when no engine answers. */
export function containersOf(prefix: string): ContainerStatus[] {
  const format = "{{.Names}}\t{{.Status}}";
  const { stdout } = capture("docker", ["ps", "--all", "--filter", `name=^${prefix}-`, "--format", format]);
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [name = "", status = ""] = line.split("\t");
      return { name, status };
    });
}

/** The last log lines of each container of a stack that is not well: what the CLI says of it is only that it is not. */
export function lastLogs(prefix: string): readonly string[] {
  return containersOf(prefix)
    .filter(({ status }) => /unhealthy|Restarting|Exited \((?!0\))|Dead/.test(status))
    .map(({ name, status }) => {
      const { stdout, stderr } = capture("docker", ["logs", "--tail", "30", name]);
      return `--- ${name} (${status}), last lines of: docker logs ${name}\n${stdout}${stderr}`.trimEnd();
    });
}

/** URNs of the stack's jobs that ended badly. For the engine they are made, so without `--replace` they would not run again. */
export function failedJobs(prefix: string, exported: () => string): string[] {
  const failed = new Set(
    containersOf(prefix).flatMap(({ name, status }) => (/^Exited \((?!0\))/.test(status) ? [name] : [])),
  );
  // The export costs half a second: only when there is something to find.
  if (failed.size === 0) return [];
  const { deployment } = JSON.parse(exported()) as { deployment: { resources?: StateResource[] } };
  return (deployment.resources ?? []).flatMap(({ urn, type, inputs }) =>
    type === "docker:index/container:Container" && inputs?.attach === true && failed.has(inputs.name ?? "")
      ? [urn]
      : [],
  );
}

interface StateResource {
  urn: string;
  type: string;
  inputs?: { name?: string; attach?: boolean };
}
