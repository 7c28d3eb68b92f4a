import type { FileMap } from "../files.ts";
import { hepPort } from "../heplify/index.ts";

/** What RTPengine's configuration depends on. A change of any value replaces the container, which ends the media of running calls. */
export interface RtpengineConfigArgs {
  /** IPv4 address for media towards the phones: the container's own on sbc_net, or the host's in host mode. */
  address: string;
  /** Address that phones are told to send media to; equal to `address` where they reach it directly. */
  publicAddress: string;
  /** IPv6 address for media towards the phones, as they see it. Default: none. */
  address6?: string;
  /** IPv4 address for media towards Asterisk: `address` on a bridge network (the default), the gateway of sbc_net in host mode. */
  coreAddress?: string;
  /** IPv4 address of the control socket. It has no password: never an address that phones can reach. Default: `coreAddress`. */
  ngAddress?: string;
  /** UDP port of the control socket. Default 22222. */
  ngPort?: number;
  /** IPv4 address of the HTTP listener (health, metrics, and full control: keep it as private as the control socket). Default: `ngAddress`. */
  httpAddress?: string;
  /** TCP port of the HTTP listener. Default 2225. */
  httpPort?: number;
  /** First UDP port for media. Default 30000. A call takes 4 ports, a call between two phones 8. */
  portMin?: number;
  /** Last UDP port for media. Default 39999. */
  portMax?: number;
  /** Worker threads. Default 2. */
  numThreads?: number;
  /** Seconds without media after which a call's ports are freed. Default 60. */
  mediaTimeoutSeconds?: number;
  /** Seconds without media for a call on hold. Default 3600. */
  silentTimeoutSeconds?: number;
  /** Seconds that an offer without an answer is kept. Default 300. */
  offerTimeoutSeconds?: number;
  /** Seconds after which ports are freed whatever happens; longer than the longest call of the edge. Default 14700. */
  finalTimeoutSeconds?: number;
  /** Seconds between the end of a call and the release of its ports. Default 0: a port range is too small for more. */
  deleteDelaySeconds?: number;
  /** IPv4 address of the collector that what RTCP says of the media's quality is copied to, as HEP by UDP. Default: none. */
  hep?: { collector: string; captureId: number };
  /** Syslog level: 4 warnings, 5 notices, 6 information (names of the codecs, no keys). Default 5. */
  logLevel?: number;
}

/** The values of the optional arguments. */
export const rtpengineDefaults = {
  ngPort: 22222,
  httpPort: 2225,
  portMin: 30000,
  portMax: 39999,
  numThreads: 2,
  mediaTimeoutSeconds: 60,
  silentTimeoutSeconds: 3600,
  offerTimeoutSeconds: 300,
  finalTimeoutSeconds: 14700,
  deleteDelaySeconds: 0,
  logLevel: 5,
} as const;

/** How the container has to be run. It writes nothing at all. */
export function rtpengineRuntime(args: RtpengineConfigArgs) {
  const httpAddress = args.httpAddress ?? args.ngAddress ?? args.coreAddress ?? args.address;
  const httpPort = args.httpPort ?? rtpengineDefaults.httpPort;
  return {
    uid: 4102,
    gid: 4102,
    command: ["--config-file=/etc/rtpengine/rtpengine.conf"],
    mounts: { config: "/etc/rtpengine" },
    tmpfs: {},
    healthcheck: [
      "CMD",
      "bash",
      "-c",
      `exec 3<>/dev/tcp/${httpAddress}/${httpPort} && printf 'GET /ping HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q pong <&3`,
    ],
    memoryMb: 256,
    graceSeconds: 10,
  } as const;
}

/** The plain files, for `/etc/rtpengine`. */
export function renderRtpengineConfig(args: RtpengineConfigArgs): FileMap {
  const s = { ...rtpengineDefaults, ...args };
  const core = s.coreAddress ?? s.address;
  const ng = s.ngAddress ?? core;
  const advertised = s.publicAddress === s.address ? "" : `!${s.publicAddress}`;
  const lines = [
    "[rtpengine]",
    "# Userspace only: the kernel module would need NET_ADMIN and a module on the host.",
    "table = -1",
    "foreground = true",
    "log-stderr = true",
    `log-level = ${s.logLevel}`,
    "",
    "# Only the side of the phones may carry the public address: Asterisk could not reach it.",
    `interface = pub/${s.address}${advertised};${s.address6 === undefined ? "" : `pub/${s.address6};`}priv/${core}`,
    `port-min = ${s.portMin}`,
    `port-max = ${s.portMax}`,
    "# A source is learnt from the first packets and then pinned; with strict-source in every offer this closes RTP bleed.",
    "endpoint-learning = heuristic",
    "",
    "# Neither of the two has a password.",
    `listen-ng = ${ng}:${s.ngPort}`,
    `listen-http = ${s.httpAddress ?? ng}:${s.httpPort}`,
    "",
    `num-threads = ${s.numThreads}`,
    `timeout = ${s.mediaTimeoutSeconds}`,
    `silent-timeout = ${s.silentTimeoutSeconds}`,
    `offer-timeout = ${s.offerTimeoutSeconds}`,
    `final-timeout = ${s.finalTimeoutSeconds}`,
    `delete-delay = ${s.deleteDelaySeconds}`,
    ...(args.hep === undefined
      ? []
      : ["", `homer = ${args.hep.collector}:${hepPort}`, "homer-protocol = udp", `homer-id = ${args.hep.captureId}`]),
    "",
  ];
  return { "rtpengine.conf": lines.join("\n") };
}
