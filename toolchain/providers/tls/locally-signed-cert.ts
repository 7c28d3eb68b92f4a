import type { LocallySignedCertArgs } from "@pulumi/tls";
import type { Plain } from "../shared/properties.ts";
import { resource } from "../shared/resource.ts";
import { certificateBehaviour, certificateProperties } from "./certificate.ts";
import { loadKey } from "./keys.ts";

const subjectAltName = "2.5.29.17";

/** A certificate for a request, signed by a CA whose key is at hand. */
export const locallySignedCert = resource<Plain<LocallySignedCertArgs>>({
  ...certificateBehaviour,
  computed: ["caKeyAlgorithm", "certPem", "readyForRenewal", "validityEndTime", "validityStartTime"],
  properties: {
    ...certificateProperties,
    certRequestPem: { change: "replace", covers: true },
    caCertPem: { change: "replace", covers: true },
    caPrivateKeyPem: { change: "replace", covers: true },
    caPrivateKeyPemWo: false,
    caPrivateKeyPemWoVersion: false,
  },

  async create(inputs) {
    const [x509, { issue }] = await Promise.all([import("./x509.ts"), import("./issue.ts")]);
    const signer = await loadKey(inputs.caPrivateKeyPem, "caPrivateKeyPem");
    const request = new x509.Pkcs10CertificateRequest(inputs.certRequestPem);
    if (!(await request.verify())) throw new Error("certRequestPem: the request's signature does not verify");
    const ca = new x509.X509Certificate(inputs.caCertPem);
    const requested = request.getExtension(subjectAltName);
    const names = requested ? new x509.SubjectAlternativeNameExtension(requested.rawData).names.toJSON() : [];
    // Go's crypto/x509 refers to the CA's key when the CA certificate carries an identifier for it.
    const hasKeyId = ca.getExtension(x509.SubjectKeyIdentifierExtension) !== null;
    const { id, outputs } = await issue(inputs, {
      subject: request.subjectName.toJSON(),
      issuer: ca.subjectName.toJSON(),
      publicKey: request.publicKey,
      signer,
      alternativeNames: names,
      ...(hasKeyId && { authority: ca.publicKey }),
    });
    return { id, outputs: { ...outputs, caKeyAlgorithm: signer.algorithm } };
  },
});
