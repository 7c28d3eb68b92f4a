import { patternDefinitions, textDefinitions } from "../../configs/logstash/patterns.ts";

/**
 * What of Ruby's regular expressions is not JavaScript's, or means something else there: `(?i)`, `\A`, `\z` and `\x27` are translated,
 * the rest must not occur.
 */
const foreign = /\(\?<[=!]|\(\?>|\(\?[a-z]+[:)]|\\[hHRXGZKgkpP]|\\[AZz]|[*+?}]\+|&&|\[\[:/;

/** The JavaScript expression that means the same as one in Ruby. @throws Error when it cannot be sure of that */
export function ruby(pattern: string, flags = ""): RegExp {
  const insensitive = pattern.startsWith("(?i)");
  const body = (insensitive ? pattern.slice(4) : pattern).replace(/^\\A/, "^").replace(/\\z$/, "$");
  const found = foreign.exec(body);
  if (found !== null) throw new Error(`${found[0]} in ${pattern} may mean something else in Ruby`);
  return new RegExp(body, flags + (insensitive ? "i" : ""));
}

/** The replacement of JavaScript that means the same as one of Logstash's `gsub`. */
export function rubyReplacement(replacement: string): string {
  return replacement.replaceAll("$", "$$").replaceAll(/\\(\d)/g, "$$$1");
}

/** Matches a whole message as grok does; fields by their path, as `sip.call_id`, or undefined. */
export function grok(pattern: string, message: string): Record<string, string> | undefined {
  const definitions: Readonly<Record<string, string>> = { ...patternDefinitions, ...textDefinitions };
  const fields: string[] = [];
  const expression = pattern.replaceAll(
    /%\{([A-Z_]+)(?::((?:\[[@a-z_]+\])+))?\}/g,
    (_, name: string, field?: string) => {
      const definition = definitions[name];
      if (definition === undefined) throw new Error(`${name} is no pattern`);
      if (field === undefined) return `(?:${definition})`;
      fields.push(field.slice(1, -1).replaceAll("][", "."));
      return `(?<f${fields.length}>${definition})`;
    },
  );
  const groups = ruby(String.raw`\A${expression}\z`).exec(message)?.groups;
  return groups && Object.fromEntries(fields.map((field, index) => [field, groups[`f${index + 1}`] ?? ""]));
}
