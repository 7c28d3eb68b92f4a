import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  nodeCapacity,
  planAddresses,
  rtpengineCapacity,
  smallestSubnets,
  type AddressPlan,
  type Subnets,
} from "../../components/addresses.ts";
import { formatAddress, formatCidr, parseAddress, parseCidr, type Cidr } from "../../components/ipv4.ts";
import { formatAddress6, parseAddress6, parseCidr6 } from "../../components/ipv6.ts";

const names = ["sbc", "monitoring", "data", "front"] as const;
const legNames = ["sbc", "monitoring", "data"] as const;

const defaultNetworks = {
  sbc: "10.5.0.0/24",
  monitoring: "10.6.0.0/24",
  data: "10.7.0.0/24",
  front: "10.8.0.0/24",
};

function block(text: string): Cidr {
  const parsed = parseCidr(text);
  assert.ok(parsed, `${text} is no subnet`);
  return parsed;
}

/** Four subnets of any allowed size that are apart: each in a /8 of its own. */
const subnets: fc.Arbitrary<Subnets> = fc
  .tuple(
    ...names.map((name, index) =>
      fc.tuple(fc.integer({ min: 9, max: smallestSubnets[name] }), fc.nat(2 ** 24 - 1)).map(([prefix, host]) => {
        const number = (10 + index) * 2 ** 24 + host;
        return formatCidr(block(`${formatAddress(number)}/${prefix}`));
      }),
    ),
  )
  .map(([sbc = "", monitoring = "", data = "", front = ""]) => ({ sbc, monitoring, data, front }));

/** Subnets, a number of nodes that fits, at most 300, and one of RTPengines. */
const stacks = subnets.chain((nets) =>
  fc.tuple(
    fc.constant(nets),
    fc.integer({ min: 1, max: Math.min(300, nodeCapacity(nets)) }),
    fc.integer({ min: 1, max: rtpengineCapacity }),
  ),
);

/** Every fixed address with the network that it is on. */
function fixed(plan: AddressPlan): { network: (typeof names)[number]; address: string }[] {
  const legs = [plan.kamailio, plan.acme, ...plan.rtpengine, ...plan.asterisk];
  return [
    { network: "sbc", address: plan.operations },
    { network: "data", address: plan.mariadb },
    ...Object.values(plan.monitoring).map((address) => ({ network: "monitoring" as const, address })),
    ...Object.values(plan.monitoringData).map((address) => ({ network: "data" as const, address })),
    ...legs.flatMap((leg) => legNames.map((network) => ({ network, address: leg[network] }))),
  ];
}

describe("for any subnets and any number of nodes that fits", () => {
  test("no address is given twice", () => {
    fc.assert(
      fc.property(stacks, ([nets, nodes, rtpengines]) => {
        const addresses = fixed(planAddresses(nets, nodes, rtpengines)).map(({ address }) => address);
        assert.equal(new Set(addresses).size, addresses.length);
      }),
    );
  });

  test("every address is a host of its subnet: not the gateway, not the network's own, not broadcast", () => {
    fc.assert(
      fc.property(stacks, ([nets, nodes, rtpengines]) => {
        const plan = planAddresses(nets, nodes, rtpengines);
        for (const { network, address } of fixed(plan)) {
          const { first, last } = block(nets[network]);
          const number = parseAddress(address) ?? -1;
          assert.ok(number > first && number < last, `${address} is no host of ${nets[network]}`);
          assert.notEqual(address, plan.networks[network].gateway);
        }
      }),
    );
  });

  test("dynamic addresses are in the upper half and never meet a fixed one", () => {
    fc.assert(
      fc.property(stacks, ([nets, nodes, rtpengines]) => {
        const plan = planAddresses(nets, nodes, rtpengines);
        for (const network of names) {
          const range = block(plan.networks[network].ipRange);
          const { first, last } = block(nets[network]);
          assert.ok(range.first >= first + (last + 1 - first) / 2 && range.last <= last);
          for (const { address } of fixed(plan).filter((one) => one.network === network)) {
            assert.ok(
              (parseAddress(address) ?? Infinity) < range.first,
              `${address} is in ${plan.networks[network].ipRange}`,
            );
          }
        }
      }),
    );
  });

  test("nothing moves when nodes come or go", () => {
    fc.assert(
      fc.property(stacks, stacks, ([nets, nodes, rtpengines], [, otherNodes, otherRtpengines]) => {
        const one = planAddresses(nets, nodes, rtpengines);
        const two = planAddresses(nets, Math.min(otherNodes, nodeCapacity(nets)), otherRtpengines);
        for (const member of ["asterisk", "rtpengine"] as const) {
          const common = Math.min(one[member].length, two[member].length);
          assert.deepEqual(one[member].slice(0, common), two[member].slice(0, common));
        }
        assert.deepEqual({ ...one, asterisk: [], rtpengine: [] }, { ...two, asterisk: [], rtpengine: [] });
      }),
    );
  });

  test("one RTPengine more than fits is refused", () => {
    fc.assert(
      fc.property(subnets, (nets) => {
        assert.throws(() => planAddresses(nets, 1, rtpengineCapacity + 1), /do not fit/);
      }),
    );
  });

  test("one node more than fits is refused", () => {
    fc.assert(
      fc.property(subnets, (nets) => {
        assert.throws(() => planAddresses(nets, nodeCapacity(nets) + 1), /do not fit/);
      }),
    );
  });
});

test("the default subnets have the addresses of the written design", () => {
  const plan = planAddresses(defaultNetworks, 2);
  assert.deepEqual([plan.kamailio.sbc, plan.rtpengine[0]?.sbc, plan.operations], ["10.5.0.2", "10.5.0.4", "10.5.0.3"]);
  assert.deepEqual(
    plan.asterisk.map(({ name, sbc, data }) => [name, sbc, data]),
    [
      ["asterisk-1", "10.5.0.10", "10.7.0.74"],
      ["asterisk-2", "10.5.0.11", "10.7.0.75"],
    ],
  );
  assert.deepEqual(
    ["filebeat", "elasticsearch", "heplify-server", "prometheus", "grafana"].map(
      (tool) => plan.monitoring[tool as keyof typeof plan.monitoring],
    ),
    ["10.6.0.6", "10.6.0.8", "10.6.0.9", "10.6.0.12", "10.6.0.13"],
  );
  assert.deepEqual([plan.mariadb, plan.kamailio.data], ["10.7.0.3", "10.7.0.66"]);
});

test("IPv6 addresses are those of IPv4 by their last part, and what the engine gives away is far from them", () => {
  const nets = defaultNetworks;
  assert.equal(planAddresses(nets, 1).ipv6, undefined);
  assert.deepEqual(planAddresses(nets, 1, 2, "fd00:5bc::/64").ipv6, {
    network: { subnet: "fd00:5bc::/64", gateway: "fd00:5bc::1", ipRange: "fd00:5bc:0:0:4000::/66" },
    kamailio: "fd00:5bc::2",
    rtpengine: ["fd00:5bc::4", "fd00:5bc::6"],
  });
  assert.throws(() => planAddresses(nets, 1, 1, "fd00::/113"), /no IPv6 subnet such as .* or smaller than a \/112/);
});

test("an IPv6 address is the same whichever way it is written", () => {
  const address = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n });
  fc.assert(
    fc.property(address, (number) => {
      const groups = formatAddress6(number);
      assert.equal(parseAddress6(groups), number);
      assert.equal(formatAddress6(parseAddress6(groups.toUpperCase()) ?? -1n), groups);
    }),
  );
  assert.equal(formatAddress6(parseAddress6("::ffff:192.0.2.1") ?? -1n), "::ffff:c000:201");
  for (const text of ["", "::1%lo", "1:2:3:4:5:6:7", "::1::", "192.0.2.1"])
    assert.equal(parseAddress6(text), undefined);
  for (const text of ["::1", "::/129", "::/-1", "::/64/1"]) assert.equal(parseCidr6(text), undefined);
});

test("the smallest subnets have room for 22 nodes", () => {
  assert.equal(
    nodeCapacity({ ...defaultNetworks, sbc: "10.5.0.0/26", monitoring: "10.6.0.0/25", data: "10.7.0.0/25" }),
    22,
  );
});

for (const [name, cidr] of [
  ["sbc", "10.5.0.0/27"],
  ["monitoring", "10.6.0.0/26"],
  ["data", "10.7.0.0/26"],
  ["front", "10.8.0.0/29"],
] as const) {
  test(`a ${name} network of ${cidr} is refused`, () => {
    const nets = { ...defaultNetworks, [name]: cidr };
    assert.throws(() => planAddresses(nets, 1), /too small/);
  });
}

for (const text of ["10.5.0.0", "10.5.0.0/33", "10.5.0/24", "10.5.0.256/24", "010.5.0.0/24", "10.5.0.0/24/1", ""]) {
  test(`${JSON.stringify(text)} is no subnet`, () => assert.equal(parseCidr(text), undefined));
}
