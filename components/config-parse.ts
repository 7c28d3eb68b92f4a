import type * as z from "zod/mini";
import { childKeys, describeProblem, describeProblems, isSecretKey, type ConfigProblem } from "./config-problems.ts";
import { readableKeys } from "./config-rules-media.ts";
import { configRules } from "./config-rules.ts";
import { configSchema, type ConfigValues } from "./config-schema.ts";

type DeepReadonly<T> = { readonly [K in keyof T]: DeepReadonly<T[K]> };

/** Configuration of a stack with every default filled in, frozen. */
export type Config = DeepReadonly<ReturnType<typeof resolveConfig>>;

/** A configuration, with what only dev may have; or what is wrong. */
export type ParsedConfig =
  { readonly config: Config; readonly warnings: readonly string[] } | { readonly problems: string };

/**
 * Reads configuration as Pulumi hands it to a program: one string per key below `sbc:`, objects and lists as JSON.
 * All mistakes are told in one text, each with its key, its value, what is allowed and the command that mends it.
 */
export function parseConfig(
  raw: Readonly<Record<string, string>>,
  stack: string,
  isSecret: (key: string) => boolean = () => true,
): ParsedConfig {
  const problems: ConfigProblem[] = [];
  const sections = new Map<string, unknown>();
  const valid = new Set<string>();

  for (const [key, schema] of Object.entries(configSchema.shape)) {
    const value = read(raw[key], schema);
    const result = schema.safeParse(value);
    if (result.success) {
      sections.set(key, result.data);
      valid.add(key);
    } else {
      problems.push(...result.error.issues.flatMap((issue) => fromIssue(key, issue, value)));
      // Rules that do not read this section still run.
      const fallback = schema.safeParse(undefined);
      sections.set(key, fallback.success ? fallback.data : undefined);
    }
  }
  const known = Object.keys(configSchema.shape);
  for (const key of Object.keys(raw).filter((key) => !known.includes(key))) problems.push(unknownKey([key], known));

  const config = resolveConfig(Object.fromEntries(sections) as ConfigValues, stack);
  for (const rule of configRules) {
    if (rule.reads.every((section) => valid.has(section))) problems.push(...rule.check(config));
  }
  for (const [key, value] of sections) {
    if (!isSecret(key)) problems.push(...plainSecrets([key], value));
  }
  if (problems.length > 0) return { problems: describeProblems(problems, stack) };
  return { config: freeze(config), warnings: readableKeys(config).map((problem) => describeProblem(problem, stack)) };
}

/** Values that nobody may read, in sections of which nothing is encrypted. */
function plainSecrets(path: ConfigProblem["path"], value: unknown): ConfigProblem[] {
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).flatMap(([key, part]) =>
      plainSecrets([...path, Array.isArray(value) ? Number(key) : key], part),
    );
  }
  if (value !== undefined && isSecretKey(path)) {
    return [{ path, problem: "is a credential in plain text; it must be encrypted: set it again with --secret" }];
  }
  if (typeof value === "string" && value.includes("PRIVATE KEY-----")) {
    return [
      { path, problem: "holds a private key in plain text; take it out, and have the key made anew: it is known now" },
    ];
  }
  return [];
}

/** Fills in the defaults that depend on the environment, on the stack's name or on another key. */
export function resolveConfig(values: ConfigValues, stack: string) {
  const { edge, rtp, certificates } = values;
  const prod = values.environment === "prod";
  const plainPort = prod ? 0 : 5060;
  const mode = rtp.mode ?? (prod ? "host" : "bridge");
  const portMin = rtp.portMin ?? 30000;
  return {
    ...values,
    name: values.name === "" ? `sbc-${stack.toLowerCase().replaceAll(/[^a-z0-9-]/g, "-")}` : values.name,
    prod,
    edge: {
      ...edge,
      bind: edge.bind ?? (prod ? "" : "127.0.0.1"),
      ports: {
        ...edge.ports,
        udp: edge.ports.udp ?? plainPort,
        tcp: edge.ports.tcp ?? plainPort,
        tls: edge.ports.tls ?? 5061,
      },
      ipv6: { ...edge.ipv6, transports: edge.ipv6.transports ?? (prod ? ["tls"] : ["udp", "tcp", "tls"]) },
    },
    rtp: {
      ...rtp,
      mode,
      portMin,
      portMax: rtp.portMax ?? Math.min(65535, portMin + (rtp.publish ? 39 : 9999)),
      srtp: { ...rtp.srtp, tls: rtp.srtp.tls ?? (prod ? "required" : "optional") },
    },
    monitoring: {
      ...values.monitoring,
      bind: values.monitoring.bind ?? "127.0.0.1",
      alerts: { ...values.monitoring.alerts, unattended: values.monitoring.alerts.unattended ?? !prod },
    },
    certificates: { ...certificates, mode: certificates.mode ?? (prod ? "provided" : "generated") },
  } as const;
}

/** Strings stand for themselves; everything else is JSON. What is no JSON is left to the schema, which says what it wants. */
function read(text: string | undefined, schema: z.ZodMiniType): unknown {
  if (text === undefined || schema.safeParse("").error?.issues[0]?.code !== "invalid_type") return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function fromIssue(section: string, issue: z.core.$ZodIssue, root: unknown): ConfigProblem[] {
  const path = [section, ...issue.path.filter((part) => typeof part !== "symbol")];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownKey([...path, key], childKeys(path)));
  }
  const value = issue.path.reduce<unknown>((at, part) => child(at, part), root);
  return [{ path, value, problem: allowed(issue, value) }];
}

function allowed(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined) return "is required";
  switch (issue.code) {
    case "invalid_type":
      return `must be ${typeName(issue.expected)}`;
    case "invalid_union":
      return "must be a name";
    case "too_small":
      return `must be at least ${String(issue.minimum)}`;
    case "too_big":
      return `must be at most ${String(issue.maximum)}`;
    case "invalid_value":
      return `must be ${issue.values.map(String).join(" or ")}`;
    default:
      return issue.message;
  }
}

function typeName(expected: string): string {
  const names: Record<string, string> = {
    int: "a whole number",
    number: "a number",
    string: "a string",
    boolean: "true or false",
    array: "a list",
    object: "a map of keys",
  };
  return names[expected] ?? expected;
}

function unknownKey(path: ConfigProblem["path"], known: readonly string[]): ConfigProblem {
  return { path, problem: `is no key; there are ${known.join(", ")}` };
}

function child(value: unknown, key: PropertyKey): unknown {
  return typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined;
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}
