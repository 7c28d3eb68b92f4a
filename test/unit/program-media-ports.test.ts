import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { mediaPorts, type MediaRange } from "../../components/media-ports.ts";

const ranges = fc
  .tuple(fc.integer({ min: 1024, max: 60000 }), fc.integer({ min: 40, max: 5000 }))
  .map(([portMin, size]) => ({ portMin, portMax: portMin + size - 1 }));
const shared: fc.Arbitrary<MediaRange> = ranges.chain((range) =>
  fc.constantFrom(
    { ...range, mode: "host" as const, publish: false },
    { ...range, mode: "bridge" as const, publish: true },
  ),
);
const several = fc.integer({ min: 2, max: 5 });

describe("the ports of RTPengines that share an address", () => {
  test("are inside the range, in equal and disjoint parts that begin with an even port", () => {
    fc.assert(
      fc.property(shared, several, (range, count) => {
        const parts = Array.from({ length: count }, (_, index) => mediaPorts(range, count, index));
        for (const [index, { portMin, portMax }] of parts.entries()) {
          assert.ok(portMin >= range.portMin && portMax <= range.portMax && portMin % 2 === 0);
          assert.equal(portMax - portMin, (parts[0]?.portMax ?? 0) - (parts[0]?.portMin ?? 0));
          assert.ok(index === 0 || portMin > (parts[index - 1]?.portMax ?? 0));
        }
      }),
    );
  });
});

test("an RTPengine that is alone, or has an address of its own, has the whole range", () => {
  fc.assert(
    fc.property(ranges, several, ({ portMin, portMax }, count) => {
      const whole = { portMin, portMax };
      assert.deepEqual(mediaPorts({ ...whole, mode: "host", publish: false }, 1, 0), whole);
      assert.deepEqual(mediaPorts({ ...whole, mode: "bridge", publish: false }, count, count - 1), whole);
    }),
  );
});
