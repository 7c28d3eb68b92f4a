import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { componentType } from "./types.ts";

/** A certificate with its private key, PEM. */
export interface Certificate {
  /** The certificate, followed by its intermediates. */
  readonly chain: pulumi.Output<string>;
  /** Secret. */
  readonly key: pulumi.Output<string>;
  /** The CA that the other side has to trust. */
  readonly ca: pulumi.Output<string>;
}

/** A private key in the two forms that programs read. */
export interface PrivateKeyForms {
  /** As OpenSSL writes it, PEM; secret. */
  readonly key: pulumi.Output<string>;
  /** PKCS #8, PEM: for programs in Java; secret. */
  readonly pkcs8: pulumi.Output<string>;
}

/** What a server certificate is for. A change issues a new one; it is reloaded live. */
export interface ServerCertificateArgs {
  /** Names in the certificate; the first is the common name. */
  readonly dnsNames: readonly [string, ...string[]];
  /** IP addresses in the certificate. */
  readonly ipAddresses: readonly string[];
  /** Counter: another value makes a new key. */
  readonly rotation: number;
}

/** What a client certificate is for. A change issues a new one. */
export interface ClientCertificateArgs {
  /** Its common name. */
  readonly name: string;
  /** Makes the fingerprint that the certificate carries as organizational unit of the key's public half, PEM. */
  readonly keyId: (publicKey: string) => string;
  /** Counter: another value makes a new key. */
  readonly rotation: number;
}

/** A client certificate, PEM. */
export interface ClientCertificate {
  readonly certificate: pulumi.Output<string>;
  /** Secret. */
  readonly key: pulumi.Output<string>;
  readonly publicKey: pulumi.Output<string>;
}

/** What a server needs to check the client certificates of a CA, PEM. */
export interface ClientAuthority {
  readonly certificate: pulumi.Output<string>;
  /** Signs the list of revoked certificates; secret. */
  readonly key: pulumi.Output<string>;
  /** Certificates that are not to be let in any more. */
  readonly revoked: pulumi.Output<readonly string[]>;
}

/** How long certificates live. */
export interface CertificateAuthorityArgs {
  /** Name in the CA's own certificate. */
  readonly organization: string;
  /** Life of a leaf certificate in days. */
  readonly validityDays: number;
  /** Days before its end on which the next `up` renews it. */
  readonly renewDays: number;
  /** Counter: another value makes a new CA, which issues every certificate anew. */
  readonly rotation: number;
}

const caValidityDays = 3650;
const hours = (days: number) => days * 24;
/** Small, fast in handshakes, and known to every phone that does TLS 1.2. */
const keyArgs: tls.PrivateKeyArgs = { algorithm: "ECDSA", ecdsaCurve: "P256" };

/** A private CA and the certificates that it issues. */
export class CertificateAuthority extends pulumi.ComponentResource {
  /** The CA's certificate, PEM: what phones import. */
  public readonly certificate: pulumi.Output<string>;
  private readonly key: tls.PrivateKey;
  private readonly args: CertificateAuthorityArgs;

  constructor(name: string, args: CertificateAuthorityArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentType("CertificateAuthority"), name, {}, options);
    this.args = args;
    this.key = new tls.PrivateKey(`${name}-key`, keyArgs, { parent: this, replacementTrigger: args.rotation });
    const certificate = new tls.SelfSignedCert(
      `${name}-certificate`,
      {
        privateKeyPem: this.key.privateKeyPem,
        subject: { commonName: `${args.organization} CA`, organization: args.organization },
        isCaCertificate: true,
        setSubjectKeyId: true,
        allowedUses: ["cert_signing", "crl_signing"],
        validityPeriodHours: hours(caValidityDays),
        // A leaf must not outlive the CA.
        earlyRenewalHours: hours(args.validityDays + args.renewDays),
      },
      { parent: this },
    );
    this.certificate = certificate.certPem;
    this.registerOutputs({ certificate: this.certificate });
  }

  /** Issues a certificate for a server. */
  server(name: string, { dnsNames, ipAddresses, rotation }: ServerCertificateArgs): Certificate & PrivateKeyForms {
    const key = new tls.PrivateKey(`${name}-key`, keyArgs, { parent: this, replacementTrigger: rotation });
    const request = new tls.CertRequest(
      `${name}-request`,
      {
        privateKeyPem: key.privateKeyPem,
        subject: { commonName: dnsNames[0], organization: this.args.organization },
        dnsNames: [...dnsNames],
        ipAddresses: [...ipAddresses],
      },
      { parent: this },
    );
    const chain = this.sign(name, request, ["digital_signature", "key_agreement", "server_auth"]);
    return { chain, key: key.privateKeyPem, pkcs8: key.privateKeyPemPkcs8, ca: this.certificate };
  }

  /** Issues a certificate for a client. */
  client(name: string, args: ClientCertificateArgs): ClientCertificate & PrivateKeyForms {
    const key = new tls.PrivateKey(`${name}-key`, keyArgs, { parent: this, replacementTrigger: args.rotation });
    const request = new tls.CertRequest(
      `${name}-request`,
      {
        privateKeyPem: key.privateKeyPem,
        subject: {
          commonName: args.name,
          organization: this.args.organization,
          organizationalUnit: key.publicKeyPem.apply(args.keyId),
        },
      },
      { parent: this },
    );
    const certificate = this.sign(name, request, ["digital_signature", "client_auth"]);
    return {
      certificate,
      key: key.privateKeyPem,
      pkcs8: key.privateKeyPemPkcs8,
      publicKey: key.publicKeyPem,
    };
  }

  /** What a server checks its clients with. */
  clients(revoked: pulumi.Output<readonly string[]>): ClientAuthority {
    return { certificate: this.certificate, key: this.key.privateKeyPem, revoked };
  }

  private sign(name: string, request: tls.CertRequest, allowedUses: string[]): pulumi.Output<string> {
    return new tls.LocallySignedCert(
      `${name}-certificate`,
      {
        certRequestPem: request.certRequestPem,
        caPrivateKeyPem: this.key.privateKeyPem,
        caCertPem: this.certificate,
        allowedUses,
        setSubjectKeyId: true,
        validityPeriodHours: hours(this.args.validityDays),
        earlyRenewalHours: hours(this.args.renewDays),
      },
      { parent: this },
    ).certPem;
  }
}
