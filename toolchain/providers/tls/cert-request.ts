import type { CertRequestArgs } from "@pulumi/tls";
import type { Plain } from "../shared/properties.ts";
import { resource } from "../shared/resource.ts";
import { loadKey } from "./keys.ts";
import { hashOf } from "./private-key.ts";
import { distinguishedName, generalNames, subjectCoverage } from "./subject.ts";

/** A certificate signing request (PKCS #10). */
export const certRequest = resource<Plain<CertRequestArgs>>({
  computed: ["certRequestPem", "keyAlgorithm"],
  properties: {
    privateKeyPem: { change: "replace", covers: true },
    subject: { change: "replace", covers: subjectCoverage },
    dnsNames: { change: "replace", covers: true },
    ipAddresses: { change: "replace", covers: true },
    uris: { change: "replace", covers: true },
    privateKeyPemWo: false,
    privateKeyPemWoVersion: false,
  },

  async create(inputs) {
    const x509 = await import("./x509.ts");
    const keys = await loadKey(inputs.privateKeyPem, "privateKeyPem");
    const names = generalNames(inputs);
    const request = await x509.Pkcs10CertificateRequestGenerator.create({
      name: distinguishedName(inputs.subject),
      keys,
      signingAlgorithm: keys.signingAlgorithm,
      extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)],
    });
    const certRequestPem = `${request.toString("pem")}\n`;
    return { id: hashOf(certRequestPem), outputs: { certRequestPem, keyAlgorithm: keys.algorithm } };
  },
});
