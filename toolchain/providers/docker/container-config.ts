import type { ContainerArgs } from "@pulumi/docker";
import type { ContainerCreateOptions, MountSettings } from "dockerode";
import type { Plain } from "../shared/properties.ts";
import { parseDuration } from "./duration.ts";
import { labelMap } from "./labels.ts";

/** Arguments of a container as the provider gets them; its name is always there. */
export type ContainerInputs = Plain<ContainerArgs> & { name: string };

const mebibyte = 1024 * 1024;

/** The request that creates a container, without its networks, which are connected afterwards. */
export function createOptions(inputs: ContainerInputs): ContainerCreateOptions {
  const { ports = [], volumes = [], healthcheck } = inputs;
  return {
    name: inputs.name,
    Image: inputs.image,
    Hostname: inputs.hostname,
    Domainname: inputs.domainname,
    User: inputs.user,
    Env: inputs.envs,
    Cmd: inputs.command,
    Entrypoint: inputs.entrypoints,
    Labels: labelMap(inputs.labels),
    WorkingDir: inputs.workingDir,
    StopSignal: inputs.stopSignal,
    StopTimeout: inputs.stopTimeout,
    Tty: inputs.tty ?? false,
    OpenStdin: inputs.stdinOpen ?? false,
    ExposedPorts: Object.fromEntries(ports.map((port) => [portKey(port), {}])),
    Volumes: Object.fromEntries(volumes.map(({ containerPath = "" }) => [containerPath, {}])),
    Healthcheck: healthcheck && {
      Test: healthcheck.tests,
      Interval: parseDuration(healthcheck.interval ?? "0s"),
      Timeout: parseDuration(healthcheck.timeout ?? "0s"),
      StartPeriod: parseDuration(healthcheck.startPeriod ?? "0s"),
      Retries: healthcheck.retries ?? 0,
    },
    HostConfig: {
      AutoRemove: inputs.rm ?? false,
      Privileged: inputs.privileged ?? false,
      ReadonlyRootfs: inputs.readOnly ?? false,
      RestartPolicy: { Name: inputs.restart ?? "no", MaximumRetryCount: inputs.maxRetryCount ?? 0 },
      NetworkMode: inputs.networkMode ?? "bridge",
      PortBindings: portBindings(ports),
      Binds: volumes.flatMap(({ containerPath, hostPath, volumeName, readOnly }) => {
        const source = hostPath || volumeName;
        return source ? [`${source}:${containerPath}:${readOnly ? "ro" : "rw"}`] : [];
      }),
      Mounts: inputs.mounts?.map(mountSettings),
      Tmpfs: inputs.tmpfs,
      CapAdd: inputs.capabilities?.adds,
      CapDrop: inputs.capabilities?.drops,
      SecurityOpt: inputs.securityOpts,
      GroupAdd: inputs.groupAdds,
      Sysctls: inputs.sysctls,
      Ulimits: inputs.ulimits?.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
      ExtraHosts: inputs.hosts?.map(({ host, ip }) => `${host}:${ip}`),
      Dns: inputs.dns,
      DnsOptions: inputs.dnsOpts,
      DnsSearch: inputs.dnsSearches,
      Init: inputs.init ?? false,
      IpcMode: inputs.ipcMode,
      PidMode: inputs.pidMode,
      ShmSize: inputs.shmSize === undefined ? undefined : inputs.shmSize * mebibyte,
      LogConfig: { Type: inputs.logDriver ?? "", Config: inputs.logOpts ?? {} },
      NanoCpus: inputs.cpus === undefined ? undefined : Math.round(Number(inputs.cpus) * 1e9),
      // As with the official provider, `cpus` wins over the pair that says the same.
      ...(inputs.cpus === undefined && { CpuPeriod: inputs.cpuPeriod, CpuQuota: inputs.cpuQuota }),
      ...resourceLimits(inputs),
    },
  };
}

/** The limits that Docker can change while a container runs. */
export interface ResourceLimits {
  readonly CpuShares: number;
  readonly CpusetCpus: string;
  readonly Memory: number;
  readonly MemoryReservation: number;
  readonly MemorySwap?: number;
}

/** Limits in Docker's units: MiB become bytes, -1 swap stays "unlimited". */
export function resourceLimits(inputs: ContainerInputs): ResourceLimits {
  const { memorySwap } = inputs;
  return {
    CpuShares: inputs.cpuShares ?? 0,
    CpusetCpus: inputs.cpuSet ?? "",
    Memory: (inputs.memory ?? 0) * mebibyte,
    MemoryReservation: (inputs.memoryReservation ?? 0) * mebibyte,
    ...(memorySwap && { MemorySwap: memorySwap > 0 ? memorySwap * mebibyte : memorySwap }),
  };
}

type Port = NonNullable<ContainerInputs["ports"]>[number];
type Mount = NonNullable<ContainerInputs["mounts"]>[number];

function portKey({ internal, protocol = "tcp" }: Port): string {
  return `${internal}/${protocol}`;
}

function portBindings(ports: readonly Port[]): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of ports) {
    // Port 0: the daemon chooses one.
    const binding = { HostIp: port.ip ?? "0.0.0.0", HostPort: String(port.external ?? 0) };
    (bindings[portKey(port)] ??= []).push(binding);
  }
  return bindings;
}

function mountSettings(mount: Mount): MountSettings {
  const { bindOptions, volumeOptions, tmpfsOptions } = mount;
  return {
    Type: mount.type as MountSettings["Type"],
    Target: mount.target,
    Source: mount.source ?? "",
    ReadOnly: mount.readOnly ?? false,
    ...(bindOptions && { BindOptions: { Propagation: bindOptions.propagation as "rprivate" } }),
    ...(volumeOptions && {
      VolumeOptions: {
        NoCopy: volumeOptions.noCopy ?? false,
        Labels: labelMap(volumeOptions.labels),
        DriverConfig: { Name: volumeOptions.driverName ?? "", Options: volumeOptions.driverOptions ?? {} },
      },
    }),
    ...(tmpfsOptions && { TmpfsOptions: { SizeBytes: tmpfsOptions.sizeBytes ?? 0, Mode: tmpfsOptions.mode ?? 0 } }),
  };
}
