import * as docker from "@pulumi/docker";

interface Variant {
  readonly prefix: string;
  readonly image: string;
  readonly parts: readonly ("health" | "waiting" | "clashes" | "uncovered")[];
  /** Host port that something else holds. */
  readonly takenPort?: number;
}

const { prefix, image, parts, takenPort } = JSON.parse(process.env.CONFORMANCE_VARIANT ?? "{}") as Variant;
const name = (thing: string): string => `${prefix}-${thing}`;
const forever = ["bash", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"];
const volumeName = name("data");

if (parts.includes("health")) {
  // Healthy as soon as somebody puts a file into the volume: the cure comes from outside, no argument changes.
  const volume = new docker.Volume("volume", { name: volumeName });
  const unhealthy: docker.ContainerArgs = {
    image,
    command: forever,
    networkMode: "none",
    volumes: [{ volumeName: volume.name, containerPath: "/data" }],
    healthcheck: { tests: ["CMD", "test", "-e", "/data/cure"], interval: "1s", timeout: "1s", retries: 1 },
    wait: true,
    waitTimeout: 3,
  };
  const complaint = ["bash", "-c", `echo the cure is missing >&2; ${forever.at(-1)}`];
  const waited = new docker.Container("waited", { ...unhealthy, name: name("waited"), command: complaint });
  new docker.Container(
    "replaced",
    { ...unhealthy, name: name("replaced") },
    { replaceOnChanges: ["#initerror"], deleteBeforeReplace: true },
  );
  new docker.Container(
    "dependent",
    { name: name("dependent"), image, command: forever, networkMode: "none" },
    { dependsOn: [waited] },
  );
}

if (parts.includes("waiting")) {
  new docker.Container("waitingService", {
    name: name("waiting-service"),
    image,
    command: forever,
    networkMode: "none",
    healthcheck: { tests: ["CMD", "false"], interval: "1s", timeout: "1s", retries: 100 },
    wait: true,
    waitTimeout: 120,
  });
  new docker.Container("waitingJob", {
    name: name("waiting-job"),
    image,
    command: ["sleep", "120"],
    networkMode: "none",
    restart: "no",
    mustRun: false,
    attach: true,
  });
}

if (parts.includes("clashes")) {
  new docker.Container("sameName", { name: name("foreign"), image, command: forever, networkMode: "none" });
  new docker.Network("sameNetworkName", { name: name("foreign"), ipamConfigs: [{ subnet: "10.93.21.0/24" }] });
  new docker.Network("overlapping", { name: name("overlapping"), ipamConfigs: [{ subnet: "10.93.20.128/25" }] });
  new docker.Volume("sameVolumeName", { name: name("foreign") });
  new docker.Container("unknownImage", {
    name: name("no-image"),
    image: `${prefix}-no-such-image:1`,
    command: forever,
  });
  new docker.Container("takenPort", {
    name: name("taken-port"),
    image,
    command: forever,
    ports: [{ internal: 80, external: takenPort ?? 0, ip: "127.0.0.1" }],
  });
}

if (parts.includes("uncovered")) {
  new docker.Container("uncovered", {
    name: name("uncovered"),
    image,
    gpus: "all",
    volumes: [{ fromContainer: "another", containerPath: "/x" }],
  });
}
