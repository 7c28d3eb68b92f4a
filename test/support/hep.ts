import assert from "node:assert/strict";

/** A packet of HEP, as far as the tests look. */
export interface Hep {
  /** Address that the message came from. */
  source: string;
  destination: string;
  /** 1 SIP, 5 RTCP as JSON. */
  type: number;
  /** Who has taken the copy. */
  captureId: number;
  payload: string;
}

/** Chunks of the vendor 0, by the number of their type (HEP3 network protocol specification, rev. 36, §3.2). */
const chunks = { source: 3, destination: 4, type: 11, captureId: 12, payload: 15 } as const;

/** Decodes a packet of version 3: `HEP3`, its length, and chunks of vendor, type, length and value. The npm package for it is under the AGPL. */
export function decodeHep(packet: Buffer): Hep {
  assert.equal(packet.toString("latin1", 0, 4), "HEP3", "no HEP version 3");
  assert.equal(packet.readUInt16BE(4), packet.length, "the length in the header");
  const values = new Map<number, Buffer>();
  for (let at = 6; at < packet.length;) {
    const length = packet.readUInt16BE(at + 4);
    assert.ok(length >= 6 && at + length <= packet.length, "a chunk ends behind its packet");
    if (packet.readUInt16BE(at) === 0) values.set(packet.readUInt16BE(at + 2), packet.subarray(at + 6, at + length));
    at += length;
  }
  const chunk = (name: keyof typeof chunks) => values.get(chunks[name]) ?? assert.fail(`there is no chunk ${name}`);
  return {
    source: [...chunk("source")].join("."),
    destination: [...chunk("destination")].join("."),
    type: chunk("type").readUInt8(),
    captureId: chunk("captureId").readUInt32BE(),
    payload: chunk("payload").toString("utf8"),
  };
}
