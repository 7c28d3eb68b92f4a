import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseConfig } from "../../components/config-parse.ts";
import { trunkCas, trunkOf } from "../../components/trunks.ts";
import { trunkPolicy } from "../../configs/mariadb/trunks.ts";
import { testAuthority } from "../support/certificates.ts";

const authority = await testAuthority("carrier CA");
const expired = await testAuthority("old CA", { fromDays: -20, days: -10 });
const leaf = await authority.issue("sip.carrier.example");

function parse(config: Record<string, unknown>) {
  const raw = Object.entries({ domain: "sip.example.test", ...config }).map(([key, value]) => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return parseConfig(Object.fromEntries(raw) as Record<string, string>, "dev", (key) => key === "trunks");
}

function problems(config: Record<string, unknown>): string {
  const result = parse(config);
  assert.ok("problems" in result, "no problem was found");
  return result.problems;
}

const carrier = { name: "carrier", hosts: [{ host: "192.0.2.10" }] };
const other = { name: "other", hosts: [{ host: "192.0.2.11" }] };
const overTls = { name: "carrier", hosts: [{ host: "sip.carrier.example", transport: "tls" }], direction: "out" };
const prod = {
  environment: "prod",
  edge: { bind: "192.0.2.10", publicAddress: "198.51.100.7" },
  certificates: { chainFile: "package.json", keyFile: "package.json" },
};

describe("a trunk", () => {
  test("needs a host, a name and a transport, and the rest has defaults", () => {
    const result = parse({ trunks: [carrier], subscribers: [{ name: "alice" }] });
    assert.ok("config" in result, "problems" in result ? result.problems : "");
    const [trunk] = result.config.trunks;
    assert.ok(trunk);
    const { addresses, credentials, maxCalls, transit, probe } = trunkOf(trunk);
    assert.deepEqual([addresses, credentials, maxCalls, transit, probe], [["192.0.2.10"], undefined, 30, false, true]);
  });

  test("answers challenges of its own realm alone: the given one, else its domain, else its host", () => {
    const realmOf = (more: object) => {
      const result = parse({ trunks: [{ ...carrier, username: "me", password: "secret", ...more }] });
      assert.ok("config" in result, "problems" in result ? result.problems : "");
      return result.config.trunks.map((trunk) => trunkOf(trunk).credentials?.realm);
    };
    assert.deepEqual(realmOf({}), ["192.0.2.10"]);
    assert.deepEqual(realmOf({ domain: "carrier.example" }), ["carrier.example"]);
    assert.deepEqual(realmOf({ domain: "carrier.example", realm: "asterisk" }), ["asterisk"]);
  });

  const mistakes: readonly [string, Record<string, unknown>, RegExp][] = [
    [
      "without a host",
      { trunks: [{ name: "carrier" }] },
      /sbc:trunks\[0\]\.hosts\[0\]\.host is required: a trunk needs/,
    ],
    [
      "that is known by nothing",
      { trunks: [{ name: "carrier", hosts: [{ host: "sip.carrier.example" }] }] },
      /trunks\[0\]\.addresses\[0\] is required: nothing says which calls/,
    ],
    [
      "of the same name",
      { trunks: [carrier, { ...other, name: "carrier" }] },
      /trunks\[1\]\.name = "carrier" appears twice/,
    ],
    [
      "with the certificate of another",
      { trunks: [carrier, other].map((trunk) => ({ ...trunk, certificateName: "sip.carrier.example" })) },
      /trunks\[1\]\.certificateName = "sip\.carrier\.example" appears twice/,
    ],
    [
      "with an address of another",
      { trunks: [carrier, { ...other, addresses: ["192.0.2.0/28"] }] },
      /trunks\[1\]\.addresses\[0\] = "192\.0\.2\.0\/28" overlaps 192\.0\.2\.10 of trunk carrier/,
    ],
    [
      "that trusts Docker's gateway",
      { trunks: [{ ...carrier, addresses: ["10.5.0.1"] }] },
      /trunks\[0\]\.addresses\[0\] = "10\.5\.0\.1" contains the gateway/,
    ],
    [
      "with a prefix of another and the same order",
      { trunks: [carrier, other].map((trunk) => ({ ...trunk, prefixes: [{ prefix: "+49" }] })) },
      /trunks\[1\]\.prefixes\[0\]\.order = 1 is also that of prefix \+49 of trunk carrier/,
    ],
    [
      "with a prefix twice",
      { trunks: [{ ...carrier, prefixes: [{ prefix: "49" }, { prefix: 49, order: 2 }] }] },
      /trunks\[0\]\.prefixes\[1\]\.prefix = "49" appears twice in this trunk/,
    ],
    [
      "with a prefix that is no number",
      { trunks: [{ ...carrier, prefixes: [{ prefix: "abc" }] }] },
      /prefixes\[0\]\.prefix = "abc" must be digits/,
    ],
    [
      "with a number for nobody",
      {
        trunks: [{ ...carrier, numbers: [{ number: "+49301", subscriber: "nobody" }] }],
        subscribers: [{ name: "alice" }],
      },
      /numbers\[0\]\.subscriber = "nobody" is no subscriber of the stack; there are alice/,
    ],
    [
      "with a number for two",
      {
        trunks: [{ ...carrier, numbers: [1, 2].map(() => ({ number: "1", subscriber: "alice" })) }],
        subscribers: [{ name: "alice" }],
      },
      /numbers\[1\]\.number = "1" appears twice/,
    ],
    [
      "with a user name and no password",
      { trunks: [{ ...carrier, username: "me" }] },
      /trunks\[0\]\.password is required with username/,
    ],
    [
      "with an account whose challenges the edge is not to answer",
      { trunks: [{ ...carrier, username: "me", password: "x" }], edge: { trunkLogins: false } },
      /trunks\[0\]\.username = "me" needs edge\.trunkLogins/,
    ],
    [
      "that registers as nobody",
      { trunks: [{ ...carrier, registerSeconds: 600 }] },
      /username is required with registerSeconds/,
    ],
    [
      "that shows no number",
      { trunks: [{ ...carrier, callerId: { mode: "fixed" } }] },
      /callerId\.number is required with mode fixed/,
    ],
    [
      "with a CA and no host over TLS",
      { trunks: [{ ...carrier, tls: { ca: authority.pem } }] },
      /trunks\[0\]\.tls\.ca has no effect: none of the trunk's hosts is reached over TLS.*\n.*'sbc:trunks\[0\]\.hosts\[0\]\.transport' tls/,
    ],
    [
      "with something else as CA",
      { trunks: [{ ...overTls, tls: { ca: "/etc/carrier.pem" } }] },
      /trunks\[0\]\.tls\.ca = "\/etc\/carrier\.pem" must be certificates in PEM/,
    ],
    [
      "with the certificate of its host as CA",
      { trunks: [{ ...overTls, tls: { ca: leaf.pem } }] },
      /tls\.ca holds CN=sip\.carrier\.example, which is no CA/,
    ],
    [
      "with a CA that has expired",
      { trunks: [{ ...overTls, tls: { ca: authority.pem + expired.pem } }] },
      /tls\.ca \(certificate 2\) holds CN=old CA, which has expired on/,
    ],
    [
      "with half a CA",
      { trunks: [{ ...overTls, tls: { ca: authority.pem.slice(0, 200) } }] },
      /tls\.ca holds no whole certificate/,
    ],
    [
      "with the host of another and another CA",
      { trunks: [overTls, { ...overTls, name: "other", tls: { ca: authority.pem } }] },
      /trunks\[1\]\.tls\.ca differs from that of trunk carrier, which has the same host sip:sip\.carrier\.example:5061/,
    ],
    [
      "with a name that is too long for a row",
      { trunks: [{ ...overTls, tls: { names: [`${"a".repeat(60)}.carrier.example`] } }] },
      /tls\.names = "a+\.carrier\.example" is longer than 70 characters/,
    ],
    [
      "of prod without TLS and without the listener",
      { ...prod, trunks: [carrier] },
      /hosts\[0\]\.transport = "udp" needs the listener for trunks.*\n.*config set --path sbc:edge\.ports\.trunkUdp 5070/,
    ],
    [
      "of prod with SRTP whose keys everybody on the way could read",
      {
        ...prod,
        edge: { ...prod.edge, ports: { trunkUdp: 5070 } },
        trunks: [{ ...carrier, hosts: [{ host: "192.0.2.9", transport: "tls" }, ...carrier.hosts], srtp: "required" }],
      },
      /trunks\[0\]\.srtp = "required" would send the keys of SRTP over UDP to 192\.0\.2\.10 unencrypted/,
    ],
  ];
  for (const [name, config, expected] of mistakes) {
    test(`${name} is a mistake`, () => assert.match(problems(config), expected));
  }

  test("of dev may send the keys of SRTP in the clear, with a warning for each place", () => {
    const warnings = (config: Record<string, unknown>) => {
      const result = parse(config);
      assert.ok("config" in result, "problems" in result ? result.problems : "");
      return result.warnings.map((text) => /^sbc:(\S+)/.exec(text)?.[1]);
    };
    const tls = { ...other, hosts: [{ host: "192.0.2.11", transport: "tls" }] };
    assert.deepEqual(
      warnings({
        trunks: [
          { ...carrier, srtp: "optional" },
          { ...tls, srtp: "required" },
        ],
        rtp: { srtp: { udp: "optional" } },
      }),
      ["rtp.srtp.udp", "trunks[0].srtp"],
    );
    assert.deepEqual(warnings({ trunks: [carrier, tls] }), []);
  });

  test("may share a prefix in an order, and the address of a host", () => {
    const result = parse({
      trunks: [carrier, other].map((trunk, index) => ({ ...trunk, prefixes: [{ prefix: "+49", order: index + 1 }] })),
    });
    assert.ok("config" in result, "problems" in result ? result.problems : "");
  });

  test("over TLS is known by its domain and hosts, or the given names, each of them also as the first label's wildcard", () => {
    const names = (more: object) => {
      const result = parse({ trunks: [{ ...overTls, ...more }] });
      assert.ok("config" in result, "problems" in result ? result.problems : "");
      const rules = result.config.trunks.map(trunkOf).flatMap((trunk) => Object.keys(trunkPolicy(trunk)));
      return rules.flatMap((rule) => (rule.includes(".certificate.") ? [rule.replace(/.*\.certificate\./, "")] : []));
    };
    assert.deepEqual(names({}), ["sip.carrier.example", "*.carrier.example"]);
    assert.deepEqual(names({ domain: "carrier.example" }), [
      "carrier.example",
      "sip.carrier.example",
      "*.carrier.example",
    ]);
    assert.deepEqual(names({ tls: { names: ["192.0.2.1"] } }), ["192.0.2.1"]);
    assert.deepEqual(names({ hosts: [{ host: "sip.carrier.example" }] }), []);
  });

  test("has CAs of its own, or the public ones", () => {
    const result = parse({
      trunks: [
        overTls,
        { ...overTls, name: "other", hosts: [{ host: "b.example", transport: "tls" }], tls: { ca: authority.pem } },
      ],
    });
    assert.ok("config" in result, "problems" in result ? result.problems : "");
    assert.deepEqual(trunkCas(result.config.trunks), { other: authority.pem });
  });

  test("never shows its password in a message", () => {
    const text = problems({ trunks: [{ ...carrier, password: "TOP-SECRET", nonsense: 1 }] });
    assert.match(text, /trunks\[0\]\.nonsense is no key/);
    assert.ok(!text.includes("TOP-SECRET"));
  });
});

describe("an emergency number", () => {
  const subscribers = [{ name: "alice" }];
  const mistakes: readonly [string, Record<string, unknown>, RegExp][] = [
    ["that leads nowhere", { emergency: [{ number: 112 }] }, /emergency\[0\]\.trunks = \[\] or subscriber is required/],
    [
      "that leads two ways",
      { emergency: [{ number: 112, trunks: ["carrier"], subscriber: "alice" }], trunks: [carrier], subscribers },
      /and subscriber are both given/,
    ],
    [
      "to a trunk for inbound calls",
      { emergency: [{ number: 112, trunks: ["carrier"] }], trunks: [{ ...carrier, direction: "in" }] },
      /trunks\[0\] = "carrier" is no trunk for outbound calls; there is none/,
    ],
    [
      "to nobody",
      { emergency: [{ number: 112, subscriber: "bob" }], subscribers },
      /subscriber = "bob" is no subscriber/,
    ],
    [
      "that is a room",
      { emergency: [{ number: 811, subscriber: "alice" }], subscribers },
      /number = "811" is a service of the dial plan/,
    ],
  ];
  for (const [name, config, expected] of mistakes) {
    test(`${name} is a mistake`, () => assert.match(problems(config), expected));
  }
});

describe("a node's weight", () => {
  test("is of a node that is there", () => {
    assert.match(
      problems({ asterisk: { nodes: 2, weights: { "asterisk-3": 2 } } }),
      /sbc:asterisk\.weights\.asterisk-3 = 2 is the weight of no node; there are asterisk-1, asterisk-2/,
    );
  });
});
