import * as random from "@pulumi/random";

const { length } = JSON.parse(process.env["CONFORMANCE_VARIANT"] ?? "{}") as { length: number };

new random.RandomPassword("first", { length });
export const secret = new random.RandomPassword("second", { length, keepers: { of: "secret" } }).result;
