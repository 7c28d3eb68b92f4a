import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { prodConfig } from "../fixtures/prod.ts";
import { record, type Registered } from "../support/mocks.ts";

describe("prod", () => {
  let resources: readonly Registered[];
  before(async () => {
    const config = await prodConfig();
    ({ resources } = await record(() => import("../../index.ts"), { config, stack: "prod" }));
  });
  const container = (name: string): Registered => {
    const found = resources.find((resource) => resource.type.endsWith(":Container") && resource.name === name);
    assert.ok(found, name);
    return found;
  };

  test("opens TLS and nothing else", () => {
    const ports = resources.flatMap(({ inputs }) => (inputs["ports"] as object[] | undefined) ?? []);
    assert.deepEqual(ports, [{ internal: 5061, external: 5061, protocol: "tcp", ip: "192.0.2.10" }]);
  });

  test("runs RTPengine on the host's network, for a written reason, and nothing else there", () => {
    const onHost = resources.filter(({ inputs }) => inputs["networkMode"] === "host");
    assert.deepEqual(
      onHost.map(({ name }) => name),
      ["rtpengine-1"],
    );
    const { inputs } = container("rtpengine-1");
    assert.deepEqual([inputs["ports"], inputs["networksAdvanced"]], [undefined, undefined]);
    const labels = inputs["labels"] as { label: string; value: string }[];
    assert.match(labels.find(({ label }) => label === "sbc.reason.host-network")?.value ?? "", /\w+ \w+/);
  });

  test("keeps RTPengine's control socket on the gateway of sbc_net, and waits for that network", () => {
    const { dependencies } = container("rtpengine-1");
    const fill = resources.find(({ name }) => /^rtpengine-1-config-.*-fill$/.test(name));
    const [file] = fill?.inputs["uploads"] as { content: string }[];
    assert.match(file?.content ?? "", /^listen-ng = 10\.5\.0\.1:22222$/m);
    assert.match(file?.content ?? "", /^interface = pub\/192\.0\.2\.10!198\.51\.100\.7;priv\/10\.5\.0\.1$/m);
    assert.ok(dependencies.some((urn) => urn.endsWith("::sbc-net")));
  });

  test("asks phones on TLS for SRTP", () => {
    const rows = resources.find(({ name }) => name === "database-provision");
    const uploads = rows?.inputs["uploads"] as { content: string }[];
    assert.ok(uploads.some(({ content }) => content.includes("'ingress.tls.srtp', 0, 'required'")));
  });

  test("protects the database's volume", () => {
    const data = resources.find(({ name }) => name === "mariadb-data");
    assert.deepEqual([data?.protect, data?.retainOnDelete, data?.ignoreChanges], [true, true, ["labels"]]);
  });

  test("makes no CA, and keeps the operator's key secret", () => {
    assert.deepEqual(
      resources.filter(({ type }) => type.startsWith("tls:")),
      [],
    );
    assert.deepEqual(container("kamailio-tls-fill").secretInputs, ["uploads"]);
  });
});
