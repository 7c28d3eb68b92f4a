import type { ContainerInspectInfo } from "dockerode";
import type { Outputs } from "../shared/resource.ts";
import type { ContainerInputs } from "./container-config.ts";

const mebibyte = 1024 * 1024;

/** Outputs that only the real container tells. */
export const containerComputed = [
  "bridge",
  "command",
  "containerLogs",
  "entrypoints",
  "exitCode",
  "hostname",
  "init",
  "ipcMode",
  "logDriver",
  "networkDatas",
  "securityOpts",
  "shmSize",
  "stopSignal",
  "stopTimeout",
] as const;

/** The outputs of a container as it is now. */
export function containerOutputs(inputs: ContainerInputs, info: ContainerInspectInfo): Outputs {
  const { Config: config, HostConfig: host, NetworkSettings: network, State: state } = info;
  return {
    name: info.Name.replace(/^\//, ""),
    bridge: (network as { Bridge?: string }).Bridge ?? "",
    command: config.Cmd ?? [],
    entrypoints: [config.Entrypoint ?? []].flat(),
    hostname: config.Hostname,
    init: host.Init ?? false,
    ipcMode: host.IpcMode,
    logDriver: host.LogConfig?.Type,
    securityOpts: (host.SecurityOpt as string[] | null) ?? [],
    shmSize: Math.floor((host.ShmSize ?? 0) / mebibyte),
    stopSignal: (config as { StopSignal?: string }).StopSignal ?? "",
    stopTimeout: (config as { StopTimeout?: number }).StopTimeout ?? 0,
    networkDatas: Object.entries(network.Networks ?? {}).map(([networkName, endpoint]) => ({
      networkName,
      ipAddress: endpoint.IPAddress,
      ipPrefixLength: endpoint.IPPrefixLen,
      gateway: endpoint.Gateway,
      globalIpv6Address: endpoint.GlobalIPv6Address,
      globalIpv6PrefixLength: endpoint.GlobalIPv6PrefixLen,
      ipv6Gateway: endpoint.IPv6Gateway,
      macAddress: endpoint.MacAddress,
    })),
    mustRun: inputs.mustRun !== false && state.Running,
    exitCode: state.Running ? undefined : state.ExitCode,
    ...(state.Running && inputs.ports !== undefined && { ports: publishedPorts(info) }),
  };
}

function publishedPorts({ NetworkSettings: { Ports: ports } }: ContainerInspectInfo): Outputs[] {
  return Object.entries(ports ?? {})
    .flatMap(([key, bindings]) => {
      const [internal, protocol] = key.split("/");
      return ((bindings as { HostIp: string; HostPort: string }[] | null) ?? []).map(({ HostIp, HostPort }) => ({
        internal: Number(internal),
        external: Number(HostPort),
        ip: HostIp,
        protocol,
      }));
    })
    .sort((a, b) => a.internal - b.internal);
}

/**
 * Inputs that no longer hold. Docker lets nothing else of a container change behind the stack's back: all other
 * properties are fixed when it is created, so they need no comparison and cannot drift falsely.
 */
export function containerDrift(inputs: ContainerInputs, info: ContainerInspectInfo): Partial<ContainerInputs> {
  const { HostConfig: host, State: state } = info;
  const megabytes = (bytes = 0): number => (bytes > 0 ? bytes / mebibyte : bytes);
  const wanted = { mustRun: true, restart: "no", maxRetryCount: 0, cpuShares: 0, cpuSet: "", ...inputs };
  const found: Partial<ContainerInputs> = {
    name: info.Name.replace(/^\//, ""),
    mustRun: wanted.mustRun && state.Running,
    restart: host.RestartPolicy?.Name || "no",
    maxRetryCount: host.RestartPolicy?.MaximumRetryCount ?? 0,
    cpuShares: host.CpuShares ?? 0,
    cpuSet: host.CpusetCpus ?? "",
    memory: megabytes(host.Memory),
    memoryReservation: megabytes(host.MemoryReservation),
    memorySwap: megabytes(host.MemorySwap),
  };
  const expected: Partial<ContainerInputs> = {
    ...wanted,
    memory: inputs.memory ?? 0,
    memoryReservation: inputs.memoryReservation ?? 0,
    // Without a value Docker chooses one (twice the memory).
    memorySwap: inputs.memorySwap ?? found.memorySwap,
  };
  const names = Object.keys(found) as (keyof ContainerInputs)[];
  return Object.fromEntries(names.filter((name) => found[name] !== expected[name]).map((name) => [name, found[name]]));
}
