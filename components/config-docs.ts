import { dump } from "js-yaml";
import * as z from "zod/mini";
import { configSchema } from "./config-schema.ts";

/** The part of JSON Schema that the schema of the configuration uses. */
interface Node {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly defaultText?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Node;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly secret?: boolean;
}

const begin = "# config:begin, written by `npm run generate` from components/config-schema.ts";
const end = "# config:end";

/** Pulumi.yaml with its `config:` block made anew from the schema; the rest stays as it is. */
export function renderPulumiYaml(current: string): string {
  const outside = current.split(/^# config:(?:begin|end).*\n?/m);
  return `${outside[0] ?? ""}${begin}\n${renderPulumiYamlConfig()}${end}\n${outside[2] ?? ""}`;
}

/**
 * The `config:` block of Pulumi.yaml: type, default and description of each top-level key. The engine demands a key without a default
 * on every stack, so an object whose keys all have defaults gets an empty one.
 */
export function renderPulumiYamlConfig(): string {
  const keys = Object.entries(schema().properties ?? {}).map(([key, node]) => [key, pulumiType(key, node)] as const);
  return dump({ config: Object.fromEntries(keys) }, { lineWidth: 130 });
}

function pulumiType(key: string, node: Node): Record<string, unknown> {
  const type = node.type ?? "string";
  const children = Object.keys(node.properties ?? {});
  const required = schema().required?.includes(key) === true;
  return {
    type,
    ...(type === "array" && { items: { type: node.items?.type ?? "string" } }),
    description: node.description ?? `Keys: ${children.join(", ")}.`,
    ...(!required && { default: node.default ?? (type === "array" ? [] : {}) }),
  };
}

/** A table of every key with its type, default and meaning, as Markdown. */
export function renderConfigReference(): string {
  const rows = references(schema(), "sbc").map(
    ({ key, type, fallback, description }) => `| \`${key}\` | ${type} | ${fallback} | ${description} |`,
  );
  return ["| Key | Type | Default | Meaning |", "| --- | --- | --- | --- |", ...rows, ""].join("\n");
}

interface Reference {
  readonly key: string;
  readonly type: string;
  readonly fallback: string;
  readonly description: string;
}

function references(node: Node, path: string): Reference[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]): Reference[] => {
    const key = path === "sbc" ? `sbc:${name}` : `${path}.${name}`;
    const own: Reference = {
      key,
      type: typeText(child),
      fallback: child.defaultText ?? defaultText(child, node.required?.includes(name) === true),
      description: child.description ?? "",
    };
    if (child.properties !== undefined) return references(child, key);
    return child.items?.properties === undefined ? [own] : [own, ...references(child.items, `${key}[]`)];
  });
}

function typeText({ type, enum: choices, minimum, maximum, items, secret }: Node): string {
  if (secret) return "secret";
  if (choices !== undefined) return choices.map((choice) => `\`${choice}\``).join(" or ");
  if (type === "array") return `list${items?.enum === undefined ? "" : ` of ${typeText(items)}`}`;
  const range = minimum === undefined || maximum === undefined ? "" : ` ${minimum} … ${maximum}`;
  return typeof type === "string" ? `${type}${range}` : "string";
}

function defaultText(node: Node, required: boolean): string {
  if (required) return "required";
  if (node.type === "array" && (node.default === undefined || (node.default as unknown[]).length === 0)) return "none";
  if (node.default === undefined) return "";
  if (Array.isArray(node.default)) return node.default.map(String).join(", ");
  return `\`${String(node.default)}\``;
}

function schema(): Node {
  return z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" }) as Node;
}
