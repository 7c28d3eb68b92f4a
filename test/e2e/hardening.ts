/** The part of `docker inspect` that the checks read. */
export interface Inspected {
  Name: string;
  Image: string;
  Config: {
    Image: string;
    User: string;
    Env: string[] | null;
    Labels: Record<string, string>;
    Healthcheck?: { Test?: string[] };
  };
  HostConfig: {
    Privileged: boolean;
    CapAdd: string[] | null;
    CapDrop: string[] | null;
    SecurityOpt: string[] | null;
    ReadonlyRootfs: boolean;
    Memory: number;
    MemorySwap: number;
    NanoCpus: number;
    Ulimits: { Name: string; Soft: number; Hard: number }[] | null;
    NetworkMode: string;
    PidMode: string;
    IpcMode: string;
    UTSMode: string;
    UsernsMode: string;
    CgroupParent: string;
    CgroupnsMode?: string;
    PublishAllPorts: boolean;
    PortBindings: Record<string, { HostIp: string; HostPort: string }[]> | null;
    RestartPolicy: { Name: string };
    LogConfig: { Type: string; Config: Record<string, string> | null };
    Binds: string[] | null;
    Devices: unknown[] | null;
    DeviceRequests: unknown[] | null;
    DeviceCgroupRules: string[] | null;
    GroupAdd: string[] | null;
  };
  AppArmorProfile: string;
  State: { Running: boolean; ExitCode: number; Pid: number; Health?: { Status: string } };
  Mounts: { Type: string; Name?: string; Source: string; Destination: string; RW: boolean; Propagation?: string }[];
  NetworkSettings: { Networks: Record<string, unknown> };
}

/** One rule of the CIS Docker Benchmark 1.7, or one of ours in its spirit, over a container. */
export interface Check {
  /** Number in the benchmark; several where one setting serves them. */
  readonly cis: string;
  readonly title: string;
  /** For which containers. Default both. */
  readonly only?: "service" | "job";
  /** What is wrong, or undefined. */
  readonly problem: (container: Inspected) => string | undefined;
  /** Makes a container break the rule: proves that the check can fail. */
  readonly broken: (container: Inspected) => void;
}

const list = <T>(value: readonly T[] | null | undefined): readonly T[] => value ?? [];
const unless = (good: boolean, problem: string) => (good ? undefined : problem);
const option = (container: Inspected, name: string) =>
  list(container.HostConfig.SecurityOpt).find((text) => text.replace("=", ":").startsWith(`${name}:`));

/** Rights of the one kind of job that runs as root: to give files to the user of a service. */
const fillRights = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"];
/** Where a service may write on a volume: data, and sockets in memory. */
const writable: Readonly<Record<string, readonly string[]>> = {
  mariadb: ["/run/mysqld", "/var/lib/mysql"],
  asterisk: ["/run/asterisk"],
  elasticsearch: ["/usr/share/elasticsearch/data"],
  logstash: ["/usr/share/logstash/data"],
  prometheus: ["/var/lib/prometheus"],
  alertmanager: ["/var/lib/alertmanager"],
  "homer-db": ["/var/lib/postgresql"],
};

/** True for containers that run once. */
export const isJob = (container: Inspected): boolean => container.Config.Labels["sbc.role"] === "job";

export const checks: readonly Check[] = [
  {
    cis: "4.1",
    title: "runs as a fixed user that is not root",
    only: "service",
    problem: ({ Config }) => unless(/^[1-9]\d*:[1-9]\d*$/.test(Config.User), `user "${Config.User}"`),
    broken: ({ Config }) => (Config.User = ""),
  },
  {
    cis: "4.1 (jobs)",
    title: "root only to fill a volume, without any network",
    only: "job",
    problem: ({ Config, HostConfig }) =>
      unless(
        /^[1-9]\d*:[1-9]\d*$/.test(Config.User) || (Config.User === "0:0" && HostConfig.NetworkMode === "none"),
        `user "${Config.User}" with network ${HostConfig.NetworkMode}`,
      ),
    broken: ({ Config, HostConfig }) => ([Config.User, HostConfig.NetworkMode] = ["0:0", "bridge"]),
  },
  {
    cis: "4.10",
    title: "has no secret in its environment",
    problem: ({ Config }) => {
      const names = list(Config.Env).map((variable) => variable.split("=")[0] ?? "");
      const suspicious = names.filter((name) => /pass|pwd|secret|token|key|credential/i.test(name));
      return unless(suspicious.length === 0, suspicious.join(", "));
    },
    broken: ({ Config }) => (Config.Env = [...list(Config.Env), "DB_PASSWORD=x"]),
  },
  {
    cis: "5.2",
    title: "AppArmor is not switched off",
    problem: (container) =>
      unless(
        container.AppArmorProfile !== "unconfined" && !option(container, "apparmor")?.includes("unconfined"),
        "unconfined",
      ),
    broken: ({ HostConfig }) => (HostConfig.SecurityOpt = ["no-new-privileges:true", "apparmor=unconfined"]),
  },
  {
    cis: "5.3",
    title: "SELinux is not switched off",
    problem: (container) => unless(!option(container, "label")?.includes("disable"), "label disabled"),
    broken: ({ HostConfig }) => (HostConfig.SecurityOpt = ["no-new-privileges:true", "label=disable"]),
  },
  {
    cis: "5.4",
    title: "has no capability",
    only: "service",
    problem: ({ HostConfig: { CapAdd, CapDrop } }) =>
      unless(
        list(CapAdd).length === 0 && list(CapDrop).includes("ALL"),
        `${String(CapAdd)} added, ${String(CapDrop)} dropped`,
      ),
    broken: ({ HostConfig }) => (HostConfig.CapAdd = ["CAP_NET_RAW"]),
  },
  {
    cis: "5.4 (jobs)",
    title: "has no capability but to give files away, and that as root only",
    only: "job",
    problem: ({ Config, HostConfig: { CapAdd, CapDrop } }) => {
      const allowed = Config.User === "0:0" ? fillRights : [];
      return unless(
        list(CapDrop).includes("ALL") && list(CapAdd).every((name) => allowed.includes(name)),
        `${String(CapAdd)} added, ${String(CapDrop)} dropped`,
      );
    },
    broken: ({ HostConfig }) => (HostConfig.CapAdd = ["CAP_SYS_ADMIN"]),
  },
  {
    cis: "5.5",
    title: "is not privileged",
    problem: ({ HostConfig }) => unless(!HostConfig.Privileged, "privileged"),
    broken: ({ HostConfig }) => (HostConfig.Privileged = true),
  },
  {
    cis: "5.6, 5.32",
    title: "mounts nothing of the host, Docker's socket least of all",
    problem: ({ HostConfig, Mounts }) => {
      const binds = Mounts.filter(({ Type }) => Type === "bind").map(({ Source }) => Source);
      const named = list(HostConfig.Binds).filter((bind) => bind.startsWith("/"));
      return unless(binds.length + named.length === 0, [...binds, ...named].join(", "));
    },
    broken: ({ Mounts }) =>
      Mounts.push({ Type: "bind", Source: "/var/run/docker.sock", Destination: "/var/run/docker.sock", RW: false }),
  },
  {
    cis: "5.6 (volumes)",
    title: "writes to the volumes of its data and its socket only",
    only: "service",
    problem: ({ Config, Mounts }) => {
      const allowed = writable[Config.Labels["sbc.role"] ?? ""] ?? [];
      const more = Mounts.filter(({ RW, Destination }) => RW && !allowed.includes(Destination));
      return unless(more.length === 0, more.map(({ Destination }) => Destination).join(", "));
    },
    broken: ({ Mounts }) => Mounts.push({ Type: "volume", Source: "/x", Destination: "/run/secrets", RW: true }),
  },
  {
    cis: "5.8, 5.14",
    title: "publishes no privileged port, and each on one address",
    problem: ({ HostConfig }) => {
      const bindings = Object.values(HostConfig.PortBindings ?? {}).flat();
      const wrong = bindings.filter(
        ({ HostIp, HostPort }) => ["", "0.0.0.0", "::"].includes(HostIp) || Number(HostPort) < 1024,
      );
      return unless(wrong.length === 0, wrong.map(({ HostIp, HostPort }) => `${HostIp}:${HostPort}`).join(", "));
    },
    broken: ({ HostConfig }) => (HostConfig.PortBindings = { "5060/udp": [{ HostIp: "0.0.0.0", HostPort: "5060" }] }),
  },
  {
    cis: "5.9",
    title: "publishes ports as the edge only",
    problem: ({ Config, HostConfig }) => {
      const published = Object.keys(HostConfig.PortBindings ?? {});
      const isEdge = Config.Labels["sbc.role"] === "kamailio";
      return unless(
        !HostConfig.PublishAllPorts && (isEdge || published.length === 0),
        published.join(", ") || "all ports",
      );
    },
    broken: ({ HostConfig }) => (HostConfig.PublishAllPorts = true),
  },
  {
    cis: "5.10",
    title: "has a network of its own, not the host's",
    problem: ({ HostConfig }) => unless(["bridge", "none"].includes(HostConfig.NetworkMode), HostConfig.NetworkMode),
    broken: ({ HostConfig }) => (HostConfig.NetworkMode = "host"),
  },
  {
    cis: "5.11",
    title: "has a memory limit, without swap on top",
    problem: ({ HostConfig: { Memory, MemorySwap } }) =>
      unless(Memory > 0 && Memory === MemorySwap, `${Memory}, with swap ${MemorySwap}`),
    broken: ({ HostConfig }) => (HostConfig.MemorySwap = -1),
  },
  {
    cis: "5.12",
    title: "has a processor limit",
    problem: ({ HostConfig }) => unless(HostConfig.NanoCpus > 0, "none"),
    broken: ({ HostConfig }) => (HostConfig.NanoCpus = 0),
  },
  {
    cis: "5.13",
    title: "has a read-only root",
    only: "service",
    problem: ({ HostConfig }) => unless(HostConfig.ReadonlyRootfs, "writable"),
    broken: ({ HostConfig }) => (HostConfig.ReadonlyRootfs = false),
  },
  {
    cis: "5.15",
    // The benchmark wants on-failure with 5 tries: an edge has to come back after the sixth failure too, and after a restart of the host.
    title: "comes back by itself, unless somebody has stopped it",
    only: "service",
    problem: ({ HostConfig }) =>
      unless(HostConfig.RestartPolicy.Name === "unless-stopped", HostConfig.RestartPolicy.Name),
    broken: ({ HostConfig }) => (HostConfig.RestartPolicy.Name = "no"),
  },
  {
    cis: "5.15 (jobs)",
    title: "ran once, to a good end",
    only: "job",
    problem: ({ HostConfig, State }) =>
      unless(
        HostConfig.RestartPolicy.Name === "no" && !State.Running && State.ExitCode === 0,
        `restart ${HostConfig.RestartPolicy.Name}, exit code ${State.ExitCode}`,
      ),
    broken: ({ HostConfig }) => (HostConfig.RestartPolicy.Name = "always"),
  },
  ...(
    [
      ["5.16", "PidMode"],
      ["5.17", "IpcMode"],
      ["5.21", "UTSMode"],
      ["5.31", "UsernsMode"],
    ] as const
  ).map(([cis, key]): Check => ({
    cis,
    title: `does not share the host's or another container's namespace (${key})`,
    problem: ({ HostConfig }) => unless(["", "private"].includes(HostConfig[key]), HostConfig[key]),
    broken: ({ HostConfig }) => (HostConfig[key] = "host"),
  })),
  {
    cis: "5.18",
    title: "has no device of the host",
    problem: ({ HostConfig: { Devices, DeviceRequests, DeviceCgroupRules } }) =>
      unless(
        [Devices, DeviceRequests, DeviceCgroupRules].every((value) => list<unknown>(value).length === 0),
        "devices",
      ),
    broken: ({ HostConfig }) => (HostConfig.Devices = [{ PathOnHost: "/dev/kvm" }]),
  },
  {
    cis: "5.19, 5.29",
    // Pulumi's provider knows no limit on processes per container: nproc counts per user id, of which every service has its own.
    title: "limits open files and processes",
    problem: ({ HostConfig }) => {
      const limits = new Map(list(HostConfig.Ulimits).map(({ Name, Hard }) => [Name, Hard]));
      return unless(Number(limits.get("nofile")) > 0 && Number(limits.get("nproc")) > 0, JSON.stringify([...limits]));
    },
    broken: ({ HostConfig }) => (HostConfig.Ulimits = null),
  },
  {
    cis: "5.20",
    title: "shares no mount back to the host",
    problem: ({ Mounts }) => {
      const shared = Mounts.filter(({ Propagation = "" }) => /shared|slave/.test(Propagation));
      return unless(shared.length === 0, shared.map(({ Destination }) => Destination).join(", "));
    },
    broken: ({ Mounts }) =>
      Mounts.push({ Type: "bind", Source: "/x", Destination: "/x", RW: false, Propagation: "rshared" }),
  },
  {
    cis: "5.22",
    title: "keeps Docker's seccomp profile",
    problem: (container) => unless(option(container, "seccomp") === undefined, String(option(container, "seccomp"))),
    broken: ({ HostConfig }) => (HostConfig.SecurityOpt = ["no-new-privileges:true", "seccomp=unconfined"]),
  },
  {
    cis: "5.25",
    title: "is in Docker's own control group",
    problem: ({ HostConfig }) => unless(HostConfig.CgroupParent === "", HostConfig.CgroupParent),
    broken: ({ HostConfig }) => (HostConfig.CgroupParent = "/other"),
  },
  {
    cis: "5.26",
    title: "can gain no privilege",
    problem: (container) =>
      unless(/^no-new-privileges(:true)?$/.test(option(container, "no-new-privileges") ?? ""), "it can"),
    broken: ({ HostConfig }) => (HostConfig.SecurityOpt = []),
  },
  {
    cis: "5.27",
    title: "has a health check, and is healthy",
    only: "service",
    problem: ({ Config, State }) =>
      unless(
        (Config.Healthcheck?.Test ?? []).length > 1 && State.Health?.Status === "healthy",
        State.Health?.Status ?? "none",
      ),
    broken: ({ Config }) => delete Config.Healthcheck,
  },
  {
    cis: "5.28",
    title: "runs the very image that the deployment has checked: by digest, not by a tag",
    problem: ({ Config }) => unless(/(^|@)sha256:[0-9a-f]{64}$/.test(Config.Image), Config.Image),
    broken: ({ Config }) => (Config.Image = "sbc-kamailio:latest"),
  },
  {
    cis: "5.30",
    title: "is not on Docker's default bridge",
    problem: ({ NetworkSettings }) =>
      unless(!("bridge" in NetworkSettings.Networks), Object.keys(NetworkSettings.Networks).join(", ")),
    broken: ({ NetworkSettings }) => (NetworkSettings.Networks["bridge"] = {}),
  },
  {
    cis: "2.13",
    title: "rotates its log, and never waits for it",
    problem: ({ HostConfig: { LogConfig } }) =>
      unless(
        ["max-size", "max-file"].every(
          (key) => LogConfig.Config?.[LogConfig.Type === "syslog" ? `cache-${key}` : key] !== undefined,
        ) && LogConfig.Config?.["mode"] === "non-blocking",
        JSON.stringify(LogConfig),
      ),
    broken: ({ HostConfig }) => (HostConfig.LogConfig = { Type: "json-file", Config: {} }),
  },
];

/** Everything that is wrong with a container, with the numbers of the rules. */
export function problemsOf(container: Inspected): string[] {
  const kind = isJob(container) ? "job" : "service";
  return checks.flatMap(({ cis, title, only = kind, problem }) => {
    const wrong = only === kind ? problem(container) : undefined;
    return wrong === undefined ? [] : [`${container.Name} breaks CIS ${cis} (${title}): ${wrong}`];
  });
}
