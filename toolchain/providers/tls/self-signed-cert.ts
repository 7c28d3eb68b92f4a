import type { SelfSignedCertArgs } from "@pulumi/tls";
import type { Plain } from "../shared/properties.ts";
import { resource } from "../shared/resource.ts";
import { certificateBehaviour, certificateProperties } from "./certificate.ts";
import { loadKey } from "./keys.ts";
import { distinguishedName, generalNames, subjectCoverage } from "./subject.ts";

/** A certificate signed with its own key: here, the stack's CA. */
export const selfSignedCert = resource<Plain<SelfSignedCertArgs>>({
  ...certificateBehaviour,
  computed: ["certPem", "keyAlgorithm", "readyForRenewal", "validityEndTime", "validityStartTime"],
  properties: {
    ...certificateProperties,
    privateKeyPem: { change: "replace", covers: true },
    subject: { change: "replace", covers: subjectCoverage },
    dnsNames: { change: "replace", covers: true },
    ipAddresses: { change: "replace", covers: true },
    uris: { change: "replace", covers: true },
    setAuthorityKeyId: { change: "replace", covers: true, default: false },
    privateKeyPemWo: false,
    privateKeyPemWoVersion: false,
  },

  async create(inputs) {
    const { issue } = await import("./issue.ts");
    const signer = await loadKey(inputs.privateKeyPem, "privateKeyPem");
    const subject = distinguishedName(inputs.subject);
    const { id, outputs } = await issue(inputs, {
      subject,
      issuer: subject,
      publicKey: signer.publicKey,
      signer,
      alternativeNames: generalNames(inputs),
      ...(inputs.setAuthorityKeyId && { authority: signer.publicKey }),
    });
    return { id, outputs: { ...outputs, keyAlgorithm: signer.algorithm } };
  },
});
