import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import { readConfig } from "../../policy/configuration.ts";
import { rules } from "../../policy/registry.ts";
import { configured } from "../../policy/tools/evaluate.ts";

const reason = "a reason that is long enough to be one";

/** Values of settings that are neither in prod's policy config nor have a default which shows their shape. */
const examples: Readonly<Record<string, Record<string, unknown>>> = {
  "container-no-sensitive-bind": { allowedReadOnly: [{ role: "exporter", path: "/proc", reason }] },
};

/** What may not be written, by the name under which it stands; `*` is any other text or number. */
const wrong: Readonly<Record<string, readonly unknown[]>> = {
  role: [""],
  frontDoor: [""],
  reason: ["too short"],
  path: ["proc"],
  dataPaths: ["var/lib/mysql"],
  paths: ["var/lib/mysql"],
  floors: ["latest", "v1.2", "1.2-3"],
  "allowed.ports": ["5061", "tcp", "x5061/tcp", "5061/tcps", "1-2-3/udp"],
  "ports-privileged-allowlist.ports": [0, 1024],
  registries: [""],
  words: ["abcd"],
  length: [15],
  seconds: [0],
  secondsByRole: [0],
  maxValidityHours: [0],
  minRenewalHours: [-1],
  days: [-1],
  max: [-1, 1.5],
  minimum: [-1, 1.5],
};

/** Copies of a value, each with one mistake somewhere in it. `names` are the keys on the way to it; a list inside another value is not empty. */
function mistaken(value: unknown, names: readonly string[], inner = false): unknown[] {
  const [name = "", outer = ""] = names.toReversed();
  const here = wrong[`${outer}.${name}`] ?? wrong[name] ?? [];
  if (Array.isArray(value)) {
    const list = value as unknown[];
    const inside = list.slice(0, 1).flatMap((item) => mistaken(item, names, true));
    return ["x", {}, ...(inner ? [[]] : []), ...[...inside, ...here].map((item) => [item, ...list.slice(1)])];
  }
  if (value instanceof Object) {
    const entries = Object.entries(value);
    const inside = entries.flatMap(([key, item]) =>
      mistaken(item, isEntry(value) ? [...names, key] : names, true).map((changed) => ({ ...value, [key]: changed })),
    );
    if (!isEntry(value)) return [[], "x", ...inside];
    const lacking = entries.map(([key]) => Object.fromEntries(entries.filter(([other]) => other !== key)));
    return [[], "x", { ...value, other: 1 }, ...lacking, ...inside];
  }
  return [typeof value === "string" ? 7 : "x", null, ...here];
}

/** An entry of an allow-list has fixed keys; other objects have a role or a product as key. */
function isEntry(value: object): boolean {
  return "reason" in value;
}

describe("the settings that the engine accepts", () => {
  for (const rule of rules) {
    for (const [name, schema] of Object.entries(rule.configSchema?.properties ?? {})) {
      const own = configured(rule, readConfig("prod")).settings[name] ?? examples[rule.name]?.[name];
      const value = name === "exemptions" ? [{ role: "web", reason }] : (own ?? schema.default);
      const accepts = (candidate: unknown) => z.fromJSONSchema(schema as never).safeParse(candidate).success;

      it(`of ${rule.name} are what ${name} says, and nothing else`, () => {
        assert.ok(accepts(schema.default), "the default");
        assert.ok(accepts(value), JSON.stringify(value));
        assert.ok(!Array.isArray(value) || value.length > 0, "an example is needed for what an entry looks like");
        for (const mistake of mistaken(value, [rule.name, name])) assert.ok(!accepts(mistake), JSON.stringify(mistake));
      });
    }
  }
});
