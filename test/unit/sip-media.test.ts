import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeAlaw, decodeUlaw, encodeUlaw, noise, tone, toneShare } from "../sip/audio.ts";
import { mediaOf, returned, rtpPackets } from "../sip/rtp.ts";
import { SrtpContext } from "../sip/scripts/media/srtp.ts";

/** A pcap file of one frame each: Ethernet, IPv4, UDP, the given UDP payload. */
function pcap(...packets: { from: string; to: string; data: Buffer }[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt32LE(1, 20);
  return Buffer.concat([header, ...packets.flatMap(({ from, to, data }) => record(from, to, data))]);
}

function record(from: string, to: string, data: Buffer): Buffer[] {
  const frame = Buffer.alloc(42 + data.length);
  frame.writeUInt16BE(0x0800, 12);
  frame.writeUInt8(0x45, 14);
  frame.writeUInt8(17, 23);
  for (const [text, address, port] of [
    [from, 26, 34],
    [to, 30, 36],
  ] as const) {
    const [host = "", number = ""] = text.split(":");
    Buffer.from(host.split(".").map(Number)).copy(frame, address);
    frame.writeUInt16BE(Number(number), port);
  }
  frame.writeUInt16BE(8 + data.length, 38);
  data.copy(frame, 42);
  const head = Buffer.alloc(16);
  head.writeUInt32LE(frame.length, 8);
  return [head, frame];
}

const rtp = (payloadType: number, payload: string) =>
  Buffer.concat([Buffer.from([0x80, payloadType, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9]), Buffer.from(payload)]);

describe("test audio", () => {
  it("keeps a sample's value within the step of its µ-law segment", () => {
    for (const sample of [0, 1, -1, 100, -100, 5000, -5000, 32000, -32000]) {
      const error = Math.abs(decodeUlaw(encodeUlaw(sample)) - sample);
      assert.ok(error <= Math.max(8, Math.abs(sample) / 16), `${sample}: off by ${error}`);
    }
  });

  it("reads A-law: the smallest steps around zero, and the ends of the range", () => {
    assert.deepEqual([0xd5, 0x55, 0xaa, 0x2a].map(decodeAlaw), [8, -8, 32256, -32256]);
  });

  it("finds a tone where it is and nowhere else", () => {
    assert.ok(toneShare(tone(1000, 1), 1000) > 0.99);
    assert.ok(toneShare(tone(1000, 1), 1500) < 0.01);
    assert.ok(toneShare(noise(1, 1), 1000) < 0.01);
    assert.equal(toneShare(Buffer.alloc(0), 1000), 0);
  });

  it("makes noise without two equal packets", () => {
    const audio = noise(4, 7);
    const packets = Array.from({ length: 200 }, (_, index) => audio.toString("latin1", index * 160, index * 160 + 160));
    assert.equal(new Set(packets).size, 200);
  });
});

describe("RTP in a capture", () => {
  const [phone, relay] = ["10.0.0.5:6000", "10.0.0.4:30000"];

  it("is told apart by direction, with RTCP left out", () => {
    const packets = rtpPackets(
      pcap(
        { from: phone, to: relay, data: rtp(0, "one") },
        { from: relay, to: phone, data: rtp(0x80 | 0, "two") },
        { from: relay, to: phone, data: rtp(200 & 0x7f, "report") },
        { from: relay, to: phone, data: Buffer.from("no rtp") },
      ),
    );
    const { sent, received } = mediaOf(packets, "10.0.0.5");
    assert.deepEqual(
      sent.map(({ to, payload }) => [to, payload.toString()]),
      [[relay, "one"]],
    );
    assert.deepEqual(
      received.map(({ from, payload }) => [from, payload.toString()]),
      [[relay, "two"]],
    );
  });

  it("counts as returned only what was sent, byte for byte", () => {
    const packets = rtpPackets(
      pcap(
        { from: phone, to: relay, data: rtp(0, "one") },
        { from: relay, to: phone, data: rtp(0, "one") },
        { from: relay, to: phone, data: rtp(0, "onf") },
      ),
    );
    assert.equal(returned(mediaOf(packets, "10.0.0.5")), 1);
  });

  it("is refused in a format that is not understood", () => {
    assert.throws(() => rtpPackets(Buffer.from("nonsense")), /not a little-endian pcap/);
  });
});

describe("test SRTP", () => {
  const packet = (number: number) => {
    const rtp = Buffer.alloc(20, number);
    rtp.writeUInt16BE(0x8000, 0);
    rtp.writeUInt16BE(number & 0xffff, 2);
    return rtp;
  };

  it("understands a stream whose numbers begin anew, with packets late or lost at that very point", () => {
    const sender = new SrtpContext();
    const receiver = new SrtpContext(sender.inline);
    const numbers = Array.from({ length: 40 }, (_, index) => 0xfff0 + index);
    const sent = numbers.map((number) => sender.protect(packet(number)));
    const order = numbers.map((_, index) => index).filter((index) => index !== 15);
    [order[14], order[17]] = [order[17] ?? 0, order[14] ?? 0];
    for (const index of order) {
      const expected = packet(numbers[index] ?? 0).subarray(12);
      assert.deepEqual(receiver.unprotect(sent[index] ?? Buffer.alloc(0)), expected, `packet ${index}`);
    }
  });

  it("takes no packet of another key, and none that was changed", () => {
    const sender = new SrtpContext();
    const sent = sender.protect(packet(1));
    assert.equal(new SrtpContext().unprotect(sent), undefined);
    sent.writeUInt8(sent.readUInt8(13) ^ 1, 13);
    assert.equal(new SrtpContext(sender.inline).unprotect(sent), undefined);
  });
});
