import type { Properties } from "../shared/properties.ts";
import type { Problem } from "../shared/resource.ts";
import { hasUnknown, isUnknown } from "../shared/unknown.ts";
import type { ContainerInputs } from "./container-config.ts";
import { parseDuration } from "./duration.ts";
import { uploadProblems } from "./uploads.ts";

/**
 * What a change of each property does, from the official provider's schema (kreuzwerker/terraform-provider-docker,
 * resource_docker_container.go). Of the properties marked "update", Docker changes only restart, maxRetryCount, the
 * memory and CPU limits and mustRun in place; the rest goes to the state alone, there as here: callers list those that
 * matter in `replaceOnChanges`.
 */
export const containerProperties: Properties<ContainerInputs> = {
  name: { change: "replace", covers: true },
  image: { change: "replace", covers: true },
  command: { change: "replace", covers: true, computed: true },
  entrypoints: { change: "replace", covers: true, computed: true },
  envs: { change: "replace", covers: true, set: true, computed: true },
  labels: { change: "replace", covers: { label: true, value: true }, set: true, computed: true },
  user: { change: "replace", covers: true },
  workingDir: { change: "replace", covers: true },
  hostname: { change: "replace", covers: true, computed: true },
  domainname: { change: "replace", covers: true },
  hosts: { change: "replace", covers: { host: true, ip: true }, set: true },
  dns: { change: "replace", covers: true, set: true },
  dnsOpts: { change: "replace", covers: true, set: true },
  dnsSearches: { change: "replace", covers: true, set: true },
  ports: { change: "replace", covers: { internal: true, external: true, ip: true, protocol: true }, set: true },
  networkMode: { change: "replace", covers: true, default: "bridge" },
  networksAdvanced: {
    change: "replace",
    covers: {
      name: true,
      aliases: true,
      ipv4Address: true,
      ipv6Address: true,
      driverOpts: false,
      gwPriority: false,
      linkLocalIps: false,
      macAddress: false,
    },
    set: true,
  },
  uploads: {
    change: "replace",
    covers: {
      file: true,
      content: true,
      contentBase64: true,
      executable: true,
      permissions: true,
      owner: true,
      group: true,
      source: false,
      sourceHash: false,
    },
    set: true,
  },
  volumes: {
    change: "replace",
    covers: {
      containerPath: true,
      hostPath: true,
      volumeName: true,
      readOnly: true,
      fromContainer: false,
      selinuxRelabel: false,
    },
    set: true,
  },
  mounts: {
    change: "replace",
    covers: {
      type: true,
      source: true,
      target: true,
      readOnly: true,
      bindOptions: { propagation: true },
      tmpfsOptions: { mode: true, sizeBytes: true },
      volumeOptions: {
        driverName: true,
        driverOptions: true,
        labels: { label: true, value: true },
        noCopy: true,
        subpath: false,
      },
    },
    set: true,
  },
  readOnly: { change: "replace", covers: true, default: false },
  privileged: { change: "replace", covers: true, default: false },
  capabilities: { change: "replace", covers: { adds: true, drops: true } },
  securityOpts: { change: "replace", covers: true, set: true, computed: true },
  groupAdds: { change: "replace", covers: true, set: true },
  sysctls: { change: "replace", covers: true },
  ulimits: { change: "replace", covers: { name: true, soft: true, hard: true }, set: true },
  ipcMode: { change: "replace", covers: true, computed: true },
  pidMode: { change: "replace", covers: true },
  shmSize: { change: "replace", covers: true, computed: true },
  cpus: { change: "replace", covers: true },
  logDriver: { change: "replace", covers: true, computed: true },
  logOpts: { change: "replace", covers: true },
  stopSignal: { change: "replace", covers: true, computed: true },
  stopTimeout: { change: "replace", covers: true, computed: true },
  tty: { change: "replace", covers: true, default: false },
  stdinOpen: { change: "replace", covers: true, default: false },

  restart: { change: "update", covers: true, default: "no" },
  maxRetryCount: { change: "update", covers: true, default: 0 },
  memory: { change: "update", covers: true, default: 0 },
  memoryReservation: { change: "update", covers: true, default: 0 },
  memorySwap: { change: "update", covers: true, default: 0 },
  cpuShares: { change: "update", covers: true, default: 0 },
  cpuSet: { change: "update", covers: true, default: "" },
  mustRun: { change: "update", covers: true, default: true },

  healthcheck: {
    change: "update",
    covers: { tests: true, interval: true, timeout: true, startPeriod: true, retries: true, startInterval: false },
    computed: true,
  },
  tmpfs: { change: "update", covers: true },
  init: { change: "update", covers: true, computed: true },
  cpuPeriod: { change: "update", covers: true },
  cpuQuota: { change: "update", covers: true },
  start: { change: "update", covers: true, default: true },
  wait: { change: "update", covers: true, default: false },
  waitTimeout: { change: "update", covers: true, default: 60 },
  attach: { change: "update", covers: true, default: false },
  logs: { change: "update", covers: true, default: false },
  rm: { change: "update", covers: true, default: false },
  removeVolumes: { change: "update", covers: true, default: true },
  destroyGraceSeconds: { change: "update", covers: true },
  containerReadRefreshTimeoutMilliseconds: { change: "update", covers: true, default: 15_000 },

  cgroupParent: false,
  cgroupnsMode: false,
  deviceCgroupRules: false,
  deviceReadBps: false,
  deviceReadIops: false,
  deviceRequests: false,
  devices: false,
  deviceWriteBps: false,
  deviceWriteIops: false,
  gpus: false,
  platform: false,
  publishAllPorts: false,
  runtime: false,
  storageOpts: false,
  usernsMode: false,
};

/** Mistakes that the daemon or the official provider would tell only in the middle of a deployment. */
export function containerProblems(inputs: ContainerInputs): Problem[] {
  const problems: Problem[] = [];
  const { uploads = [], command = [], healthcheck, restart, readOnly, rm, attach, volumes = [] } = inputs;
  if (Array.isArray(uploads)) problems.push(...uploadProblems(uploads));
  if (readOnly === true && !isUnknown(uploads) && uploads.length > 0) {
    problems.push({ property: "uploads", reason: "Docker refuses uploads into a container whose root is read-only" });
  }
  if (Array.isArray(command) && command.includes("")) {
    problems.push({ property: "command", reason: "values for command may not be empty" });
  }
  if (restart !== undefined && !isUnknown(restart) && !restartPolicies.includes(restart)) {
    problems.push({ property: "restart", reason: `must be one of ${restartPolicies.join(", ")}, not "${restart}"` });
  }
  if (rm === true && attach === true) {
    problems.push({ property: "rm", reason: "is not covered with `attach`: the exit code could not be read" });
  }
  if (Array.isArray(volumes) && volumes.some(({ containerPath }) => containerPath === undefined)) {
    problems.push({ property: "volumes", reason: "volume entry without container path" });
  }
  if (healthcheck !== undefined && !hasUnknown(healthcheck)) {
    for (const field of ["interval", "timeout", "startPeriod"] as const) {
      const value = healthcheck[field];
      if (value === undefined || parseDuration(value) !== undefined) continue;
      problems.push({ property: `healthcheck.${field}`, reason: `"${value}" is no duration such as "30s" or "1m0s"` });
    }
  }
  return problems;
}

const restartPolicies: readonly string[] = ["no", "on-failure", "always", "unless-stopped"];
