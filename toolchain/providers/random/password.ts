import { randomInt } from "node:crypto";
import type { RandomPasswordArgs } from "@pulumi/random";
import { hash } from "bcryptjs";
import type { Plain } from "../shared/properties.ts";
import { resource, type Problem } from "../shared/resource.ts";
import { hasUnknown } from "../shared/unknown.ts";

type Inputs = Plain<RandomPasswordArgs>;

const specialCharacters = "!@#$%&*()-_=+[]{}<>:?";
/** Go's bcrypt.DefaultCost, which the official provider takes. */
const bcryptCost = 10;

/** A password. Like the official provider it is made once and stays until an argument changes. */
export const randomPassword = resource<Inputs>({
  computed: ["bcryptHash", "result"],
  properties: {
    length: { change: "replace", covers: true },
    lower: { change: "replace", covers: true, default: true },
    upper: { change: "replace", covers: true, default: true },
    numeric: { change: "replace", covers: true, default: true },
    special: { change: "replace", covers: true, default: true },
    minLower: { change: "replace", covers: true, default: 0 },
    minUpper: { change: "replace", covers: true, default: 0 },
    minNumeric: { change: "replace", covers: true, default: 0 },
    minSpecial: { change: "replace", covers: true, default: 0 },
    overrideSpecial: { change: "replace", covers: true },
    keepers: { change: "replace", covers: true },
    // Deprecated in favour of `numeric`.
    number: false,
  },

  problems(inputs): readonly Problem[] {
    if (hasUnknown(inputs)) return [];
    const { length } = inputs;
    const classes = characterClasses(inputs);
    const minimum = classes.reduce((sum, { atLeast }) => sum + atLeast, 0);
    if (!Number.isInteger(length) || length < Math.max(1, minimum)) {
      const reason = `must be a whole number of at least ${Math.max(1, minimum)}, the sum of the minimums`;
      return [{ property: "length", reason }];
    }
    const isEmpty = classes.every(({ characters }) => characters === "");
    return isEmpty ? [{ property: "length", reason: "no class of characters is allowed" }] : [];
  },

  async create(inputs) {
    const result = generatePassword(inputs);
    return { id: "none", outputs: { result, bcryptHash: await hash(result, bcryptCost) } };
  },
});

/** A password that has at least the wanted number of characters of each class, in an even order. */
export function generatePassword(inputs: Inputs): string {
  const classes = characterClasses(inputs);
  const required = classes.flatMap(({ characters, atLeast }) => pick(characters, atLeast));
  const any = classes.map(({ characters }) => characters).join("");
  return shuffled([...required, ...pick(any, inputs.length - required.length)]).join("");
}

function characterClasses(inputs: Inputs): { characters: string; atLeast: number }[] {
  const { lower = true, upper = true, numeric = true, special = true, overrideSpecial } = inputs;
  return [
    { characters: lower ? "abcdefghijklmnopqrstuvwxyz" : "", atLeast: inputs.minLower ?? 0 },
    { characters: upper ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ" : "", atLeast: inputs.minUpper ?? 0 },
    { characters: numeric ? "0123456789" : "", atLeast: inputs.minNumeric ?? 0 },
    { characters: special ? overrideSpecial || specialCharacters : "", atLeast: inputs.minSpecial ?? 0 },
  ].map(({ characters, atLeast }) => ({ characters, atLeast: characters === "" ? 0 : atLeast }));
}

function pick(characters: string, count: number): string[] {
  return Array.from({ length: count }, () => characters.charAt(randomInt(characters.length)));
}

function shuffled<T>(items: readonly T[]): T[] {
  const result: T[] = [];
  for (const item of items) {
    const at = randomInt(result.length + 1);
    const [displaced] = result.splice(at, 1, item);
    if (displaced !== undefined) result.push(displaced);
  }
  return result;
}
