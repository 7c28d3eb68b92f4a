import { mutualTlsPort, type KamailioSettings } from "./index.ts";

/**
 * Cipher suites of TLS 1.2: forward secrecy and authenticated encryption only, those of Mozilla's "intermediate" list without finite-field
 * Diffie-Hellman. TLS 1.3 has none that is weaker, and OpenSSL's own order is kept there.
 */
const ciphers = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
].join(":");

/** Where the files of TLS are in Kamailio's container; their volumes are of stable identity, and `tls.reload` makes them live. */
export const tlsMounts = { server: "/run/tls", clients: "/run/tls-clients" } as const;

const section = (name: string, values: Readonly<Record<string, string | number>>): string =>
  [
    `[${name}]`,
    ...Object.entries({ method: "TLSv1.2+", cipher_list: ciphers, ...values }).map(
      ([key, value]) => `${key} = ${value}`,
    ),
    "",
  ].join("\n");

/** Renders `tls.cfg`. A section inherits nothing from another. */
export function renderTls({
  address,
  mutualTls,
  ipv6,
}: Pick<KamailioSettings, "address" | "mutualTls" | "ipv6">): string {
  const { server, clients } = tlsMounts;
  const certificate = { private_key: `${server}/server.key`, certificate: `${server}/server.pem` };
  const hosts = [address, ...(ipv6?.transports.includes("mutualTls") ? [`[${ipv6.address}]`] : [])];
  return [
    "# Generated: TLS by socket.",
    "",
    "# Phones have no certificate, and are not asked for one: to offer it as a choice would shut out those that have one of another CA.",
    section("server:default", { ...certificate, verify_certificate: "no", require_certificate: "no" }),
    ...(mutualTls === 0
      ? []
      : [
          "# Nobody without a certificate of the device CA. The list of revoked ones is needed for each CA of the chain.",
          ...hosts.map((host) =>
            section(`server:${host}:${mutualTlsPort}`, {
              ...certificate,
              ca_list: `${clients}/ca.pem`,
              crl: `${clients}/crl.pem`,
              verify_certificate: "yes",
              require_certificate: "yes",
              verify_client: "on",
              verify_depth: 1,
            }),
          ),
        ]),
    "# The edge opens no TLS connection of its own today; should it ever, the other side must prove who it is.",
    section("client:default", { ca_list: `${server}/ca.pem`, verify_certificate: "yes", require_certificate: "yes" }),
  ].join("\n");
}
