import { fileURLToPath } from "node:url";
import { contextHash } from "../../components/context-hash.ts";
import { waitFor } from "../sip/agent.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import { testAuthority } from "./certificates.ts";
import { TestContainer } from "./container.ts";

/** What the server validates, and where it listens. */
export interface AcmeServerOptions {
  /** Zone of the names; `*.zone` and the zone itself have the address. */
  zone: string;
  /** Address of all names. */
  address: string;
  /** Port at which HTTP-01 challenges are fetched: 80 at a real CA. */
  httpPort: number;
  /** Address that the server listens on. Default 127.0.0.1, with no network at all. */
  listen?: { address: string; network: "host" };
  /** Port of the DNS server on that address. Default 53. */
  dnsPort?: number;
}

/** Pebble and Knot DNS in one container: a whole CA and the internet's name service, for tests. */
export interface AcmeServer extends AsyncDisposable {
  readonly container: TestContainer;
  readonly directory: string;
  /** The CA that signed the directory's own certificate, PEM. */
  readonly directoryCa: string;
  /** Secret of the TSIG key `acme` (hmac-sha256) that may change the zone. */
  readonly tsigSecret: string;
  /** Root that issued certificates lead to, PEM: made anew at each start. */
  root(): Promise<string>;
  /** Tells clients that a certificate should be renewed now (RFC 9773), as a CA does that has to revoke it. */
  askForRenewal(certificate: string): Promise<void>;
}

const context = fileURLToPath(new URL("acme-server", import.meta.url));
const folder = "/run/acme-server";
const uid = 65_534;

/** Starts the server. */
export async function startAcmeServer(options: AcmeServerOptions): Promise<AcmeServer> {
  const { zone, address, httpPort, listen, dnsPort = 53 } = options;
  const own = listen?.address ?? "127.0.0.1";
  const authority = await testAuthority("ACME test directory CA");
  const server = await authority.issue("ACME test directory", { names: ["localhost"], addresses: [own] });
  const tsigSecret = Buffer.from("the DNS provider's secret of a test").toString("base64");
  const pebble = {
    pebble: {
      listenAddress: `${own}:14000`,
      managementListenAddress: `${own}:15000`,
      certificate: `${folder}/server.pem`,
      privateKey: `${folder}/server.key`,
      httpPort,
      tlsPort: 5001,
      profiles: { default: { description: "as most CAs", validityPeriod: 90 * 86_400 } },
    },
  };
  const knot = [
    `server:`,
    `    listen: ${own}@${dnsPort}`,
    `    rundir: ${folder}`,
    `database:`,
    `    storage: ${folder}`,
    `    journal-db-max-size: 1M`,
    `key:`,
    `  - id: acme`,
    `    algorithm: hmac-sha256`,
    `    secret: ${tsigSecret}`,
    `acl:`,
    `  - id: update`,
    `    key: acme`,
    `    action: update`,
    `zone:`,
    `  - domain: ${zone}`,
    `    storage: ${folder}`,
    `    file: zone`,
    `    acl: update`,
    ``,
  ].join("\n");
  const records = [
    `@ 60 SOA ns hostmaster.${zone}. 1 60 60 60 0`,
    `@ 60 NS ns`,
    `@ 60 A ${address}`,
    `* 60 A ${address}`,
    ``,
  ].join("\n");

  const container = TestContainer.start({
    role: "acme-server",
    image: await ensureServerImage(),
    files: {
      [folder]: {
        "server.pem": server.chain,
        "server.key": server.keyPem,
        "pebble.json": JSON.stringify(pebble),
        "knot.conf": knot,
        zone: records,
      },
    },
    // Knot opens its configuration as a database there.
    tmpfs: { "/tmp": "mode=1777,size=64m" },
    command: [
      "bash",
      "-c",
      // Nonces fail, validations wait and authorizations are reused at random, unless told otherwise.
      `{ knotd -c ${folder}/knot.conf & } && PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0 exec pebble -config ${folder}/pebble.json -dnsserver ${own}:${dnsPort}`,
    ],
    uid,
    memoryMb: 256,
    ...(listen === undefined ? { dns: own } : { network: listen.network }),
  });

  const management = async (path: string, body?: string): Promise<string> => {
    const request = [
      `${body === undefined ? "GET" : "POST"} ${path} HTTP/1.0`,
      `User-Agent: sbc-test`,
      `Content-Length: ${Buffer.byteLength(body ?? "")}`,
      ``,
      body ?? "",
    ].join("\r\n");
    const { stdout } = await container.exec(
      ["timeout", "10", "openssl", "s_client", "-quiet", "-ign_eof", "-connect", `${own}:15000`],
      request,
    );
    const text = stdout.toString("utf8");
    const [head = "", ...rest] = text.split("\r\n\r\n");
    if (!/^HTTP\/1\.\d 200/.test(head)) throw new Error(`Pebble ${path}: ${text || "no answer"}`);
    return rest.join("\r\n\r\n");
  };
  try {
    await waitFor("the ACME test server", async () => {
      try {
        const names = await container.exec(["bash", "-c", `: < /dev/tcp/${own}/${dnsPort}`]);
        return names.exitCode === 0 && (await management("/roots/0")).includes("BEGIN CERTIFICATE");
      } catch {
        return false;
      }
    });
  } catch (error) {
    await container[Symbol.asyncDispose]();
    throw new Error(`${String(error)}\n${container.output}`, { cause: error });
  }
  return {
    container,
    directory: `https://${own}:14000/dir`,
    directoryCa: authority.pem,
    tsigSecret,
    root: () => management("/roots/0"),
    askForRenewal: async (certificate) => {
      const past = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
      const ariResponse = JSON.stringify({ suggestedWindow: { start: past(2), end: past(1) } });
      await management("/set-renewal-info/", JSON.stringify({ certificate, ariResponse }));
    },
    [Symbol.asyncDispose]: () => container[Symbol.asyncDispose](),
  };
}

async function ensureServerImage(): Promise<string> {
  const name = `sbc-test-acme-server:${contextHash(context, {})}`;
  const { exitCode } = await tryDocker(["image", "inspect", name]);
  if (exitCode !== 0) await docker(["build", "--quiet", "--tag", name, context], { timeout: 600_000 });
  return name;
}
