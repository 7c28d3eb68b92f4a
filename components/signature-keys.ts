import * as pulumi from "@pulumi/pulumi";
import type { Config } from "./config-parse.ts";
import { password } from "./password.ts";

/** The keys of `X-Company-Signature`: id → key, generated unless the operator gave one; secret. A new key leaves the others alone. */
export function signatureKeys({ keys }: Config["signature"]): Readonly<Record<string, pulumi.Output<string>>> {
  return Object.fromEntries(
    keys.map(({ id, key, rotation }) => [
      id,
      key === undefined ? password(`signature-key-${id}`, rotation, {}) : pulumi.secret(key),
    ]),
  );
}
