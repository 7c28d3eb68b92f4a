import assert from "node:assert/strict";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { conflicts, usedPorts, type Wanted } from "../../scripts/preflight.ts";
import { readWanted } from "../../scripts/wanted.ts";

const wanted: Wanted = {
  prefix: "sbc-dev",
  subnets: [{ key: "sbc:networks.sbc", cidr: "10.5.0.0/24" }],
  ports: [{ key: "sbc:edge.ports.udp", ip: "127.0.0.1", port: 5060, protocol: "udp" }],
};

describe("conflicts", () => {
  it("finds none on an idle host", () => {
    assert.deepEqual(conflicts(wanted, [{ cidr: "172.17.0.0/16", owner: "network bridge" }], []), []);
  });

  it("names the other network and proposes a free subnet", () => {
    const [problem, ...rest] = conflicts(wanted, [{ cidr: "10.0.0.0/13", owner: "interface eth0" }], []);
    assert.deepEqual(rest, []);
    assert.match(problem ?? "", /10\.5\.0\.0\/24 overlaps 10\.0\.0\.0\/13 of interface eth0/);
    assert.match(problem ?? "", /pulumi config set --path sbc:networks\.sbc 10\.20\.0\.0\/24/);
  });

  it("takes adjacent subnets for free ones", () => {
    const neighbours = ["10.4.255.0/24", "10.5.1.0/24"].map((cidr) => ({ cidr, owner: "network other" }));
    assert.deepEqual(conflicts(wanted, neighbours, []), []);
  });

  it("says which process has a port, also by a wildcard address", () => {
    const used = { ip: "0.0.0.0", port: 5060, protocol: "udp", owner: "process baresip (pid 7)" } as const;
    assert.match(
      conflicts(wanted, [], [used])[0] ?? "",
      /127\.0\.0\.1:5060\/udp, which process baresip \(pid 7\) has bound/,
    );
  });

  it("keeps transports and addresses apart", () => {
    const others = [
      { ip: "127.0.0.1", port: 5060, protocol: "tcp" },
      { ip: "192.0.2.1", port: 5060, protocol: "udp" },
    ] as const;
    assert.deepEqual(conflicts(wanted, [], others), []);
  });

  it("does not count what the stack itself has taken", () => {
    const subnets = [{ cidr: "10.5.0.0/24", owner: "network sbc-dev-sbc-net" }];
    const ports = [{ ip: "127.0.0.1", port: 5060, protocol: "udp", owner: "container sbc-dev-kamailio" }] as const;
    assert.deepEqual(conflicts(wanted, subnets, ports), []);
  });
});

describe("what the dev stack wants", () => {
  const dev = readWanted("dev");

  it("has the dashboards of the light profile, each by the key that moves it", () => {
    const dashboards = dev.ports
      .filter(({ key }) => key.startsWith("sbc:monitoring."))
      .map(({ key, port }) => [key, port]);
    assert.deepEqual(Object.fromEntries(dashboards), {
      "sbc:monitoring.ports.landing": 9443,
      "sbc:monitoring.ports.grafana": 3000,
      "sbc:monitoring.ports.prometheus": 9090,
      "sbc:monitoring.ports.alertmanager": 9093,
    });
    assert.ok(dev.subnets.some(({ key }) => key === "sbc:networks.front"));
  });

  for (const { key, port } of dev.ports.filter(({ protocol }) => protocol === "tcp")) {
    it(`is told by ${key} when that port is taken`, () => {
      const used = { ip: "0.0.0.0", port, protocol: "tcp", owner: "process node (pid 7)" } as const;
      const [problem, ...rest] = conflicts(dev, [], [used]);
      assert.deepEqual(rest, []);
      assert.ok(
        problem?.startsWith(`${key} wants 127.0.0.1:${port}/tcp, which process node (pid 7) has bound`),
        problem,
      );
      assert.ok(problem?.endsWith(`pulumi config set --path ${key} ${port + 10_000}`), problem);
    });
  }
});

describe("usedPorts", () => {
  it("finds a listening socket and its process", { skip: process.platform !== "linux" && "reads /proc" }, async (t) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    const found = usedPorts().find(({ port, protocol }) => port === address.port && protocol === "tcp");
    assert.equal(found?.ip, "127.0.0.1");
    assert.match(found?.owner ?? "", new RegExp(`pid ${process.pid}\\)`));
  });
});
