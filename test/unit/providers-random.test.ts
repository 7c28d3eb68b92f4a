import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compare } from "bcryptjs";
import fc from "fast-check";
import { randomBytes, randomId } from "../../toolchain/providers/random/bytes.ts";
import { generatePassword, randomPassword } from "../../toolchain/providers/random/password.ts";

const operation = { signal: new AbortController().signal };

describe("generatePassword", () => {
  const least = fc.nat(4);
  const wishes = fc.record({ minLower: least, minUpper: least, minNumeric: least, minSpecial: least });

  it("has the length and the least number of each class that were asked for", () => {
    fc.assert(
      fc.property(wishes, fc.integer({ min: 16, max: 64 }), (minimums, length) => {
        const password = generatePassword({ length, ...minimums });
        const count = (pattern: RegExp): number => password.match(pattern)?.length ?? 0;
        return (
          password.length === length &&
          count(/[a-z]/g) >= minimums.minLower &&
          count(/[A-Z]/g) >= minimums.minUpper &&
          count(/[0-9]/g) >= minimums.minNumeric &&
          count(/[^a-zA-Z0-9]/g) >= minimums.minSpecial
        );
      }),
    );
  });

  it("uses no character of a class that was switched off", () => {
    const password = generatePassword({ length: 500, special: false, upper: false });
    assert.match(password, /^[a-z0-9]{500}$/);
  });

  it("takes the caller's special characters", () => {
    const only = { lower: false, upper: false, numeric: false };
    assert.match(generatePassword({ length: 50, overrideSpecial: "_-", ...only }), /^[_-]{50}$/);
  });

  it("does not put the required characters in fixed places", () => {
    const places = new Set<number>();
    for (let round = 0; round < 200; round++) {
      const only = { lower: true, upper: false, numeric: true, special: false };
      places.add(generatePassword({ length: 8, minNumeric: 1, ...only }).search(/[0-9]/));
    }
    assert.ok(places.size > 4, `first digit only ever at ${[...places].join()}`);
  });
});

describe("randomPassword", () => {
  it("gives the bcrypt hash of its result", async () => {
    const { outputs } = await randomPassword.create({ length: 24 }, operation);
    assert.ok(await compare(String(outputs.result), String(outputs.bcryptHash)));
    assert.match(String(outputs.bcryptHash), /^\$2[aby]\$10\$/);
  });

  it("refuses minimums that do not fit, and a password of nothing", () => {
    const nothing = { length: 4, lower: false, upper: false, numeric: false, special: false };
    assert.equal(randomPassword.problems?.({ length: 4, minLower: 5 }).length, 1);
    assert.equal(randomPassword.problems?.(nothing).length, 1);
    assert.deepEqual(randomPassword.problems?.({ length: 4, minLower: 4 }), []);
  });
});

describe("randomId and randomBytes", () => {
  it("write the same bytes in each notation", async () => {
    const { outputs } = await randomId.create({ byteLength: 6, prefix: "p-" }, operation);
    const bytes = Buffer.from(String(outputs.hex).slice(2), "hex");
    assert.equal(bytes.length, 6);
    assert.equal(outputs.b64Url, `p-${bytes.toString("base64url")}`);
    assert.equal(outputs.b64Std, `p-${bytes.toString("base64")}`);
    assert.equal(outputs.dec, `p-${BigInt(`0x${bytes.toString("hex")}`)}`);
  });
  it("have the length that was asked for", async () => {
    const { outputs } = await randomBytes.create({ length: 33 }, operation);
    assert.equal(Buffer.from(String(outputs.base64), "base64").length, 33);
    assert.equal(Buffer.from(String(outputs.hex), "hex").length, 33);
  });
});
