import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseConfig } from "../../components/config-parse.ts";

/** Configuration as Pulumi hands it over: objects are JSON. */
function parse(config: Record<string, unknown>, stack = "dev", secret = true) {
  const raw = Object.entries({ domain: "sip.example.test", ...config }).map(([key, value]) => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return parseConfig(Object.fromEntries(raw) as Record<string, string>, stack, () => secret);
}

function valid(config: Record<string, unknown>, stack?: string) {
  const result = parse(config, stack);
  assert.ok("config" in result, "problems" in result ? result.problems : "");
  return result.config;
}

function problems(config: Record<string, unknown>, stack?: string): string {
  const result = parse(config, stack);
  assert.ok("problems" in result, "no problem was found");
  return result.problems;
}

const device = { name: "desk-1", subscriber: "alice" };

const prod = {
  environment: "prod",
  edge: { bind: "192.0.2.10", publicAddress: "198.51.100.7" },
  certificates: { chainFile: "package.json", keyFile: "package.json" },
};

describe("defaults", () => {
  test("of dev: the host itself is the only one that can reach the edge", () => {
    const { edge, rtp, certificates, name } = valid({});
    assert.equal(name, "sbc-dev");
    assert.deepEqual(
      [edge.bind, edge.ports],
      ["127.0.0.1", { udp: 5060, tcp: 5060, tls: 5061, mutualTls: 0, wss: 0, trunkUdp: 0, trunkTcp: 0 }],
    );
    assert.deepEqual([rtp.mode, rtp.publish, certificates.mode], ["bridge", false, "generated"]);
  });

  test("of prod: TLS alone is open, media are on the host, the certificate is the operator's", () => {
    const { edge, rtp, certificates } = valid(prod, "prod");
    assert.deepEqual(edge.ports, { udp: 0, tcp: 0, tls: 5061, mutualTls: 0, wss: 0, trunkUdp: 0, trunkTcp: 0 });
    assert.deepEqual([rtp.mode, certificates.mode], ["host", "provided"]);
  });

  test("of prod hold when mutual TLS is the only door", () => {
    const { edge } = valid({ ...prod, edge: { ...prod.edge, ports: { tls: 0, mutualTls: 5062 } } }, "prod");
    assert.deepEqual([edge.ports.tls, edge.ports.mutualTls], [0, 5062]);
  });

  test("the name follows the stack, in characters that Docker takes", () => {
    assert.equal(valid({}, "Team_A.eu").name, "sbc-team-a-eu");
  });

  test("a published media range is small enough to be published", () => {
    const { rtp } = valid({ rtp: { publish: true } });
    assert.deepEqual([rtp.portMin, rtp.portMax], [30000, 30039]);
  });

  test("a subscriber's name of digits is a name", () => {
    assert.deepEqual(valid({ subscribers: [{ name: 1001 }] }).subscribers, [
      { name: "1001", class: "default", rotation: 0 },
    ]);
  });
});

test("the configuration cannot be changed after it was read", () => {
  const config = valid({});
  assert.throws(() => Object.assign(config.edge.ports, { udp: 1 }), TypeError);
});

describe("a mistake is told with its key, its value, what is allowed and the command", () => {
  const network = (sbc: string) => ({ networks: { sbc } });
  const cases: [string, Record<string, unknown>, RegExp[]][] = [
    [
      "unknown key",
      { edgge: {} },
      [/sbc:edgge is no key; there are name, .*edge/, /pulumi config rm sbc:edgge -s dev/],
    ],
    [
      "unknown nested key",
      { edge: { prots: {} } },
      [/sbc:edge\.prots is no key; there are bind/, /config rm --path 'sbc:edge\.prots'/],
    ],
    [
      "wrong choice",
      { environment: "test" },
      [/sbc:environment = "test" must be dev or prod/, /config set sbc:environment dev/],
    ],
    [
      "wrong type",
      { asterisk: { nodes: "two" } },
      [/sbc:asterisk\.nodes = "two" must be a number/, /'sbc:asterisk\.nodes' 2/],
    ],
    ["no JSON", { asterisk: "2" }, [/sbc:asterisk = .* must be a map of keys/]],
    ["no domain", { domain: "" }, [/sbc:domain = "" must be a host name/, /config set sbc:domain sip\.example\.com/]],
    [
      "records kept for ever",
      { accounting: { retentionDays: 0 } },
      [/accounting\.retentionDays = 0 must be at least 1/],
    ],
    [
      "a queue larger than the memory",
      { accounting: { queueRows: 20_000 }, edge: { sharedMemoryMb: 32 } },
      [/accounting\.queueRows = 20000 could take more than half of .*\(32\); it must be at most 16384/],
    ],
    ["no node", { asterisk: { nodes: 0 } }, [/sbc:asterisk\.nodes = 0 must be at least 1/]],
    [
      "nodes that do not fit",
      { ...network("10.5.0.0/26"), asterisk: { nodes: 23 } },
      [/asterisk\.nodes = 23 does not fit.* room for 22/],
    ],
    ["digest of no kind", { edge: { digest: "SHA-512" } }, [/edge\.digest = "SHA-512" must be MD5 or SHA-256 or both/]],
    ["signatures without a key", { signature: { mode: "hmac" } }, [/signature\.keys\[0\]\.id is required.*hmac/]],
    [
      "signature keys of one name",
      { signature: { mode: "static", keys: [{ id: "a" }, { id: "a" }] } },
      [/signature\.keys\[1\]\.id = "a" appears twice/],
    ],
    [
      "signature key that is too short, not shown",
      { signature: { mode: "static", keys: [{ id: "a", key: "company123KEY" }] } },
      [
        /signature\.keys\[0\]\.key = \[secret\] must be 32 to 128/,
        /config set --secret --path 'sbc:signature\.keys\[0\]\.key'/,
      ],
    ],
    [
      "rotation of a key that was given",
      { signature: { mode: "static", keys: [{ id: "a", key: "k".repeat(32), rotation: 1 }] } },
      [/signature\.keys\[0\]\.rotation = 1 is for generated keys/],
    ],
    [
      "class that has to sign where nobody looks",
      { classes: [{ name: "machine", signature: "required" }] },
      [/classes\[0\]\.signature = "required" needs sbc:signature\.mode/],
    ],
    [
      "class that has to have a certificate where there is no port for it",
      { classes: [{ name: "desk", certificate: "required" }] },
      [/classes\[0\]\.certificate = "required" needs the mutual TLS port/],
    ],
    [
      "mutual TLS on the port of TLS",
      { edge: { ports: { mutualTls: 5061 } } },
      [/edge\.ports\.mutualTls = 5061 is also sbc:edge\.ports\.tls/, /mutualTls' 5062/],
    ],
    [
      "device of no subscriber",
      { subscribers: [{ name: "alice" }], devices: [{ name: "desk-1", subscriber: "alicia" }] },
      [/devices\[0\]\.subscriber = "alicia" is no subscriber of the stack.*there are alice/],
    ],
    ["device of nobody", { devices: [{ name: "desk-1" }] }, [/devices\[0\]\.subscriber is required, unless/]],
    [
      "devices of one name",
      { subscribers: [{ name: "alice" }], devices: [device, device] },
      [/devices\[1\]\.name = "desk-1" appears twice/],
    ],
    [
      "trunk known by a certificate that nobody issues",
      { trunks: [{ name: "pbx", hosts: [{ host: "192.0.2.1" }], certificateName: "pbx-1" }] },
      [/trunks\[0\]\.certificateName = "pbx-1" is no device/, /edge\.ports\.mutualTls = 0 leaves trunk pbx no port/],
    ],
    [
      "certificate for a trunk and a subscriber",
      {
        edge: { ports: { mutualTls: 5062 } },
        subscribers: [{ name: "alice" }],
        devices: [device],
        trunks: [{ name: "pbx", hosts: [{ host: "192.0.2.1" }], certificateName: "desk-1" }],
      },
      [/devices\[0\]\.subscriber = "alice" must not be there: the certificate is that of trunk pbx/],
    ],
    [
      "drain of no node",
      { asterisk: { drain: ["asterisk-3"] } },
      [/asterisk\.drain\[0\] = "asterisk-3" is no node; there are asterisk-1 to asterisk-2/],
    ],
    ["drain of every node", { asterisk: { drain: ["asterisk-1", "asterisk-2"] } }, [/leaves no node for calls/]],
    [
      "subnet too small",
      network("10.5.0.0/27"),
      [/networks\.sbc = "10\.5\.0\.0\/27" is too small; it must be a \/26 or larger/],
    ],
    [
      "data subnet too small",
      { networks: { data: "10.7.0.0/26" } },
      [/networks\.data.* is too small; it must be a \/25/],
    ],
    ["host bits", network("10.5.0.2/24"), [/has host bits set; did you mean 10\.5\.0\.0\/24/]],
    ["no subnet", network("10.5.0.0"), [/must be an IPv4 subnet/]],
    [
      "subnets that overlap",
      network("10.6.0.0/16"),
      [/networks\.monitoring = "10\.6\.0\.0\/24" overlaps sbc:networks\.sbc/],
    ],
    [
      "too many published media ports",
      { rtp: { publish: true, portMax: 30040 } },
      [/would publish 41 ports.* at most 40/, /portMax' 30039/],
    ],
    [
      "published media on the host",
      { rtp: { publish: true, mode: "host" }, edge: { publicAddress: "192.0.2.1" } },
      [/rtp\.publish = true makes no sense/],
    ],
    ["media range backwards", { rtp: { portMin: 30000, portMax: 29999 } }, [/rtp\.portMax = 29999 must be at least/]],
    [
      "media range over the control socket",
      { rtp: { portMin: 22000, portMax: 23000 } },
      [/contains 22222, the port of a control socket/],
    ],
    [
      "media range over the control socket of a second RTPengine on the host",
      { rtp: { instances: 2, mode: "host", portMin: 22223, portMax: 23000 }, edge: { publicAddress: "192.0.2.1" } },
      [/contains 22223, the port of a control socket/],
    ],
    [
      "too few published ports for two RTPengines",
      { rtp: { instances: 2, publish: true, portMin: 30000, portMax: 30013 } },
      [/rtp\.instances = 2 share one address/],
    ],
    ["more RTPengines than addresses", { rtp: { instances: 6 } }, [/rtp\.instances = 6 must be at most 5/]],
    ["drained RTPengine that is none", { rtp: { drain: ["rtpengine-2"] } }, [/is no RTPengine; there is rtpengine-1/]],
    [
      "every RTPengine drained",
      { rtp: { instances: 2, drain: ["rtpengine-1", "rtpengine-2"] } },
      [/rtp\.drain = .* leaves no RTPengine for calls/],
    ],
    [
      "unknown rule of SRTP",
      { rtp: { srtp: { tls: "always" } } },
      [/rtp\.srtp\.tls = "always" must be off or optional or required/, /'sbc:rtp\.srtp\.tls' required/],
    ],
    [
      "node's media range over SIP",
      { asterisk: { rtpPorts: { min: 5000, max: 6000 } } },
      [/contains 5060, the port of SIP/],
    ],
    ["TLS on the port of TCP", { edge: { ports: { tls: 5060 } } }, [/ports\.tls = 5060 is also sbc:edge\.ports\.tcp/]],
    [
      "SIP port inside published media",
      { rtp: { publish: true }, edge: { ports: { udp: 30001 } } },
      [/ports\.udp = 30001 is one of the media ports/],
    ],
    [
      "unknown secret to rotate",
      { rotation: { database: { root: 1 } } },
      [/rotation\.database\.root is no key; there are kamailio, asterisk, report, exporter, schema/],
    ],
    [
      "rotation that is no counter",
      { rotation: { edge: { nonceKey: "now" } } },
      [/rotation\.edge\.nonceKey = "now" must be a number/],
    ],
    [
      "rotation of the operator's own certificate",
      { certificates: { mode: "provided", ...prod.certificates }, rotation: { certificates: { server: 1 } } },
      [/rotation\.certificates\.server = 1 is for generated certificates, it must be 0/],
    ],
    [
      "every address of the host",
      { edge: { bind: "0.0.0.0" } },
      [/edge\.bind = "0\.0\.0\.0" would publish on every address/],
    ],
    [
      "IPv6 address",
      { edge: { publicAddress: "2001:db8::1" } },
      [/publicAddress = "2001:db8::1" must be an IPv4 address/],
    ],
    ...(
      [
        ["no IPv6 subnet", { subnet: "10.9.0.0/24" }, /must be an IPv6 subnet such as/],
        ["an IPv6 subnet with host bits", { subnet: "FD00:5bc::1/64" }, /must be written as fd00:5bc::\/64/],
        ["a small IPv6 subnet", { subnet: "fd00:5bc::/113" }, /is too small; it must be a \/112 or larger/],
        ["no way in by IPv6", { subnet: "fd00:5bc::/64", transports: [] }, /transports = \[\] leaves IPv6 without/],
        ["IPv6 on a socket that is not there", { transports: ["mutualTls"] }, /ports\.mutualTls = 0 leaves mutualTls/],
        ["media by IPv6 alone", { mediaAddress: "2001:db8::10" }, /ipv6\.subnet is required with/],
        ["another IPv6 address in bridge mode", { mediaAddress: "2001:db8::10" }, /is for sbc:rtp\.mode host/],
        ["no IPv6 address", { mediaAddress: "fe80::1%eth0" }, /must be an IPv6 address/],
      ] as const
    ).map(([name, ipv6, expected]): [string, Record<string, unknown>, RegExp[]] => [
      name,
      { edge: { ipv6 } },
      [expected],
    ]),
    ...(
      [
        ["a WebSocket for no page", { ports: { wss: 8443 } }, /websocketOrigins\[0\] is required with/],
        ["a page without a WebSocket", { websocketOrigins: ["https://a.example"] }, /ports\.wss = 0 leaves the pages/],
        ["no origin", { ports: { wss: 8443 }, websocketOrigins: ["https://a.example/phone"] }, /must be the origin of/],
        [
          "a WebSocket on a port of SIP",
          { ports: { tls: 8443, wss: 8443 }, websocketOrigins: ["https://a.example"] },
          /ports\.wss = 8443 is also sbc:edge\.ports\.tls/,
        ],
        ["no WebSocket for IPv6", { ipv6: { transports: ["wss"] } }, /ports\.wss = 0 leaves wss of/],
      ] as const
    ).map(([name, edge, expected]): [string, Record<string, unknown>, RegExp[]] => [name, { edge }, [expected]]),
    [
      "networks of both families, one inside another",
      { protection: { blocked: ["2001:db8::/32", "198.51.100.7"], office: ["198.51.100.0/24", "2001:db8:7::1"] } },
      [/office\[1\] = "2001:db8:7::1" says nothing beside 2001:db8::\/32 in sbc:protection\.blocked/],
    ],
    [
      "subscriber with a blank",
      { subscribers: [{ name: "al ice" }] },
      [/subscribers\[0\]\.name = "al ice" may only hold letters/, /'sbc:subscribers\[0\]\.name' alice/],
    ],
    [
      "subscriber that is a service",
      { subscribers: [{ name: 600 }] },
      [/subscribers\[0\]\.name = 600 is a service of the dial plan/],
    ],
    [
      "subscriber twice",
      { subscribers: [{ name: "Bob" }, { name: "bob" }] },
      [/subscribers\[1\]\.name = "bob" appears twice/],
    ],
    ["subscriber without a name", { subscribers: [{}] }, [/subscribers\[0\]\.name is required/]],
    [
      "subscriber of a class that is not there",
      { classes: [{ name: "office" }], subscribers: [{ name: "alice" }, { name: "bob", class: "offices" }] },
      [/subscribers\[1\]\.class = "offices" is no class; there are default, office\./],
    ],
    [
      "registrations backwards",
      { timers: { registrationMinSeconds: 4000 } },
      [/must not be more than sbc:timers\.registrationMaxSeconds \(3600\)/],
    ],
    [
      "too little memory for Kamailio",
      { resources: { kamailio: { memoryMb: 128 } } },
      [/resources\.kamailio\.memoryMb = 128 must be at least 192/],
    ],
    [
      "too little memory for MariaDB",
      { resources: { mariadb: { memoryMb: 128 } } },
      [/resources\.mariadb\.memoryMb = 128 must be at least 256/],
    ],
    [
      "destinations of which one begins another",
      { classes: [{ name: "office", destinations: [49, "4930"] }] },
      [/classes\[0\]\.destinations\[1\] = "4930" says nothing new beside 49/],
    ],
    [
      "destination that is dialled, not international",
      { classes: [{ name: "office", destinations: ["0049"] }] },
      [/destinations\[0\] = "0049" must be the first digits of international numbers/],
    ],
    [
      "destination that is premium",
      { protection: { premiumPrefixes: ["4990"] }, classes: [{ name: "office", destinations: ["49900"] }] },
      [/destinations\[0\] = "49900" would never be allowed to class office/],
    ],
    [
      "premium prefixes of which one begins another",
      { protection: { premiumPrefixes: ["88", "881"] } },
      [/premiumPrefixes\[1\] = "881" says nothing new beside 88;/],
    ],
    [
      "class whose calls last longer than any",
      { timers: { callMaxSeconds: 600 }, classes: [{ name: "office", callMaxSeconds: 601 }] },
      [/callMaxSeconds = 601 must not be more than sbc:timers\.callMaxSeconds \(600\)/],
    ],
    [
      "subscriber who may call more than all together",
      { protection: { maxCalls: 5, callsPerSecond: 5 }, classes: [{ name: "office", maxCalls: 6, callsPerSecond: 6 }] },
      [
        /classes\[0\]\.maxCalls = 6 must not be more than sbc:protection\.maxCalls \(5\)/,
        /callsPerSecond = 6 must not/,
      ],
    ],
    [
      "daily limit below nothing",
      { classes: [{ name: "office", dailyCalls: -1 }] },
      [/classes\[0\]\.dailyCalls = -1 must be at least 0/],
    ],
    [
      "ban that outlasts the longest",
      { protection: { banSeconds: 7200 } },
      [/banMaxSeconds = 3600 must not be less than sbc:protection\.banSeconds \(7200\)/],
    ],
    [
      "one source with more connections than there are",
      { protection: { connections: 100 } },
      [/connectionsPerSource = 256 must not be more than sbc:protection\.connections \(100\)/],
    ],
    [
      "office that may send less than a phone",
      { protection: { officeDensity: 10 } },
      [/officeDensity = 10 must not be less than sbc:protection\.pikeDensity \(30\)/],
    ],
    [
      "networks that say nothing",
      {
        protection: { blocked: ["198.51.100.0/24"], allowed: ["198.51.100.7"], office: ["10.0.0.0/8", "10.1.0.0/16"] },
      },
      [
        /allowed\[0\] = "198\.51\.100\.7" says nothing beside 198\.51\.100\.0\/24 in sbc:protection\.blocked/,
        /office\[1\] = "10\.1\.0\.0\/16" says nothing beside 10\.0\.0\.0\/8/,
      ],
    ],
    [
      "User-Agent pattern that is found everywhere",
      { protection: { userAgentPattern: "x*" } },
      [/userAgentPattern = "x\*" must not match an empty User-Agent/],
    ],
    [
      "User-Agent pattern that would end the script's string",
      { protection: { userAgentPattern: 'a"b' } },
      [/userAgentPattern = .* may only hold letters, digits/],
    ],
    [
      "User-Agent that begins all",
      { protection: { blockedUserAgents: ["a"] } },
      [/blockedUserAgents\[0\] = "a" must be 3 to 64 characters/],
    ],
    [
      "renewal before birth",
      { certificates: { validityDays: 31, renewDays: 31 } },
      [/renewDays = 31 must be less than sbc:certificates\.validityDays/],
    ],
    [
      "events to what is no URL",
      { events: { url: "api.example.com" } },
      [/events\.url = "api\.example\.com" must be an http\(s\) URL/, /'sbc:events\.url' https:/],
    ],
    [
      "events to a URL with a password",
      { events: { url: "https://me:secret@api.example.com/" } },
      [/events\.url = .* without a password in it/],
    ],
    [
      "a CA for an API without TLS",
      { events: { url: "http://api.example.com/", caFile: "package.json" } },
      [/events\.caFile = "package\.json" is for an API behind https/, /caFile.* holds no certificate/],
    ],
    [
      "a CA file that is not there",
      { events: { url: "https://api.example.com/", caFile: "no.pem" } },
      [/events\.caFile = "no\.pem" does not exist/],
    ],
    ["a queue for nothing", { events: { queue: 0 } }, [/events\.queue = 0 must be at least 100/]],
    [
      "certificate file that is not there",
      { certificates: { mode: "provided", chainFile: "no.pem", keyFile: "package.json" } },
      [/chainFile = "no\.pem" does not exist/],
    ],
    [
      "no certificate",
      { certificates: { mode: "provided" } },
      [/chainFile or sbc:certificates\.chain is required/, /keyFile or sbc:certificates\.key is required/],
    ],
  ];
  for (const [name, config, expected] of cases) {
    test(name, () => {
      const text = problems(config);
      for (const pattern of expected) assert.match(text, pattern);
    });
  }
});

const public6 = { subnet: "2001:db8:0:5::/64", mediaAddress: "2001:db8::10" };

test("prod takes IPv6 by TLS alone, unless told otherwise", () => {
  const { edge } = valid({ ...prod, edge: { ...prod.edge, ipv6: public6 } }, "prod");
  assert.deepEqual(edge.ipv6, { ...public6, transports: ["tls"] });
});

describe("prod refuses", () => {
  const cases: [string, Record<string, unknown>, RegExp][] = [
    ["no host address", { ...prod, edge: { publicAddress: "198.51.100.7" } }, /sbc:edge\.bind is required in prod/],
    ["no public address", { ...prod, edge: { bind: "192.0.2.10" } }, /sbc:edge\.publicAddress is required in prod/],
    [
      "a private public address",
      { ...prod, edge: { bind: "192.0.2.10", publicAddress: "10.1.2.3" } },
      /publicAddress = "10\.1\.2\.3" is private/,
    ],
    [
      "unencrypted SIP",
      { ...prod, edge: { ...prod.edge, ports: { udp: 5060 } } },
      /ports\.udp = 5060 publishes unencrypted SIP/,
    ],
    [
      "no door at all",
      { ...prod, edge: { ...prod.edge, ports: { tls: 0 } } },
      /ports\.tls = 0 leaves prod without any door/,
    ],
    [
      "events that everybody can read",
      { ...prod, events: { url: "http://api.example.com/" } },
      /events\.url = .* unencrypted; it must begin with https in prod/,
    ],
    [
      "unencrypted SIP by IPv6",
      { ...prod, edge: { ...prod.edge, ipv6: { ...public6, transports: ["tls", "udp"] } } },
      /ipv6\.transports\[1\] = "udp" is unencrypted SIP/,
    ],
    [
      "a page that anybody can change",
      { ...prod, edge: { ...prod.edge, ports: { wss: 8443 }, websocketOrigins: ["http://a.example"] } },
      /websocketOrigins\[0\] = "http:\/\/a\.example" is a page that anybody/,
    ],
    [
      "an IPv6 subnet that nobody routes",
      { ...prod, edge: { ...prod.edge, ipv6: { ...public6, subnet: "fd00:5bc::/64" } } },
      /ipv6\.subnet = "fd00:5bc::\/64" is not routed/,
    ],
    [
      "a media address that nobody routes",
      { ...prod, edge: { ...prod.edge, ipv6: { ...public6, mediaAddress: "fe80::1" } } },
      /ipv6\.mediaAddress = "fe80::1" is not routed/,
    ],
    [
      "IPv6 without a way for media",
      { ...prod, edge: { ...prod.edge, ipv6: { subnet: public6.subnet } } },
      /ipv6\.mediaAddress is required with/,
    ],
    [
      "SRTP whose keys everybody on the way could read",
      { ...prod, rtp: { srtp: { udp: "optional", tcp: "required" } } },
      /rtp\.srtp\.udp = "optional" would send the keys of SRTP over UDP unencrypted.*\n.*'sbc:rtp\.srtp\.udp' off -s prod\n.*rtp\.srtp\.tcp = "required" would/,
    ],
    ["a private CA", { ...prod, certificates: { mode: "generated" } }, /certificates\.mode = "generated" is for dev/],
  ];
  for (const [name, config, expected] of cases) {
    test(name, () => assert.match(problems(config, "prod"), expected));
  }
});

test("all mistakes are told at once, also of rules over several keys", () => {
  const text = problems({
    environment: "test",
    asterisk: { nodes: 0 },
    subscribers: [{ name: "a b" }],
    rtp: { publish: true, portMax: 31000 },
  });
  assert.match(text, /has 4 mistakes:/);
  for (const key of ["environment", "asterisk.nodes", "subscribers[0].name", "rtp.portMax"]) {
    assert.ok(text.includes(`sbc:${key}`), `${key} is missing in ${text}`);
  }
});

test("a private key in plain text is refused and not shown", () => {
  const result = parse(
    { certificates: { mode: "provided", chainFile: "package.json", key: "TOP-SECRET" } },
    "dev",
    false,
  );
  assert.ok("problems" in result);
  assert.match(result.problems, /sbc:certificates\.key.*plain text/);
  assert.match(result.problems, /config set --secret --path 'sbc:certificates\.key'/);
  assert.ok(!result.problems.includes("TOP-SECRET"));
});

test("a private key that was pasted to where it does not belong is refused and not shown", () => {
  const chain = "-----BEGIN EC PRIVATE KEY-----\nTOP-SECRET\n-----END EC PRIVATE KEY-----\n";
  const result = parse({ certificates: { mode: "provided", chain } }, "dev", false);
  assert.ok("problems" in result);
  assert.match(result.problems, /sbc:certificates\.chain holds a private key in plain text; take it out/);
  assert.ok(!result.problems.includes("TOP-SECRET"));
});
