import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { certRequest } from "../../toolchain/providers/tls/cert-request.ts";
import { locallySignedCert } from "../../toolchain/providers/tls/locally-signed-cert.ts";
import { privateKey } from "../../toolchain/providers/tls/private-key.ts";
import { selfSignedCert } from "../../toolchain/providers/tls/self-signed-cert.ts";
import { isDue, timestamp, validity } from "../../toolchain/providers/tls/validity.ts";

const operation = { signal: new AbortController().signal };

async function newKey(args: Record<string, unknown>): Promise<string> {
  return String((await privateKey.create(args, operation)).outputs.privateKeyPem);
}

const algorithms: [string, Record<string, unknown>, string][] = [
  ["RSA", { algorithm: "RSA", rsaBits: 2048 }, "BEGIN RSA PRIVATE KEY"],
  ["ECDSA P256", { algorithm: "ECDSA", ecdsaCurve: "P256" }, "BEGIN EC PRIVATE KEY"],
  ["ECDSA P384", { algorithm: "ECDSA", ecdsaCurve: "P384" }, "BEGIN EC PRIVATE KEY"],
  ["ED25519", { algorithm: "ED25519" }, "BEGIN PRIVATE KEY"],
];

describe("privateKey", () => {
  for (const [name, args, header] of algorithms) {
    it(`makes a ${name} key, in each form the same`, async () => {
      const { outputs } = await privateKey.create(args, operation);
      const { privateKeyPem, privateKeyPemPkcs8, publicKeyPem } = outputs as Record<string, string>;
      assert.ok(privateKeyPem?.includes(header));
      const publicOf = (pem = ""): string =>
        createPublicKey(createPrivateKey(pem)).export({ type: "spki", format: "pem" }).toString();
      assert.equal(publicOf(privateKeyPem), publicKeyPem);
      assert.equal(publicOf(privateKeyPemPkcs8), publicKeyPem);
    });
  }

  it("refuses an algorithm or a curve that it does not know", () => {
    assert.equal(privateKey.problems?.({ algorithm: "DSA" }).length, 1);
    assert.equal(privateKey.problems?.({ algorithm: "ECDSA", ecdsaCurve: "P224" }).length, 1);
    assert.equal(privateKey.problems?.({ algorithm: "ECDSA" }).length, 1);
    assert.deepEqual(privateKey.problems?.({ algorithm: "ECDSA", ecdsaCurve: "P521" }), []);
  });
});

describe("a CA and a certificate that it signed", () => {
  for (const [name, args] of algorithms) {
    it(`verify with ${name} keys`, async () => {
      const [caKey, key] = await Promise.all([newKey(args), newKey(args)]);
      const ca = await selfSignedCert.create(
        {
          privateKeyPem: caKey,
          subject: { commonName: "Test CA", organization: "Test", country: "DE" },
          allowedUses: ["cert_signing", "crl_signing"],
          isCaCertificate: true,
          maxPathLength: 0,
          validityPeriodHours: 10,
        },
        operation,
      );
      const request = await certRequest.create(
        {
          privateKeyPem: key,
          subject: { commonName: "edge", streetAddresses: ["A", "B"], postalCode: "1", emailAddress: "a@b.example" },
          dnsNames: ["edge.example", "*.example"],
          ipAddresses: ["10.5.0.2", "fd00::2"],
          uris: ["sip:edge.example"],
        },
        operation,
      );
      const leaf = await locallySignedCert.create(
        {
          certRequestPem: request.outputs.certRequestPem,
          caCertPem: ca.outputs.certPem,
          caPrivateKeyPem: caKey,
          allowedUses: ["digital_signature", "key_encipherment", "server_auth", "client_auth"],
          validityPeriodHours: 1,
          setSubjectKeyId: true,
        },
        operation,
      );

      const authority = new X509Certificate(String(ca.outputs.certPem));
      const certificate = new X509Certificate(String(leaf.outputs.certPem));
      assert.ok(authority.ca && authority.verify(authority.publicKey));
      assert.ok(certificate.checkIssued(authority) && certificate.verify(authority.publicKey));
      assert.ok(certificate.checkPrivateKey(createPrivateKey(key)));
      assert.equal(certificate.ca, false);
      assert.equal(authority.subject, "C=DE\nO=Test\nCN=Test CA");
      assert.equal(certificate.subject, "street=A\nstreet=B\npostalCode=1\nCN=edge\nemailAddress=a@b.example");
      assert.equal(
        certificate.subjectAltName,
        "DNS:edge.example, DNS:*.example, IP Address:10.5.0.2, IP Address:FD00:0:0:0:0:0:0:2, URI:sip:edge.example",
      );
      assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
      assert.equal(leaf.id, BigInt(`0x${certificate.serialNumber}`).toString());
      assert.equal(Date.parse(certificate.validTo), Date.parse(String(leaf.outputs.validityEndTime)));
    });
  }

  it("do not say what is in a key that cannot be read", async () => {
    const broken = selfSignedCert.create(
      { privateKeyPem: "geheim", allowedUses: [], validityPeriodHours: 1 },
      operation,
    );
    await assert.rejects(
      broken,
      (error: Error) => /privateKeyPem/.test(error.message) && !/geheim/.test(error.message),
    );
  });

  it("refuse a usage that they do not know", () => {
    assert.equal(selfSignedCert.problems?.({ allowedUses: ["sign_everything"] }).length, 1);
  });
});

describe("renewal", () => {
  const now = new Date("2026-11-24T12:00:00.789Z");
  const end = timestamp(validity(10, now).notAfter);

  it("counts validity in whole seconds", () => {
    assert.equal(timestamp(validity(10, now).notBefore), "2026-11-24T12:00:00Z");
    assert.equal(end, "2026-11-24T22:00:00Z");
  });

  const table: [string, number, number, boolean][] = [
    ["before the early renewal", 3, 6, false],
    ["at the early renewal", 3, 7, true],
    ["before the end without early renewal", 0, 9, false],
    ["at the end", 0, 10, true],
  ];
  for (const [when, early, hours, due] of table) {
    it(`is ${due ? "" : "not "}due ${when}`, () => {
      const time = Date.parse("2026-11-24T12:00:00Z") + hours * 3_600_000;
      assert.equal(isDue({ validityEndTime: end }, early, time), due);
    });
  }

  it("replaces a certificate that is due, although no argument changed", () => {
    const inputs = { earlyRenewalHours: 1 };
    assert.deepEqual(selfSignedCert.expired?.(inputs, { validityEndTime: "2020-01-01T00:00:00Z" }), [
      "readyForRenewal",
    ]);
    assert.deepEqual(selfSignedCert.expired?.(inputs, { validityEndTime: "2199-01-01T00:00:00Z" }), []);
  });
});
