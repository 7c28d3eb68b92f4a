import { X509Certificate } from "node:crypto";
import { subscriberNameProblem } from "../configs/mariadb/rows.ts";
import { trunkNames, trunkSetId, trunkUri } from "../configs/mariadb/trunks.ts";
import { nodeName } from "./addresses.ts";
import type { Config } from "./config-parse.ts";
import type { ConfigProblem } from "./config-problems.ts";
import { problemIf, type Rule } from "./config-rule.ts";
import { overlap, parseCidr, type Cidr } from "./ipv4.ts";
import { trunkAddresses } from "./trunks.ts";

type Trunk = Config["trunks"][number];
type Path = ConfigProblem["path"];

/** A carrier must be reachable, known by something that nobody else has, and leave no call without a single way to go. */
export const trunkRules: readonly Rule[] = [
  {
    reads: ["trunks"],
    check: ({ trunks }) => trunks.flatMap((trunk, index) => ownProblems(trunk, ["trunks", index])),
  },
  {
    reads: ["trunks"],
    check: ({ trunks }) => [
      ...twice(trunks, "name", (trunk) => trunk.name),
      ...twice(trunks, "certificateName", (trunk) => trunk.certificateName),
      ...trunks.flatMap(({ name }, index) =>
        problemIf(
          trunks.slice(0, index).some((other) => other.name !== name && trunkSetId(other.name) === trunkSetId(name)),
          {
            path: ["trunks", index, "name"],
            value: name,
            problem: "has the same dispatcher set as another trunk by chance; it must be renamed",
            example: `${name}-2`,
          },
        ),
      ),
      ...equalPrefixes(trunks),
      ...rivalCas(trunks),
    ],
  },
  {
    reads: ["trunks", "edge"],
    check: ({ trunks, edge }) =>
      trunks.flatMap(({ username, direction }, index) =>
        problemIf(!edge.trunkLogins && username !== undefined && direction !== "in", {
          path: ["trunks", index, "username"],
          value: username,
          problem:
            "needs edge.trunkLogins, without which no challenge of a carrier is answered; set it, or direction in",
          command: "pulumi config set --path 'sbc:edge.trunkLogins' true",
        }),
      ),
  },
  {
    reads: ["trunks", "networks"],
    check: ({ trunks, networks }) => {
      const known = trunks.flatMap((trunk, index) =>
        trunkAddresses(trunk).flatMap((cidr, at) => {
          const block = network(cidr);
          return block === undefined ? [] : [{ trunk: trunk.name, index, at, cidr, block }];
        }),
      );
      const sbc = network(networks.sbc);
      return known.flatMap((own, position) => {
        const path = ["trunks", own.index, "addresses", own.at];
        const rival = known
          .slice(0, position)
          .find((other) => other.trunk !== own.trunk && overlap(own.block, other.block));
        const hostsOfDocker = sbc !== undefined && own.block.first <= sbc.first + 1 && own.block.last >= sbc.first + 1;
        return [
          ...problemIf(rival !== undefined, {
            path,
            value: own.cidr,
            problem: `overlaps ${rival?.cidr} of trunk ${rival?.trunk}, so a call from there could be of either; each address must belong to one trunk`,
            example: "192.0.2.10",
          }),
          ...problemIf(hostsOfDocker, {
            path,
            value: own.cidr,
            problem:
              "contains the gateway of sbc_net, whose address strangers may seem to come from; it must be the carrier's own",
            example: "192.0.2.10",
          }),
        ];
      });
    },
  },
  {
    reads: ["trunks", "subscribers"],
    check: ({ trunks, subscribers }) =>
      trunks.flatMap(({ numbers }, index) =>
        numbers.flatMap(({ subscriber }, at) =>
          unknownSubscriber(["trunks", index, "numbers", at, "subscriber"], subscriber, subscribers),
        ),
      ),
  },
  {
    reads: ["emergency", "trunks", "subscribers"],
    check: ({ emergency, trunks, subscribers }) =>
      emergency.flatMap((entry, index) => emergencyProblems(entry, ["emergency", index], trunks, subscribers)),
  },
  {
    reads: ["emergency"],
    check: ({ emergency }) =>
      emergency.flatMap(({ number }, index) =>
        problemIf(emergency.findIndex((other) => other.number === number) !== index, {
          path: ["emergency", index, "number"],
          value: number,
          problem: "appears twice; each number must be listed once",
        }),
      ),
  },
  {
    reads: ["edge", "environment", "rtp", "trunks"],
    check: ({ edge: { ports }, prod, rtp, trunks }) => [
      ...problemIf(ports.trunkUdp !== 0 && ports.trunkUdp === ports.udp, {
        path: ["edge", "ports", "trunkUdp"],
        value: ports.trunkUdp,
        problem: "is also sbc:edge.ports.udp; it must be a port of its own",
        example: "5070",
      }),
      ...problemIf(ports.trunkTcp !== 0 && (ports.trunkTcp === ports.tcp || ports.trunkTcp === ports.tls), {
        path: ["edge", "ports", "trunkTcp"],
        value: ports.trunkTcp,
        problem: "is also a port of phones; it must be a port of its own",
        example: "5070",
      }),
      ...problemIf(
        (rtp.publish || rtp.mode === "host") && ports.trunkUdp >= rtp.portMin && ports.trunkUdp <= rtp.portMax,
        {
          path: ["edge", "ports", "trunkUdp"],
          value: ports.trunkUdp,
          problem: `is one of the media ports (sbc:rtp.portMin to portMax, ${rtp.portMin} to ${rtp.portMax}); it must be outside`,
          example: "5070",
        },
      ),
      ...trunks.flatMap(({ name, hosts }, index) =>
        hosts.flatMap(({ transport }, at) =>
          problemIf(prod && transport !== "tls" && ports[transport === "udp" ? "trunkUdp" : "trunkTcp"] === 0, {
            path: ["trunks", index, "hosts", at, "transport"],
            value: transport,
            problem: `needs the listener for trunks: prod publishes no other port without TLS that ${name} could reach. Set the listener's port, or take tls`,
            command: `pulumi config set --path sbc:edge.ports.${transport === "udp" ? "trunkUdp" : "trunkTcp"} 5070`,
          }),
        ),
      ),
    ],
  },
  {
    reads: ["asterisk"],
    check: ({ asterisk: { nodes, weights } }) => {
      const names = Array.from({ length: nodes }, (_, index) => nodeName(index));
      return Object.entries(weights).flatMap(([name, weight]) =>
        problemIf(!names.includes(name), {
          path: ["asterisk", "weights", name],
          value: weight,
          problem: `is the weight of no node; there are ${names.join(", ")}`,
          command: `pulumi config rm --path 'sbc:asterisk.weights.${name}'`,
        }),
      );
    },
  },
];

function ownProblems(trunk: Trunk, path: Path): ConfigProblem[] {
  const { hosts, direction, username, password, registerSeconds, callerId, numbers, prefixes } = trunk;
  const needsNumber = callerId.mode === "fixed" || callerId.mode === "allowed";
  return [
    ...problemIf(hosts.length === 0, {
      path: [...path, "hosts", 0, "host"],
      problem: "is required: a trunk needs at least one host, an IPv4 address or a name",
      example: "sip.carrier.example",
    }),
    ...problemIf(direction !== "out" && trunkAddresses(trunk).length === 0 && trunk.certificateName === undefined, {
      path: [...path, "addresses", 0],
      problem:
        "is required: nothing says which calls are of this trunk. It must be an address or network of the carrier; or set certificateName, or direction out",
      example: "192.0.2.10",
    }),
    ...problemIf((username === undefined) !== (password === undefined), {
      path: [...path, username === undefined ? "username" : "password"],
      problem: `is required with ${username === undefined ? "password" : "username"}`,
    }),
    ...problemIf(registerSeconds !== undefined && username === undefined, {
      path: [...path, "username"],
      problem: "is required with registerSeconds: it must be the account at the carrier",
    }),
    ...problemIf(needsNumber && callerId.number === undefined, {
      path: [...path, "callerId", "number"],
      problem: `is required with mode ${callerId.mode}: it must be a number of the trunk`,
    }),
    ...problemIf(direction === "in" && prefixes.length > 0, {
      path: [...path, "prefixes"],
      value: prefixes.map(({ prefix }) => prefix),
      problem: "has no effect with direction in; take them out, or set direction both",
      command: `pulumi config set --path '${keyOf([...path, "direction"])}' both`,
    }),
    ...tlsProblems(trunk, [...path, "tls"]),
    ...numbers.flatMap(({ number }, index) =>
      problemIf(numbers.findIndex((other) => other.number === number) !== index, {
        path: [...path, "numbers", index, "number"],
        value: number,
        problem: "appears twice; each number must lead to one subscriber",
      }),
    ),
    ...prefixes.flatMap(({ prefix }, index) =>
      problemIf(prefixes.findIndex((other) => other.prefix === prefix) !== index, {
        path: [...path, "prefixes", index, "prefix"],
        value: prefix,
        problem: "appears twice in this trunk; each prefix must be listed once",
      }),
    ),
  ];
}

/** Longest name that fits into the key of its row. */
const longestName = 70;

function tlsProblems(trunk: Trunk, path: Path): ConfigProblem[] {
  const { ca, names } = trunk.tls;
  const overTls = trunk.hosts.some(({ transport }) => transport === "tls");
  return [
    ...problemIf((ca !== undefined || names.length > 0) && !overTls, {
      path: [...path, ca === undefined ? "names" : "ca"],
      problem:
        "has no effect: none of the trunk's hosts is reached over TLS. Take it out, or set the transport of a host",
      command: `pulumi config set --path '${keyOf([...path.slice(0, -1), "hosts", 0, "transport"])}' tls`,
    }),
    ...(ca === undefined ? [] : caProblems(ca, [...path, "ca"])),
    ...(overTls ? trunkNames(trunk) : []).flatMap((name) =>
      problemIf(name.length > longestName, {
        path: [...path, "names"],
        value: name,
        problem: `is longer than ${longestName} characters; it must be a shorter name of the certificate`,
        example: `'["sip.carrier.example"]'`,
      }),
    ),
  ];
}

function caProblems(pem: string, path: Path): ConfigProblem[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  const problems = blocks.flatMap((block, index) => {
    const which = blocks.length === 1 ? "" : `(certificate ${index + 1}) `;
    try {
      const { ca, subject, validTo } = new X509Certificate(block);
      const name = subject.replaceAll("\n", ", ");
      if (!ca)
        return [`${which}holds ${name}, which is no CA; it must be the CA that signs the certificate of the host`];
      return Date.parse(validTo) < Date.now() ? [`${which}holds ${name}, which has expired on ${validTo}`] : [];
    } catch {
      return [`${which}cannot be read; it must be a certificate in PEM`];
    }
  });
  const all = blocks.length === 0 ? ["holds no whole certificate; it must be certificates in PEM"] : problems;
  return all.map((problem) => ({ path, problem, example: '"$(cat carrier-ca.pem)"' }));
}

/** A connection is looked up by its address: it cannot be held against the CAs of two trunks. */
function rivalCas(trunks: Config["trunks"]): ConfigProblem[] {
  const all = trunks.flatMap(({ name, hosts, tls }, index) =>
    hosts.flatMap((host) => (host.transport === "tls" ? [{ name, index, uri: trunkUri(host), ca: tls.ca }] : [])),
  );
  return all.flatMap((own, position) => {
    const rival = all.slice(0, position).find((other) => other.uri === own.uri && other.ca !== own.ca);
    return problemIf(rival !== undefined, {
      path: ["trunks", own.index, "tls", "ca"],
      problem: `differs from that of trunk ${rival?.name}, which has the same host ${own.uri}; it must be the same`,
      example: '"$(cat carrier-ca.pem)"',
    });
  });
}

const keyOf = (path: Path): string =>
  path
    .reduce<string>((text, part) => (typeof part === "number" ? `${text}[${part}]` : `${text}.${part}`), "sbc:")
    .replace(":.", ":");

function twice(trunks: Config["trunks"], key: string, of: (trunk: Trunk) => string | undefined): ConfigProblem[] {
  return trunks.flatMap((trunk, index) => {
    const value = of(trunk);
    return problemIf(value !== undefined && trunks.findIndex((other) => of(other) === value) !== index, {
      path: ["trunks", index, key],
      value,
      problem: "appears twice; it must tell one trunk from the others",
      example: `${value}-2`,
    });
  });
}

/** The longest prefix decides between prefixes that overlap; between equal ones only their order can. */
function equalPrefixes(trunks: Config["trunks"]): ConfigProblem[] {
  const all = trunks.flatMap(({ name, prefixes }, index) =>
    prefixes.map(({ prefix, order }, at) => ({ name, index, at, prefix, order })),
  );
  return all.flatMap((own, position) => {
    const rival = all
      .slice(0, position)
      .find((other) => other.index !== own.index && other.prefix === own.prefix && other.order === own.order);
    return problemIf(rival !== undefined, {
      path: ["trunks", own.index, "prefixes", own.at, "order"],
      value: own.order,
      problem: `is also that of prefix ${own.prefix} of trunk ${rival?.name}, so nothing says which is tried first; it must be another`,
      example: String(own.order + 1),
    });
  });
}

function emergencyProblems(
  { number, trunks: ways, subscriber }: Config["emergency"][number],
  path: Path,
  trunks: Config["trunks"],
  subscribers: Config["subscribers"],
): ConfigProblem[] {
  const outbound = trunks.filter(({ direction }) => direction !== "in").map(({ name }) => name);
  const service = subscriberNameProblem(number);
  return [
    ...problemIf(service !== undefined, {
      path: [...path, "number"],
      value: number,
      problem: service ?? "",
      example: "112",
    }),
    ...problemIf(ways.length > 0 === (subscriber !== undefined), {
      path: [...path, "trunks"],
      value: ways,
      problem:
        ways.length > 0
          ? "and subscriber are both given; it must be one of them"
          : "or subscriber is required: a number that is always put through has to lead somewhere",
      example: outbound[0] === undefined ? undefined : `'["${outbound[0]}"]'`,
    }),
    ...ways.flatMap((name, index) =>
      problemIf(!outbound.includes(name), {
        path: [...path, "trunks", index],
        value: name,
        problem: `is no trunk for outbound calls; there ${outbound.length === 0 ? "is none" : `are ${outbound.join(", ")}`}`,
        ...(outbound[0] !== undefined && { example: outbound[0] }),
      }),
    ),
    ...(subscriber === undefined ? [] : unknownSubscriber([...path, "subscriber"], subscriber, subscribers)),
  ];
}

function unknownSubscriber(path: Path, name: string, subscribers: Config["subscribers"]): ConfigProblem[] {
  const names = subscribers.map((subscriber) => subscriber.name);
  return problemIf(!names.includes(name), {
    path,
    value: name,
    problem: `is no subscriber of the stack; there ${names.length === 0 ? "is none" : `are ${names.join(", ")}`}`,
    ...(names[0] !== undefined && { example: names[0] }),
  });
}

function network(cidr: string): Cidr | undefined {
  return parseCidr(cidr.includes("/") ? cidr : `${cidr}/32`);
}
