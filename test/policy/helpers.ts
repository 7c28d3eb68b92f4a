import type { PolicyPackConfig, PolicyResourceOptions } from "@pulumi/policy";
import type { Rule } from "../../policy/lib/rule.ts";
import { evaluate } from "../../policy/tools/evaluate.ts";
import type { Finding, RecordedResource } from "../../policy/tools/evaluate.ts";

// The SDK's marks for values that a preview does not know (@pulumi/policy/proxy).
export const UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
export const UNKNOWN_LIST = "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2";
export const UNKNOWN_OBJECT = "dd056dcd-154b-4c76-9bd3-c8f88648b5ff";
export const UNKNOWN_NUMBER = "3eeb2bf0-c639-47a8-9e75-3b44932eb421";
export const UNKNOWN_BOOLEAN = "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7";

type Props = Record<string, unknown>;

/** A resource of a test stack. `from` names the resources that a property was made from. */
export interface TestResource {
  readonly type: string;
  readonly name: string;
  readonly props: Props;
  readonly options?: Partial<PolicyResourceOptions>;
  readonly from?: Readonly<Record<string, readonly string[]>>;
}

const TYPES = {
  container: "docker:index/container:Container",
  image: "docker:index/remoteImage:RemoteImage",
  network: "docker:index/network:Network",
  volume: "docker:index/volume:Volume",
  key: "tls:index/privateKey:PrivateKey",
  selfSigned: "tls:index/selfSignedCert:SelfSignedCert",
  request: "tls:index/certRequest:CertRequest",
  leaf: "tls:index/locallySignedCert:LocallySignedCert",
  password: "random:index/randomPassword:RandomPassword",
  randomString: "random:index/randomString:RandomString",
} as const;

/** A resource of a well-known type. */
export function resource(
  kind: keyof typeof TYPES,
  name: string,
  props: Props = {},
  rest: Pick<TestResource, "options" | "from"> = {},
): TestResource {
  return { type: TYPES[kind], name, props, ...rest };
}

/** Labels in the provider's shape. */
export function labels(role: string, plane: string): { label: string; value: string }[] {
  return [
    { label: "sbc.role", value: role },
    { label: "sbc.plane", value: plane },
  ];
}

/** A container that keeps every rule; `change` sets properties, or removes those that are `undefined`. */
export function service(
  change: Props = {},
  rest: Pick<TestResource, "options" | "from"> & { name?: string } = {},
): TestResource {
  const props: Props = {
    name: "test-web",
    image: UNKNOWN_STRING,
    labels: labels("web", "edge"),
    user: "4101:4101",
    readOnly: true,
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges:true"],
    memory: 128,
    memorySwap: 128,
    cpus: "0.5",
    ulimits: [
      { name: "nofile", soft: 1024, hard: 1024 },
      { name: "nproc", soft: 64, hard: 64 },
    ],
    healthcheck: { tests: ["CMD", "true"], interval: "3s", timeout: "2s", retries: 3 },
    restart: "unless-stopped",
    logDriver: "json-file",
    logOpts: { "max-size": "10m", "max-file": "3" },
    destroyGraceSeconds: 60,
    networkMode: "bridge",
    networksAdvanced: [{ name: "test-net" }],
    ...change,
  };
  return resource("container", rest.name ?? "web", withoutUndefined(props), {
    options: { deleteBeforeReplace: true, ...rest.options },
    ...(rest.from === undefined ? {} : { from: rest.from }),
  });
}

/** A one-shot container that keeps every rule under the committed policy configs. */
export function job(change: Props = {}, rest: Parameters<typeof service>[1] = {}): TestResource {
  return service(
    {
      name: "test-job",
      labels: labels("job", "edge"),
      readOnly: undefined,
      healthcheck: undefined,
      restart: "no",
      destroyGraceSeconds: undefined,
      mustRun: false,
      attach: true,
      ...change,
    },
    { name: "job", ...rest },
  );
}

/** URN of a test resource. */
export function urn({ type, name }: TestResource): string {
  return `urn:pulumi:test::policy::${type}::${name}`;
}

/** Runs rules over test resources. */
export async function judge(
  rules: Rule | readonly Rule[],
  resources: readonly TestResource[],
  config: PolicyPackConfig = {},
): Promise<readonly Finding[]> {
  const urns = new Map(resources.map((item) => [item.name, urn(item)]));
  // The engine refuses two of one name as well; here the first would be lost without a word.
  if (new Set(resources.map(urn)).size < resources.length) throw new Error("two resources have one name");
  const recorded = resources.map((item): RecordedResource => ({
    ...item,
    urn: urn(item),
    propertyDependencies: Object.fromEntries(
      Object.entries(item.from ?? {}).map(([key, names]) => [key, names.map((name) => urns.get(name) ?? name)]),
    ),
  }));
  return evaluate(Array.isArray(rules) ? (rules as readonly Rule[]) : [rules as Rule], recorded, config);
}

function withoutUndefined(props: Props): Props {
  return Object.fromEntries(Object.entries(props).filter(([, value]) => value !== undefined));
}
