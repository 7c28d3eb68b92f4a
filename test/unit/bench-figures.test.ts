import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { costBar, isMet, renderBar } from "../bench/monitoring/cost.ts";
import { baselineLocal, baselineScript, type BaselineSettings } from "../bench/sip/baseline.ts";
import { highestRate, isFlat, median, pairedRatios, percentile, spread } from "../bench/sip/figures.ts";

describe("figures of a benchmark", () => {
  it("have the middle value of an odd count, and the mean of the two in the middle of an even one", () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert.throws(() => median([]), /no values/);
  });

  it("have a percentile that is one of the values, and not exceeded by that share of them", () => {
    assert.equal(percentile([5, 1, 4, 2, 3], 0.95), 5);
    assert.equal(percentile([1, 2, 3, 4], 0.5), 2);
    fc.assert(
      fc.property(
        fc.array(fc.integer(), { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, share) => {
          const value = percentile(values, share);
          const within = values.filter((other) => other <= value).length;
          assert.ok(values.includes(value) && within >= share * values.length);
        },
      ),
    );
  });

  it("compare run by run, and only what has run equally often", () => {
    assert.deepEqual(pairedRatios([2, 3], [4, 3]), [0.5, 1]);
    assert.throws(() => pairedRatios([1], []), /equally often/);
    assert.equal(spread([2, 1, 3], 1), "1.0 … 3.0");
  });

  it("find the highest rate that holds to within a step, in a bounded number of tries", async () => {
    const range = { low: 50, high: 1600, step: 50 };
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 3000 }), async (limit) => {
        let tries = 0;
        const found = await highestRate(range, (rate) => {
          tries += 1;
          return Promise.resolve(rate <= limit);
        });
        const wanted = limit < 50 ? 0 : Math.min(1600, Math.floor(limit / 50) * 50);
        assert.equal(found, wanted);
        assert.ok(tries <= 7, `${tries} tries`);
      }),
    );
  });

  it("call level what does not grow after its warm-up, and growing what does", () => {
    const readings = (last: number) => [1, 90, 100, 100, 100, 100, last, last];
    assert.equal(isFlat(readings(104), { share: 0.05, least: 0 }), true);
    assert.equal(isFlat(readings(106), { share: 0.05, least: 0 }), false);
    assert.equal(isFlat(readings(106), { share: 0.05, least: 10 }), true);
    assert.throws(() => isFlat([1, 2, 3], { share: 0, least: 0 }), /too few/);
  });
});

describe("a bar of monitoring", () => {
  it("is the median of what was measured in the same round, with both sides' own medians", () => {
    const bar = costBar("a call", [110, 330, 102], [100, 300, 100], 1.1);
    assert.equal(bar.value.toFixed(2), "1.10");
    assert.equal(bar.detail, "3 pairs, 1.02 … 1.10; 110 µs, without 100 µs");
    assert.throws(() => costBar("a call", [1], [], 1), /equally often/);
  });

  it("is kept at its very value, missed above it, and missed by what is no number", () => {
    const bar = { what: "series", value: 5000, most: 5000, unit: "", digits: 0, detail: "" };
    assert.equal(isMet(bar), true);
    assert.match(renderBar(bar), /^met /);
    for (const value of [5001, NaN, -Math.max()]) {
      assert.equal(isMet({ ...bar, value }), false);
      assert.match(renderBar({ ...bar, value }), /^MISSED /);
    }
  });
});

describe("the configuration that is compared with", () => {
  const settings: BaselineSettings = {
    address: "127.0.0.2",
    domain: "sip.example.test",
    databaseUrl: "mysql://user:secret@127.0.0.1:3306/kamailio",
    unlimited: ["127.0.0.21"],
    gateway: { address: "127.0.0.10", port: 5060 },
    rtpengine: { address: "127.0.0.4", port: 22222 },
  };
  const packaged =
    'pstn.gw_ip = "" desc\npstn.gw_port = "" desc\nmodparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:2223")\n\tif(src_ip!=myself) {\n';

  it("is the packaged one but for addresses and the load generator's exemption", () => {
    assert.equal(
      baselineScript(packaged, settings),
      'pstn.gw_ip = "127.0.0.10" desc\npstn.gw_port = "5060" desc\nmodparam("rtpengine", "rtpengine_sock", "udp:127.0.0.4:22222")\n\tif(src_ip!=myself && src_ip!=127.0.0.21) {\n',
    );
  });

  it("is refused when the packaged one has changed, instead of measuring something else", () => {
    assert.throws(
      () => baselineScript(packaged.replace("src_ip!=myself", "other"), settings),
      /has 0 times: if\(src_ip/,
    );
    assert.throws(() => baselineScript(packaged + packaged, settings), /has 2 times/);
  });

  it("has every feature that ours has as well", () => {
    for (const feature of ["MYSQL", "AUTH", "USRLOCDB", "NAT", "ANTIFLOOD", "ACCDB"]) {
      assert.match(baselineLocal(settings), new RegExp(`^#!define WITH_${feature}$`, "m"));
    }
  });
});
