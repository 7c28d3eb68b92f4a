import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { record, type Registered } from "../support/mocks.ts";

const config = {
  environment: "prod",
  domain: "sip.example.com",
  edge: { bind: "192.0.2.10", publicAddress: "198.51.100.7" },
  certificates: {
    mode: "acme",
    acme: {
      email: "operator@example.com",
      challenge: "dns-01",
      dnsProvider: "cloudflare",
      dnsCredentials: { CLOUDFLARE_DNS_API_TOKEN: "TOP-SECRET" },
    },
  },
};

describe("a stack whose certificate comes from an ACME CA", () => {
  let resources: readonly Registered[];
  before(async () => {
    // As the language host tells it.
    process.env["PULUMI_CONFIG_SECRET_KEYS"] = JSON.stringify(["sbc:certificates"]);
    ({ resources } = await record(() => import("../../index.ts"), { config, stack: "prod" }));
  });
  const only = (name: string): Registered => {
    const found = resources.filter((resource) => resource.name === name && !resource.type.startsWith("sbc:"));
    assert.equal(found.length, 1, name);
    return found[0] ?? assert.fail();
  };

  test("starts Kamailio after the client, and never replaces it on the client's account", () => {
    const { dependencies, inputs } = only("kamailio");
    assert.ok(
      dependencies.some((urn) => urn.endsWith("::acme")),
      dependencies.join("\n"),
    );
    const mounts = inputs["volumes"] as { volumeName: string; containerPath: string; readOnly: boolean }[];
    assert.deepEqual(
      mounts.filter(({ containerPath }) => containerPath === "/run/tls"),
      [{ volumeName: "sbc-prod-acme-tls", containerPath: "/run/tls", readOnly: true }],
    );
  });

  test("keeps account and keys where Kamailio cannot see them, protected", () => {
    const state = only("acme-state");
    assert.deepEqual([state.protect, state.retainOnDelete, state.ignoreChanges], [true, true, ["labels"]]);
    const mounted = resources.filter((resource) => JSON.stringify(resource.inputs["volumes"])?.includes("acme-state"));
    assert.deepEqual(
      mounted.map(({ name }) => name),
      ["acme"],
    );
  });

  test("publishes no port for DNS-01, and shows no credential", () => {
    assert.equal(only("acme").inputs["ports"], undefined);
    assert.deepEqual(only("acme-secrets-fill").secretInputs, ["uploads"]);
    const plain = resources.filter(({ inputs, secretInputs }) => {
      const shown = Object.entries(inputs).filter(([key]) => !secretInputs.includes(key));
      return JSON.stringify(shown).includes("TOP-SECRET");
    });
    assert.deepEqual(
      plain.map(({ name }) => name),
      [],
    );
  });

  test("lets the client, and no other fixed address, tell Kamailio to reload", () => {
    const fill = resources.find(({ name }) => /^kamailio-config-.*-fill$/.test(name));
    const stack = (fill?.inputs["uploads"] as { file: string; content: string }[]).find(({ file }) =>
      file.endsWith("stack.cfg"),
    );
    assert.match(stack?.content ?? "", /SBC_OPS_ALLOW!10\.7\.0\.192\/26,10\.7\.0\.69\/32!/);
  });

  test("makes no CA of its own", () => {
    assert.ok(!resources.some(({ type }) => type.startsWith("tls:")));
  });
});
