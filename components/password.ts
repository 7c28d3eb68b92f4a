import * as random from "@pulumi/random";
import type * as pulumi from "@pulumi/pulumi";

/**
 * A generated password. 32 letters and digits are 190 bits; special characters would have to be escaped in URLs and SQL.
 * @param rotation counter: another value makes a new password.
 */
export function password(name: string, rotation: number, options: pulumi.CustomResourceOptions): pulumi.Output<string> {
  return hashedPassword(name, rotation, options).password;
}

/** A {@link password}, and its bcrypt hash for a program that keeps that. */
export function hashedPassword(
  name: string,
  rotation: number,
  options: pulumi.CustomResourceOptions,
): { readonly password: pulumi.Output<string>; readonly hash: pulumi.Output<string> } {
  const args = { length: 32, special: false };
  const { result, bcryptHash } = new random.RandomPassword(name, args, { ...options, replacementTrigger: rotation });
  return { password: result, hash: bcryptHash };
}
