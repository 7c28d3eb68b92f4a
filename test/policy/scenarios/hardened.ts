import * as docker from "@pulumi/docker";

/** An image that is there by content: nothing is pulled in a preview. */
const image = `sha256:${"0123456789abcdef".repeat(4)}`;

/** Labels that the stack rules are keyed on. */
export function labels(role: string, plane: string): { label: string; value: string }[] {
  return [
    { label: "sbc.role", value: role },
    { label: "sbc.plane", value: plane },
  ];
}

/** A service that keeps every rule, but for what `change` says. */
export function service(name: string, change: Partial<docker.ContainerArgs> = {}): docker.Container {
  const args: docker.ContainerArgs = {
    name,
    image,
    labels: labels("web", "edge"),
    user: "4101:4101",
    readOnly: true,
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges:true"],
    memory: 64,
    memorySwap: 64,
    cpus: "0.5",
    ulimits: [
      { name: "nofile", soft: 1024, hard: 1024 },
      { name: "nproc", soft: 64, hard: 64 },
    ],
    healthcheck: { tests: ["CMD", "true"], interval: "3s", timeout: "2s", retries: 3 },
    restart: "unless-stopped",
    logDriver: "json-file",
    logOpts: { "max-size": "10m", "max-file": "3" },
    destroyGraceSeconds: 60,
    networkMode: "bridge",
    networksAdvanced: [{ name: "scenario-net" }],
    ...change,
  };
  return new docker.Container(name, args, { deleteBeforeReplace: true });
}

/** A one-shot container that keeps every rule, but for what `change` says. */
export function job(name: string, change: Partial<docker.ContainerArgs> = {}): docker.Container {
  return service(name, {
    labels: labels("job", "edge"),
    readOnly: false,
    healthcheck: undefined,
    restart: "no",
    destroyGraceSeconds: undefined,
    mustRun: false,
    attach: true,
    ...change,
  });
}

/** A file that a job stages. */
export function staged(file: string, content: string): Partial<docker.ContainerArgs> {
  return { uploads: [{ file, content }] };
}

/** What every stack of this kind has, and the rules about absence look for: a database on a volume, and voice nodes. */
export function foundation(nodes: number): void {
  new docker.Network("scenario-net", { name: "scenario-net" });
  const data = new docker.Volume("data", { name: "scenario-data" }, { protect: true });
  service("mariadb", {
    labels: labels("mariadb", "data"),
    volumes: [{ volumeName: data.name, containerPath: "/var/lib/mysql" }],
  });
  for (let index = 1; index <= nodes; index += 1) service(`asterisk-${index}`, { labels: labels("asterisk", "voice") });
}
