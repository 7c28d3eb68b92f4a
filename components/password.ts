import * as random from "@pulumi/random";
import type * as pulumi from "@pulumi/pulumi";

/**
 * A generated password. 32 letters and digits are 190 bits; special characters would have to be escaped in URLs and SQL.
 * @param rotation counter: another value makes a new password.
 */
export function password(name: string, rotation: number, options: pulumi.CustomResourceOptions): pulumi.Output<string> {
  const args = { length: 32, special: false };
  return new random.RandomPassword(name, args, { ...options, replacementTrigger: rotation }).result;
}
