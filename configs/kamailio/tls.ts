import type { FileMap } from "../files.ts";
import { kamailioDefaults, mutualTlsPort, type KamailioConfigArgs } from "./index.ts";

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
export const tlsMounts = { server: "/run/tls", clients: "/run/tls-clients", profiles: "/run/tls-profiles" } as const;

/** The public CAs: a folder, read when one is needed. Each process would hold a list of its own, in shared memory, 1 MiB. */
const publicCas = "/etc/ssl/certs/";

const mustProve = { verify_certificate: "yes", require_certificate: "yes" } as const;

const section = (name: string, values: Readonly<Record<string, string | number>>): string =>
  [
    `[${name}]`,
    ...Object.entries({ method: "TLSv1.2+", cipher_list: ciphers, ...values }).map(
      ([key, value]) => `${key} = ${value}`,
    ),
    "",
  ].join("\n");

/** What the edge needs to know of the socket for devices. */
export type TlsSockets = Pick<KamailioConfigArgs, "address" | "mutualTls" | "ipv6">;

/** The files for `/run/tls-profiles`: `tls.cfg`, and for each trunk with CAs of its own (name → PEM) those. */
export function renderTlsProfiles(sockets: TlsSockets, trunkCas: Readonly<Record<string, string>> = {}): FileMap {
  return {
    "tls.cfg": renderTls(sockets, Object.keys(trunkCas)),
    ...Object.fromEntries(Object.entries(trunkCas).map(([trunk, pem]) => [`${trunk}.pem`, pem])),
  };
}

/** A section inherits nothing from another. */
function renderTls(
  { address, mutualTls = kamailioDefaults.mutualTls, ipv6 }: TlsSockets,
  trunks: readonly string[],
): string {
  const { server, clients, profiles } = tlsMounts;
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
    "# Connections to trunks. One that has CAs of its own (server_id is its name) is believed by them alone. Names: trunk-tls.cfg.",
    ...trunks.map((trunk) =>
      section("client:any", {
        server_id: trunk,
        // The module demands one, and looks for it in nothing that we send.
        server_name: `${trunk}.invalid`,
        ca_list: `${profiles}/${trunk}.pem`,
        ...mustProve,
      }),
    ),
    section("client:default", { ca_path: publicCas, ...mustProve }),
  ].join("\n");
}
