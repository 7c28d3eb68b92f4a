import { randomBytes as bytesOf } from "node:crypto";
import type { RandomBytesArgs, RandomIdArgs } from "@pulumi/random";
import type { Plain } from "../shared/properties.ts";
import { resource, type Problem } from "../shared/resource.ts";
import { isUnknown } from "../shared/unknown.ts";

/** Random bytes that are a secret or a key. */
export const randomBytes = resource<Plain<RandomBytesArgs>>({
  computed: ["base64", "hex"],
  properties: {
    length: { change: "replace", covers: true },
    keepers: { change: "replace", covers: true },
  },
  problems: ({ length }) => lengthProblems("length", length),
  async create({ length }) {
    const bytes = bytesOf(length);
    return { id: "none", outputs: { base64: bytes.toString("base64"), hex: bytes.toString("hex") } };
  },
});

/** A random identifier in several notations, each behind the same prefix. */
export const randomId = resource<Plain<RandomIdArgs>>({
  computed: ["b64Std", "b64Url", "dec", "hex"],
  properties: {
    byteLength: { change: "replace", covers: true },
    keepers: { change: "replace", covers: true },
    prefix: { change: "replace", covers: true },
  },
  problems: ({ byteLength }) => lengthProblems("byteLength", byteLength),
  async create({ byteLength, prefix = "" }) {
    const bytes = bytesOf(byteLength);
    const id = bytes.toString("base64url");
    return {
      id,
      outputs: {
        b64Std: prefix + bytes.toString("base64"),
        b64Url: prefix + id,
        dec: prefix + BigInt(`0x${bytes.toString("hex")}`).toString(),
        hex: prefix + bytes.toString("hex"),
      },
    };
  },
});

function lengthProblems(property: string, length: number): Problem[] {
  return isUnknown(length) || (Number.isInteger(length) && length >= 1)
    ? []
    : [{ property, reason: "must be a whole number of at least 1" }];
}
