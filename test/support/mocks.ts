import { fileURLToPath } from "node:url";
import * as pulumi from "@pulumi/pulumi";

/** A resource as the program registered it. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** Inputs; secret values are unwrapped. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Top-level inputs that hold a secret. */
  readonly secretInputs: readonly string[];
  readonly parent: string;
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  readonly deleteBeforeReplace: boolean | undefined;
  readonly replaceOnChanges: readonly string[];
  /** Another value replaces the resource. */
  readonly replacementTrigger: unknown;
  readonly ignoreChanges: readonly string[];
  /** URNs of everything that it waits for. */
  readonly dependencies: readonly string[];
  /** URNs by the property that was made from them: only these edges make the engine replace a dependent. */
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
}

/** What came of a program. */
export interface Recording<T> {
  readonly resources: readonly Registered[];
  readonly value: T;
}

/** How a program is run. */
export interface RecordOptions {
  readonly stack?: string;
  /** Keys below `sbc:`; what is no string becomes JSON. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Exit code of each one-shot container by its resource name. Default 0. */
  readonly exitCode?: (name: string) => number;
}

/** The wire format of a secret (sdk/nodejs/runtime/rpc.ts). */
const signature = "4dabf18193072939515e22adb298388d";
const secretMark = "1b47061264138c4ac30d75fd1eb44270";
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Runs `build` against stand-ins of engine and providers, and records what it registers. Nothing is created. */
export async function record<T>(build: () => Promise<T> | T, options: RecordOptions = {}): Promise<Recording<T>> {
  const { stack = "dev", config = {}, exitCode = () => 0 } = options;
  process.chdir(root);
  const entries = Object.entries(config).map(([key, value]) => [
    `sbc:${key}`,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  pulumi.runtime.setAllConfig(Object.fromEntries(entries) as Record<string, string>);
  await pulumi.runtime.setMocks(
    { newResource: (args) => ({ id: `${args.name}-id`, state: outputs(args, exitCode) }), call: () => ({}) },
    "sbc",
    stack,
    false,
  );
  const resources: Registered[] = [];
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = async (request, callback) =>
    register(request, (error, response) => {
      if (response) resources.push(registered(request, response.getUrn()));
      callback(error, response);
    });
  const value = await build();
  await pulumi.runtime.disconnect();
  return { resources, value };
}

/** The password that the random provider's stand-in makes for a resource. */
export function passwordOf(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9]/g, "").padEnd(32, "x");
}

/** Waits for an output. */
export function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}

/** Marked as the engine marks what the SDK lists as secret output. */
const secret = (value: unknown) => ({ [signature]: secretMark, value });

/** What the providers would add: never less, or a test would pass on `undefined`. */
function outputs(args: pulumi.runtime.MockResourceArgs, exitCode: (name: string) => number): Record<string, unknown> {
  const inputs = args.inputs as Record<string, unknown>;
  const pem = (what: string) => `-----BEGIN ${what}-----\n${args.name}\n-----END ${what}-----\n`;
  switch (args.type) {
    case "docker:index/container:Container":
      return { ...inputs, exitCode: exitCode(args.name), containerLogs: `log of ${args.name}\n` };
    case "docker:index/remoteImage:RemoteImage":
      return { ...inputs, imageId: `sha256:${args.name}`, repoDigest: "" };
    case "random:index/randomPassword:RandomPassword":
      return {
        ...inputs,
        result: secret(passwordOf(args.name)),
        bcryptHash: secret(`$2a$10$${passwordOf(args.name)}`),
      };
    case "tls:index/privateKey:PrivateKey":
      return {
        ...inputs,
        privateKeyPem: secret(pem("PRIVATE KEY")),
        privateKeyPemPkcs8: secret(pem("PRIVATE KEY").replace(args.name, `${args.name} in PKCS 8`)),
        publicKeyPem: pem("PUBLIC KEY"),
      };
    case "tls:index/certRequest:CertRequest":
      return { ...inputs, certRequestPem: pem("CERTIFICATE REQUEST") };
    case "tls:index/selfSignedCert:SelfSignedCert":
    case "tls:index/locallySignedCert:LocallySignedCert":
      return { ...inputs, certPem: pem("CERTIFICATE"), readyForRenewal: false };
    default:
      return inputs;
  }
}

interface Struct {
  toJavaScript(): Record<string, unknown>;
}

interface Request {
  getType(): string;
  getName(): string;
  getParent(): string;
  getProtect(): boolean | undefined;
  getRetainondelete(): boolean | undefined;
  getDeletebeforereplace(): boolean;
  getDeletebeforereplacedefined(): boolean;
  getReplaceonchangesList(): string[];
  getReplacementTrigger(): { toJavaScript(): unknown } | undefined;
  getIgnorechangesList(): string[];
  getDependenciesList(): string[];
  getPropertydependenciesMap(): { forEach(visit: (value: { getUrnsList(): string[] }, key: string) => void): void };
  getObject(): Struct | undefined;
}

type Callback = (error: unknown, response: { getUrn(): string } | undefined) => void;

interface Monitor {
  registerResource(request: Request, callback: Callback): Promise<void>;
}

function registered(request: Request, urn: string): Registered {
  const propertyDependencies: Record<string, readonly string[]> = {};
  request.getPropertydependenciesMap().forEach((value, key) => {
    propertyDependencies[key] = value.getUrnsList();
  });
  const raw = request.getObject()?.toJavaScript() ?? {};
  return {
    type: request.getType(),
    name: request.getName(),
    urn,
    inputs: unwrapped(raw) as Record<string, unknown>,
    secretInputs: Object.keys(raw).filter((key) => holdsSecret(raw[key])),
    parent: request.getParent(),
    protect: request.getProtect() ?? false,
    retainOnDelete: request.getRetainondelete() ?? false,
    deleteBeforeReplace: request.getDeletebeforereplacedefined() ? request.getDeletebeforereplace() : undefined,
    replaceOnChanges: request.getReplaceonchangesList(),
    replacementTrigger: request.getReplacementTrigger()?.toJavaScript(),
    ignoreChanges: request.getIgnorechangesList(),
    dependencies: request.getDependenciesList(),
    propertyDependencies,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSecret(value: unknown): value is { value: unknown } {
  return isRecord(value) && value[signature] === secretMark;
}

function holdsSecret(value: unknown): boolean {
  return isSecret(value) || (isRecord(value) || Array.isArray(value) ? Object.values(value).some(holdsSecret) : false);
}

function unwrapped(value: unknown): unknown {
  if (isSecret(value)) return unwrapped(value.value);
  if (Array.isArray(value)) return value.map(unwrapped);
  return isRecord(value)
    ? Object.fromEntries(Object.entries(value).map(([key, part]) => [key, unwrapped(part)]))
    : value;
}
