import { readFolder, type FileMap } from "../files.ts";
import { renderReloadJob, renderReloadJobSecrets } from "../kamailio/reload.ts";

/** How the CA finds out that the names are ours (RFC 8555 §8). */
export type AcmeChallenge =
  | {
      /** The CA fetches a file from port 80 of every name. */
      readonly type: "http-01";
    }
  | {
      /** A record in the zone of every name. */
      readonly type: "dns-01";
      /** lego's code of the DNS provider, e.g. `cloudflare`. */
      readonly provider: string;
      /** DNS servers, `HOST:PORT`, that find the zone and see its records. Empty: those of the container. */
      readonly resolvers: readonly string[];
    };

/** What the ACME client depends on. A change of any value replaces its container; Kamailio keeps running. */
export interface AcmeConfigArgs {
  /** Host names in the certificate; the first is the common name. A change obtains a new certificate. */
  readonly names: readonly string[];
  /** Contact of the account at the CA. */
  readonly email: string;
  /** URL of the CA's directory. A change obtains a new certificate. */
  readonly directory: string;
  /** PEM of the CAs that signed the directory's own certificate. Default: those of the image. */
  readonly directoryCa?: string | undefined;
  readonly challenge: AcmeChallenge;
  /** The container is unhealthy when fewer days are left. */
  readonly minDays: number;
  /** IPv4 address of Kamailio's ops listener. */
  readonly opsAddress: string;
}

/** What must not be in a plain file. */
export interface AcmeSecrets {
  /** Bearer token of Kamailio's ops listener. */
  readonly opsToken: string;
  /** Settings of the DNS provider, named as lego's documentation names its environment variables. */
  readonly dnsCredentials: Readonly<Record<string, string>>;
}

/** TCP port in the container that answers HTTP-01 challenges, open only while one is under way. */
export const challengePort = 8080;
/** How a DNS provider's setting is named; the names become variables and files. */
export const credentialName = /^[A-Z][A-Z0-9_]*$/;

/** Between two looks at the remaining life, in seconds: as the CAs recommend, twice a day. */
const checkSeconds = 43_200;

/** How the container has to be run. */
export const acmeRuntime = {
  uid: 4105,
  /** Kamailio's group, by which it reads the certificate. */
  gid: 4101,
  mounts: { config: "/etc/acme", secrets: "/run/secrets", state: "/var/lib/acme", tls: "/run/tls" },
  tmpfs: { "/run/acme": "uid=4105,gid=4101,mode=0750,size=4m" },
  healthcheck: ["CMD", "bash", "/etc/acme/acme.sh", "health"],
  memoryMb: 128,
  graceSeconds: 10,
} as const;

const staticFiles = readFolder(new URL("static/", import.meta.url));

/** The plain files, for `/etc/acme`. */
export function renderAcmeConfig(args: AcmeConfigArgs): FileMap {
  const { challenge } = args;
  const dns = challenge.type === "dns-01" ? challenge : undefined;
  const settings = {
    names: list(args.names),
    email: quoted(args.email),
    directory: quoted(args.directory),
    challenge: challenge.type,
    http_port: String(challengePort),
    dns_provider: quoted(dns?.provider ?? ""),
    dns_resolvers: list(dns?.resolvers ?? []),
    min_days: String(args.minDays),
    check_seconds: String(checkSeconds),
  };
  return {
    ...staticFiles,
    ...renderReloadJob({ opsAddress: args.opsAddress, reload: ["certificates"] }),
    "acme.env": Object.entries(settings)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
    ...(args.directoryCa !== undefined && { "directory-ca.pem": args.directoryCa }),
  };
}

/**
 * The secret files, for `/run/secrets`: the client reads `NAME` from the file that the variable `NAME_FILE` names.
 * @throws Error when a credential's name is none.
 */
export function renderAcmeSecrets({ opsToken, dnsCredentials }: AcmeSecrets): FileMap {
  const wrong = Object.keys(dnsCredentials).find((name) => !credentialName.test(name));
  if (wrong !== undefined) throw new Error(`the DNS credential ${wrong} must be named as an environment variable`);
  return { ...renderReloadJobSecrets({ opsToken }), ...dnsCredentials };
}

const quoted = (value: string) => `'${value.replaceAll("'", String.raw`'\''`)}'`;
const list = (values: readonly string[]) => `(${values.map(quoted).join(" ")})`;
