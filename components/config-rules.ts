import { asteriskRuntime } from "../configs/asterisk/index.ts";
import { corePort } from "../configs/kamailio/index.ts";
import { defaultClass } from "../configs/mariadb/rows.ts";
import { rtpengineDefaults } from "../configs/rtpengine/index.ts";
import { monitoringRules } from "./config-rules-monitoring.ts";
import { nodeCapacity, nodeName, rtpengineName } from "./addresses.ts";
import type { Config } from "./config-parse.ts";
import type { ConfigProblem } from "./config-problems.ts";
import { pinCommand, pinProblems } from "./image-pins.ts";
import { caFileProblems, missingFile, problemIf, type Rule } from "./config-rule.ts";
import { ipv6Rules } from "./config-rules-ipv6.ts";
import { readableKeys } from "./config-rules-media.ts";
import { websocketRules } from "./config-rules-websocket.ts";
import { trunkRules } from "./config-rules-trunks.ts";
import { overlapping, parseNetwork } from "./ipv6.ts";
import { isPrivate, overlap, parseAddress, parseCidr } from "./ipv4.ts";
import { mediaPorts, portsPerCall } from "./media-ports.ts";

/** Most media ports that may be published one by one: 100 cost 334 MiB and 14 s per deployment. */
export const maxPublishedMediaPorts = 40;

/** The rules over several keys, one idea each. */
export const configRules: readonly Rule[] = [
  {
    reads: ["networks"],
    check: ({ networks }) => {
      const pairs = [
        ["sbc", "monitoring"],
        ["sbc", "data"],
        ["monitoring", "data"],
        ["sbc", "front"],
        ["monitoring", "front"],
        ["data", "front"],
      ] as const;
      return pairs.flatMap(([left, right]) => {
        const [a, b] = [parseCidr(networks[left]), parseCidr(networks[right])];
        return problemIf(a !== undefined && b !== undefined && overlap(a, b), {
          path: ["networks", right],
          value: networks[right],
          problem: `overlaps sbc:networks.${left} (${networks[left]}); the subnets must be apart`,
        });
      });
    },
  },
  {
    reads: ["networks", "asterisk"],
    check: ({ networks, asterisk }) => {
      const capacity = nodeCapacity(networks);
      return problemIf(asterisk.nodes > capacity, {
        path: ["asterisk", "nodes"],
        value: asterisk.nodes,
        problem: `does not fit into the subnets, which have room for ${capacity} nodes; lower it, or make sbc:networks larger`,
        example: String(capacity),
      });
    },
  },
  {
    reads: ["asterisk"],
    check: ({ asterisk }) => drainProblems("asterisk", "node", asterisk.nodes, nodeName, asterisk.drain),
  },
  {
    reads: ["rtp"],
    check: ({ rtp }) => drainProblems("rtp", "RTPengine", rtp.instances, rtpengineName, rtp.drain),
  },
  {
    reads: ["subscribers", "classes"],
    check: ({ subscribers, classes }) => {
      const names = [defaultClass, ...classes.map(({ name }) => name)];
      return subscribers.flatMap(({ class: group }, index) =>
        problemIf(!names.includes(group), {
          path: ["subscribers", index, "class"],
          value: group,
          problem: `is no class; there are ${[...new Set(names)].join(", ")}. Add it to sbc:classes, or take one of them`,
          example: defaultClass,
        }),
      );
    },
  },
  {
    reads: ["classes"],
    check: ({ classes }) =>
      classes.flatMap(({ name }, index) =>
        problemIf(classes.findIndex((other) => other.name === name) !== index, {
          path: ["classes", index, "name"],
          value: name,
          problem: "appears twice; each class must be listed once",
          example: `${name}-2`,
        }),
      ),
  },
  ...monitoringRules,
  ...trunkRules,
  ...ipv6Rules,
  ...websocketRules,
  { reads: ["environment", "rtp", "trunks"], check: (config) => (config.prod ? readableKeys(config) : []) },
  {
    reads: ["classes", "timers", "protection"],
    check: ({ classes, timers, protection }) =>
      classes.flatMap(({ name, maxCalls, callsPerSecond, callMaxSeconds, destinations }, index) => [
        ...problemIf(callMaxSeconds !== undefined && callMaxSeconds > timers.callMaxSeconds, {
          path: ["classes", index, "callMaxSeconds"],
          value: callMaxSeconds,
          problem: `must not be more than sbc:timers.callMaxSeconds (${timers.callMaxSeconds})`,
          example: String(timers.callMaxSeconds),
        }),
        ...(["maxCalls", "callsPerSecond"] as const).flatMap((limit) => {
          const value = { maxCalls, callsPerSecond }[limit];
          return problemIf(protection[limit] > 0 && value > protection[limit], {
            path: ["classes", index, limit],
            value,
            problem: `must not be more than sbc:protection.${limit} (${protection[limit]}), which is for all subscribers together`,
            example: String(protection[limit]),
          });
        }),
        ...prefixProblems(["classes", index, "destinations"], destinations),
        ...destinations.flatMap((prefix, at) =>
          problemIf(
            protection.premiumPrefixes.some((premium) => prefix.startsWith(premium)),
            {
              path: ["classes", index, "destinations", at],
              value: prefix,
              problem: `would never be allowed to class ${name}: sbc:protection.premiumPrefixes is for everybody. Take it out there, or here`,
              example: "49",
            },
          ),
        ),
      ]),
  },
  {
    reads: ["protection"],
    check: ({ protection }) => [
      ...prefixProblems(["protection", "premiumPrefixes"], protection.premiumPrefixes),
      ...problemIf(protection.banMaxSeconds < protection.banSeconds, {
        path: ["protection", "banMaxSeconds"],
        value: protection.banMaxSeconds,
        problem: `must not be less than sbc:protection.banSeconds (${protection.banSeconds})`,
        example: String(protection.banSeconds),
      }),
      ...problemIf(protection.connectionsPerSource > protection.connections, {
        path: ["protection", "connectionsPerSource"],
        value: protection.connectionsPerSource,
        problem: `must not be more than sbc:protection.connections (${protection.connections}), which is for all sources together`,
        example: String(protection.connections),
      }),
      ...(["officeDensity", "trunkDensity"] as const).flatMap((density) =>
        problemIf(protection[density] < protection.pikeDensity, {
          path: ["protection", density],
          value: protection[density],
          problem: `must not be less than sbc:protection.pikeDensity (${protection.pikeDensity}), which is for a single phone`,
          example: String(protection.pikeDensity * 10),
        }),
      ),
      ...listProblems(protection),
    ],
  },
  {
    reads: ["classes", "signature", "edge"],
    check: ({ classes, signature, edge }) =>
      classes.flatMap((group, index) => [
        ...problemIf(group.signature === "required" && signature.mode === "off", {
          path: ["classes", index, "signature"],
          value: "required",
          problem:
            "needs sbc:signature.mode static or hmac, or nobody looks at the header; with off it must be optional",
          example: "optional",
        }),
        ...problemIf(group.certificate === "required" && edge.ports.mutualTls === 0, {
          path: ["classes", index, "certificate"],
          value: "required",
          problem: "needs the mutual TLS port (sbc:edge.ports.mutualTls, usually 5062), or nobody of the class gets in",
          example: "optional",
        }),
      ]),
  },
  {
    reads: ["signature"],
    check: ({ signature: { mode, keys } }) => [
      ...problemIf(mode !== "off" && keys.length === 0, {
        path: ["signature", "keys", 0, "id"],
        problem: `is required with sbc:signature.mode ${mode}: without a key no signature could be right`,
        example: "first",
      }),
      ...keys.flatMap(({ id, key, rotation }, index) => [
        ...problemIf(keys.findIndex((other) => other.id === id) !== index, {
          path: ["signature", "keys", index, "id"],
          value: id,
          problem: "appears twice; each key needs a name of its own",
          example: `${id}-2`,
        }),
        ...problemIf(key !== undefined && rotation !== 0, {
          path: ["signature", "keys", index, "rotation"],
          value: rotation,
          problem: `is for generated keys, it must be 0: set sbc:signature.keys[${index}].key to another one`,
          example: "0",
        }),
      ]),
    ],
  },
  {
    reads: ["devices", "subscribers", "trunks"],
    check: ({ devices, subscribers, trunks }) =>
      devices.flatMap(({ name, subscriber }, index) => {
        const trunk = trunks.find(({ certificateName }) => certificateName === name);
        return [
          ...problemIf(devices.findIndex((other) => other.name === name) !== index, {
            path: ["devices", index, "name"],
            value: name,
            problem: "appears twice; each device needs a name of its own",
            example: `${name}-2`,
          }),
          ...problemIf(subscriber !== undefined && !subscribers.some((other) => other.name === subscriber), {
            path: ["devices", index, "subscriber"],
            value: subscriber,
            problem:
              "is no subscriber of the stack, so the certificate would open nothing" +
              (subscribers.length === 0 ? "" : `; there are ${subscribers.map((one) => one.name).join(", ")}`),
            example: subscribers[0]?.name,
          }),
          ...problemIf(subscriber === undefined && trunk === undefined, {
            path: ["devices", index, "subscriber"],
            problem: "is required, unless the device is a trunk's: no sbc:trunks[].certificateName is its name",
            example: subscribers[0]?.name,
          }),
          ...problemIf(subscriber !== undefined && trunk !== undefined, {
            path: ["devices", index, "subscriber"],
            value: subscriber,
            problem: `must not be there: the certificate is that of trunk ${trunk?.name}, and may open one door only`,
            command: `pulumi config rm --path 'sbc:devices[${index}].subscriber'`,
          }),
        ];
      }),
  },
  {
    reads: ["devices", "trunks", "edge"],
    check: ({ devices, trunks, edge }) =>
      trunks.flatMap(({ certificateName }, index) => [
        ...problemIf(certificateName !== undefined && !devices.some(({ name }) => name === certificateName), {
          path: ["trunks", index, "certificateName"],
          value: certificateName,
          problem:
            "is no device: only certificates that the stack issues are taken. It must be the name of one of sbc:devices",
          example: devices[0]?.name,
        }),
        ...problemIf(certificateName !== undefined && edge.ports.mutualTls === 0, {
          path: ["edge", "ports", "mutualTls"],
          value: 0,
          problem: `leaves trunk ${trunks[index]?.name} no port to show its certificate at; it must be a port, usually 5062`,
          example: "5062",
        }),
      ]),
  },
  {
    reads: ["asterisk"],
    check: ({ asterisk: { rtpPorts } }) =>
      portRange(["asterisk", "rtpPorts"], ["min", "max"], rtpPorts, [asteriskRuntime.sipPort], "SIP"),
  },
  {
    reads: ["rtp"],
    check: ({ rtp }) =>
      portRange(
        ["rtp"],
        ["portMin", "portMax"],
        { min: rtp.portMin, max: rtp.portMax },
        Array.from({ length: rtp.mode === "host" ? rtp.instances : 1 }, (_, index) => rtpengineDefaults.ngPort + index),
        "a control socket",
      ),
  },
  {
    reads: ["rtp"],
    check: ({ rtp }) => {
      const { portMin, portMax } = mediaPorts(rtp, rtp.instances, 0);
      return problemIf(rtp.instances > 1 && portMax - portMin + 1 < portsPerCall, {
        path: ["rtp", "instances"],
        value: rtp.instances,
        problem: `share one address, and with it the ports ${rtp.portMin} to ${rtp.portMax}: that leaves less than ${portsPerCall} for each, what one call takes`,
        example: "1",
      });
    },
  },
  {
    reads: ["rtp"],
    check: ({ rtp }) => {
      const ports = rtp.portMax - rtp.portMin + 1;
      return [
        ...problemIf(rtp.publish && rtp.mode === "host", {
          path: ["rtp", "publish"],
          value: true,
          problem: "makes no sense with sbc:rtp.mode host, where every port is the host's own; it must be false",
          example: "false",
        }),
        ...problemIf(rtp.publish && rtp.mode === "bridge" && ports > maxPublishedMediaPorts, {
          path: ["rtp", "portMax"],
          value: rtp.portMax,
          problem:
            `would publish ${ports} ports one by one; at most ${maxPublishedMediaPorts} may be published. Take a smaller range, ` +
            "or sbc:rtp.mode host for more",
          example: String(rtp.portMin + maxPublishedMediaPorts - 1),
        }),
      ];
    },
  },
  {
    reads: ["edge", "rtp", "environment", "certificates"],
    check: ({ edge, rtp, certificates: { mode, acme } }) => {
      const { udp, tcp, tls, mutualTls } = edge.ports;
      const http = mode === "acme" && acme.challenge === "http-01" ? acme.httpPort : undefined;
      const media = rtp.publish || rtp.mode === "host";
      return [
        ...problemIf(mutualTls !== 0 && (mutualTls === tcp || mutualTls === tls), {
          path: ["edge", "ports", "mutualTls"],
          value: mutualTls,
          problem: `is also sbc:edge.ports.${mutualTls === tls ? "tls" : "tcp"}; mutual TLS needs a TCP port of its own`,
          example: "5062",
        }),
        ...problemIf(http !== undefined && [tcp, tls, mutualTls].includes(http), {
          path: ["certificates", "acme", "httpPort"],
          value: http,
          problem: "is also a port of SIP; the ACME client needs a TCP port of its own",
          example: "80",
        }),
        ...problemIf(tcp !== 0 && tcp === tls, {
          path: ["edge", "ports", "tls"],
          value: tls,
          problem: "is also sbc:edge.ports.tcp; TLS needs a TCP port of its own",
          example: String(tls + 1),
        }),
        ...problemIf(media && udp >= rtp.portMin && udp <= rtp.portMax, {
          path: ["edge", "ports", "udp"],
          value: udp,
          problem: `is one of the media ports (sbc:rtp.portMin to portMax, ${rtp.portMin} to ${rtp.portMax}); it must be outside`,
          example: "5060",
        }),
        ...problemIf(rtp.mode === "host" && udp === corePort, {
          path: ["edge", "ports", "udp"],
          value: udp,
          problem: `is kept for the Asterisk nodes; any port but ${corePort}`,
          example: "5060",
        }),
      ];
    },
  },
  {
    reads: ["edge", "environment", "rtp"],
    check: ({ edge, environment, rtp }) => [
      ...problemIf(edge.bind === "0.0.0.0", {
        path: ["edge", "bind"],
        value: edge.bind,
        problem: "would publish on every address of the host, past its firewall; it must be one address of the host",
        example: "192.0.2.10",
      }),
      ...problemIf(environment === "dev" && rtp.mode === "host" && edge.publicAddress === undefined, {
        path: ["edge", "publicAddress"],
        problem: "is required with sbc:rtp.mode host: it must be the IPv4 address at which phones reach this host",
        example: "192.0.2.10",
      }),
    ],
  },
  {
    reads: ["environment", "edge"],
    check: ({ environment, edge }) => {
      if (environment !== "prod") return [];
      const { bind, publicAddress, ports } = edge;
      return [
        ...problemIf(bind === "", {
          path: ["edge", "bind"],
          problem: "is required in prod: it must be the host's IPv4 address on which 5061 is published",
          example: "192.0.2.10",
        }),
        ...problemIf(publicAddress === undefined, {
          path: ["edge", "publicAddress"],
          problem: "is required in prod: it must be the public IPv4 address that phones reach",
          example: "198.51.100.7",
        }),
        ...problemIf(publicAddress !== undefined && isPrivate(publicAddress), {
          path: ["edge", "publicAddress"],
          value: publicAddress,
          problem: "is private, so no phone on the internet could reach it; prod needs a public IPv4 address",
          example: "198.51.100.7",
        }),
        ...(["udp", "tcp"] as const).flatMap((transport) =>
          problemIf(ports[transport] !== 0, {
            path: ["edge", "ports", transport],
            value: ports[transport],
            problem: "publishes unencrypted SIP, which prod closes to the world; it must be 0",
            example: "0",
          }),
        ),
        ...problemIf(ports.tls === 0 && ports.mutualTls === 0, {
          path: ["edge", "ports", "tls"],
          value: 0,
          problem: "leaves prod without any door; it must be a port, usually 5061",
          example: "5061",
        }),
      ];
    },
  },
  {
    reads: ["timers"],
    check: ({ timers }) =>
      problemIf(timers.registrationMinSeconds > timers.registrationMaxSeconds, {
        path: ["timers", "registrationMinSeconds"],
        value: timers.registrationMinSeconds,
        problem: `must not be more than sbc:timers.registrationMaxSeconds (${timers.registrationMaxSeconds})`,
        example: String(timers.registrationMaxSeconds),
      }),
  },
  {
    reads: ["subscribers"],
    check: ({ subscribers }) =>
      subscribers.flatMap(({ name }, index) =>
        problemIf(
          subscribers.slice(0, index).some((other) => other.name.toLowerCase() === name.toLowerCase()),
          {
            path: ["subscribers", index, "name"],
            value: name,
            problem: "appears twice (upper and lower case count as one); each name must be there once",
          },
        ),
      ),
  },
  {
    reads: ["certificates", "environment"],
    check: ({ certificates, environment }) => {
      if (certificates.mode === "generated") {
        return [
          ...problemIf(environment === "prod", {
            path: ["certificates", "mode"],
            value: "generated",
            problem: "is for dev: no phone knows the private CA; prod needs provided or acme",
            example: "provided",
          }),
          ...problemIf(certificates.renewDays >= certificates.validityDays, {
            path: ["certificates", "renewDays"],
            value: certificates.renewDays,
            problem: `must be less than sbc:certificates.validityDays (${certificates.validityDays}), else each up renews it`,
            example: "30",
          }),
        ];
      }
      if (certificates.mode === "acme") return acmeProblems(certificates);
      const one = (inline: "chain" | "key", file: "chainFile" | "keyFile") => {
        const count = [certificates[inline], certificates[file]].filter((value) => value !== undefined).length;
        return problemIf(count !== 1, {
          path: ["certificates", file],
          value: certificates[file],
          problem: `or sbc:certificates.${inline} is required with mode provided; give ${count === 0 ? "one of them" : "only one of them"}`,
          example: file === "keyFile" ? "certificates/privkey.pem" : "certificates/fullchain.pem",
        });
      };
      const files = (["chainFile", "keyFile", "caFile"] as const).flatMap((key) =>
        missingFile(["certificates", key], certificates[key]),
      );
      return [...one("chain", "chainFile"), ...one("key", "keyFile"), ...files];
    },
  },
  {
    reads: ["certificates", "rotation"],
    check: ({ certificates, rotation }) =>
      (["server", "ca"] as const).flatMap((key) =>
        problemIf(certificates.mode !== "generated" && rotation.certificates[key] !== 0, {
          path: ["rotation", "certificates", key],
          value: rotation.certificates[key],
          problem:
            "is for generated certificates, it must be 0: put the operator's own new files in place and run up; ACME renews by itself",
          example: "0",
        }),
      ),
  },
  {
    reads: ["events", "environment"],
    check: ({ events: { url, caFile }, prod }) => [
      ...problemIf(prod && url !== undefined && !url.startsWith("https:"), {
        path: ["events", "url"],
        value: url,
        problem: "would send who calls whom unencrypted; it must begin with https in prod",
      }),
      ...problemIf(caFile !== undefined && !(url ?? "").startsWith("https:"), {
        path: ["events", "caFile"],
        value: caFile,
        problem: "is for an API behind https; sbc:events.url must be one",
      }),
      ...caFileProblems(["events", "caFile"], caFile),
    ],
  },
  {
    reads: ["images"],
    check: ({ images }) => {
      if (images.source === "build") return [];
      return [
        ...problemIf(images.registry === undefined, {
          path: ["images", "registry"],
          problem: "is required with sbc:images.source registry: it must be HOST[:PORT]/PATH",
          example: "registry.example.com/sbc",
        }),
        ...pinProblems(images.pins).map((problem) => ({
          path: ["images", "pins"],
          value: images.pins,
          problem: `cannot be used: ${problem}. To write it: ${pinCommand(images)}`,
        })),
      ];
    },
  },
  {
    reads: ["resources", "edge"],
    check: ({ resources, edge }) => {
      const least = edge.sharedMemoryMb + 64;
      const { memoryMb } = resources.kamailio;
      return problemIf(memoryMb !== undefined && memoryMb < least, {
        path: ["resources", "kamailio", "memoryMb"],
        value: memoryMb,
        problem: `must be at least ${least}: sbc:edge.sharedMemoryMb and 64 for the processes`,
        example: String(edge.sharedMemoryMb + 160),
      });
    },
  },
  {
    reads: ["accounting", "edge"],
    check: ({ accounting, edge }) => {
      // 1 KiB each, and not more than half of the memory, which calls need too.
      const most = edge.sharedMemoryMb * 512;
      return problemIf(accounting.queueRows > most, {
        path: ["accounting", "queueRows"],
        value: accounting.queueRows,
        problem: `could take more than half of sbc:edge.sharedMemoryMb (${edge.sharedMemoryMb}); it must be at most ${most}`,
        example: String(most),
      });
    },
  },
  {
    reads: ["resources", "database"],
    check: ({ resources, database }) => {
      const least = database.bufferPoolMb + 192;
      const { memoryMb } = resources.mariadb;
      return problemIf(memoryMb !== undefined && memoryMb < least, {
        path: ["resources", "mariadb", "memoryMb"],
        value: memoryMb,
        problem: `must be at least ${least}: sbc:database.bufferPoolMb and 192 for the rest of the server`,
        example: String(database.bufferPoolMb + 320),
      });
    },
  },
];

function acmeProblems({ acme, caFile, names }: Config["certificates"]): ConfigProblem[] {
  const path = (key: keyof typeof acme) => ["certificates", "acme", key];
  const dns = acme.challenge === "dns-01";
  return [
    ...problemIf(acme.email === undefined, {
      path: path("email"),
      problem: "is required with sbc:certificates.mode acme: it must be a mail address that the CA may write to",
    }),
    ...problemIf(dns && acme.dnsProvider === undefined, {
      path: path("dnsProvider"),
      problem: "is required with sbc:certificates.acme.challenge dns-01: it must be lego's code of the DNS provider",
    }),
    ...problemIf(dns && Object.keys(acme.dnsCredentials).length === 0, {
      path: [...path("dnsCredentials"), "CLOUDFLARE_DNS_API_TOKEN"],
      problem: "or what the DNS provider asks for is required with sbc:certificates.acme.challenge dns-01",
    }),
    ...names.flatMap((name, index) =>
      problemIf(parseAddress(name) !== undefined, {
        path: ["certificates", "names", index],
        value: name,
        problem: "is an address, which ACME CAs do not put into certificates of the usual kind; it must be a host name",
      }),
    ),
    ...missingFile(path("directoryCaFile"), acme.directoryCaFile),
    ...missingFile(["certificates", "caFile"], caFile),
  ];
}

function drainProblems(
  section: string,
  what: string,
  count: number,
  nameOf: (index: number) => string,
  drain: readonly string[],
): ConfigProblem[] {
  const names = Array.from({ length: count }, (_, index) => nameOf(index));
  const unknown = drain.flatMap((name, index) =>
    problemIf(!names.includes(name), {
      path: [section, "drain", index],
      value: name,
      problem: `is no ${what}; there ${names.length > 1 ? `are ${names[0]} to ${names.at(-1)}` : `is ${names[0]}`}`,
      example: names.at(-1),
    }),
  );
  return unknown.concat(
    problemIf(
      names.every((name) => drain.includes(name)),
      {
        path: [section, "drain"],
        value: drain,
        problem: `leaves no ${what} for calls; at least one must not be drained`,
      },
    ),
  );
}

function portRange(
  path: readonly string[],
  [minKey, maxKey]: readonly [string, string],
  range: { min: number; max: number },
  taken: readonly number[],
  owner: string,
): ConfigProblem[] {
  const { min, max } = range;
  return [
    ...problemIf(max - min + 1 < portsPerCall, {
      path: [...path, maxKey],
      value: max,
      problem: `must be at least sbc:${[...path, minKey].join(".")} + ${portsPerCall - 1} (${min + portsPerCall - 1}): one call takes ${portsPerCall} ports`,
      example: String(Math.min(65535, min + 39)),
    }),
    ...taken.flatMap((port) =>
      problemIf(port >= min && port <= max, {
        path: [...path, minKey],
        value: min,
        problem: `to ${maxKey} (${min} to ${max}) contains ${port}, the port of ${owner}; the range must not`,
        example: String(port + 8),
      }),
    ),
  ];
}

/** Prefixes of which one begins another, or is there twice. */
function prefixProblems(path: ConfigProblem["path"], prefixes: readonly string[]): ConfigProblem[] {
  return prefixes.flatMap((prefix, index) => {
    const other = prefixes.find((one, at) => at !== index && (one === "any" || prefix.startsWith(one)));
    return problemIf(other !== undefined && (other !== prefix || prefixes.indexOf(prefix) !== index), {
      path: [...path, index],
      value: prefix,
      problem: `says nothing new beside ${other ?? ""}; take one of the two out`,
      example: "49",
    });
  });
}

/** Networks of `sbc:protection` of which one makes another useless. */
function listProblems(protection: Config["protection"]): ConfigProblem[] {
  // The first of a pair beats the second.
  const pairs = [
    ["blocked", "blocked"],
    ["unlimited", "unlimited"],
    ["allowed", "allowed"],
    ["office", "office"],
    ["blocked", "unlimited"],
    ["blocked", "allowed"],
    ["blocked", "office"],
    ["unlimited", "office"],
  ] as const;
  return pairs.flatMap(([strong, weak]) =>
    protection[weak].flatMap((cidr, index) => {
      const inner = parseNetwork(cidr);
      const other = protection[strong].find((one, at) => {
        const outer = parseNetwork(one);
        if (inner === undefined || outer === undefined || (strong === weak && at === index)) return false;
        // Of two that are equal the later one is too many.
        const same = outer.prefix === inner.prefix && strong === weak;
        return overlapping(outer, inner) && (same ? at < index : outer.prefix <= inner.prefix);
      });
      return problemIf(other !== undefined, {
        path: ["protection", weak, index],
        value: cidr,
        problem: `says nothing beside ${other ?? ""} in sbc:protection.${strong}; take one of the two out`,
        example: "203.0.113.0/24",
      });
    }),
  );
}
