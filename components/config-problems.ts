import * as z from "zod/mini";
import { configSchema } from "./config-schema.ts";

type Key = string | number;

/** A mistake in the configuration. */
export interface ConfigProblem {
  /** Path below `sbc:`, e.g. `["edge", "publicAddress"]`. */
  readonly path: readonly (string | number)[];
  /** The value as it was given; undefined when there is none. */
  readonly value?: unknown;
  /** What is wrong and what is allowed, as the end of a sentence that starts with the key. */
  readonly problem: string;
  /** A value that would do, for the command that sets it. */
  readonly example?: string;
  /** What to type when setting the key is not what mends it. */
  readonly command?: string;
}

/** One text for all mistakes, each with the command that mends it. */
export function describeProblems(problems: readonly ConfigProblem[], stack: string): string {
  const lines = problems.map((problem) => `  - ${describeProblem(problem, stack)}`);
  const count = problems.length === 1 ? "a mistake" : `${problems.length} mistakes`;
  return [`the configuration of stack ${stack} has ${count}:`, ...lines].join("\n");
}

/** One of them, with the command that mends it on a line of its own. */
export function describeProblem(
  { path, value, problem, example, command: mend }: ConfigProblem,
  stack: string,
): string {
  const key = keyName(path);
  const meta = metaAt(path);
  const shown = value === undefined ? "" : meta?.secret ? " = [secret]" : ` = ${JSON.stringify(value)}`;
  const nested = path.length > 1 ? "--path " : "";
  const quoted = nested ? `'${key}'` : key;
  const setting = problem.startsWith("is no key")
    ? `pulumi config rm ${nested}${quoted} -s ${stack}`
    : `pulumi config set ${meta?.secret ? "--secret " : ""}${nested}${quoted} ${example ?? meta?.example ?? exampleOf(meta)} -s ${stack}`;
  return `${key}${shown} ${problem}\n      ${mend ?? setting}`;
}

function exampleOf(meta: { default?: unknown } | undefined): string {
  return typeof meta?.default === "object" || meta?.default === undefined ? "VALUE" : String(meta.default);
}

/** `["subscribers", 0, "name"]` → `sbc:subscribers[0].name`. */
function keyName(path: readonly Key[]): string {
  return path.reduce<string>(
    (text, part, index) => text + (typeof part === "number" ? `[${part}]` : index === 0 ? `:${part}` : `.${part}`),
    "sbc",
  );
}

/** Keys that exist below a path. */
export function childKeys(path: readonly Key[]): string[] {
  const schema = schemaAt(path);
  return schema !== undefined && "shape" in schema ? Object.keys(schema.shape as object) : [];
}

/** True for a key whose value nobody may read. */
export function isSecretKey(path: readonly Key[]): boolean {
  return metaAt(path)?.secret === true;
}

function metaAt(path: readonly Key[]): { example?: string; secret?: boolean; default?: unknown } | undefined {
  let schema: z.ZodMiniType | undefined;
  const found: { example?: string; secret?: boolean; default?: unknown } = {};
  const at = walk(path);
  for (schema = at; schema !== undefined; schema = inner(schema)) {
    Object.assign(found, z.globalRegistry.get(schema), defaultOf(schema));
  }
  return at === undefined ? undefined : found;
}

function schemaAt(path: readonly Key[]): z.ZodMiniType | undefined {
  let schema = walk(path);
  while (schema !== undefined && inner(schema) !== undefined) schema = inner(schema);
  return schema;
}

function walk(path: readonly Key[]): z.ZodMiniType | undefined {
  let schema: z.ZodMiniType | undefined = configSchema;
  for (const part of path) {
    const whole: z.ZodMiniType | undefined = schema;
    while (schema !== undefined && inner(schema) !== undefined) schema = inner(schema);
    if (schema === undefined) return undefined;
    if (typeof part === "number") schema = (schema.def as { element?: z.ZodMiniType }).element;
    else if ("shape" in schema) schema = (schema.shape as Record<string, z.ZodMiniType>)[part];
    // A map whose keys are free: what is known of it goes for each of them.
    else return schema.def.type === "record" ? whole : undefined;
  }
  return schema;
}

/** What an optional or defaulted schema wraps. */
function inner(schema: z.ZodMiniType): z.ZodMiniType | undefined {
  const definition = schema.def as { type: string; innerType?: z.ZodMiniType };
  return ["optional", "default", "prefault"].includes(definition.type) ? definition.innerType : undefined;
}

function defaultOf(schema: z.ZodMiniType): { default?: unknown } {
  const definition = schema.def as { type: string; defaultValue?: unknown };
  return definition.type === "default" ? { default: definition.defaultValue } : {};
}
