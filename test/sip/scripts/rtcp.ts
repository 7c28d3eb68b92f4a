/** What an end says of a stream that comes to it: a report block of RFC 3550 §6.4.1. */
export interface ReceptionReport {
  /** Share of the packets since the report before that did not come, 0 to 1. */
  lost: number;
  /** Interarrival jitter, milliseconds. */
  jitterMs: number;
  /** Since this end's last report got there and the answer came back, milliseconds; none before such a report got there. */
  roundTripMs?: number;
}

/** Samples in a second, of G.711. */
const clockRate = 8000;
const senderReport = 200;
const receiverReport = 201;
const sourceDescription = 202;
/** Seconds between the years 1900 and 1970. */
const ntpEpoch = 2_208_988_800;

/** Counts both directions of a stream of G.711, and writes and reads the reports on them (RFC 3550 §6.4, appendices A.3 and A.8). */
export class StreamReports {
  readonly #ssrc: number;
  #sent = { packets: 0, octets: 0, timestamp: 0 };
  #received?: { ssrc: number; first: number; highest: number; packets: number; transit: number; jitter: number };
  #before = { expected: 0, packets: 0 };
  /** The middle 32 bits of the far end's NTP time, and when they came. */
  #lastReport?: { ntp: number; at: number };

  constructor(ssrc: number) {
    this.#ssrc = ssrc;
  }

  /** An RTP packet that this end sends. */
  send(packet: Buffer): void {
    this.#sent.packets++;
    this.#sent.octets += packet.length - 12;
    this.#sent.timestamp = packet.readUInt32BE(4);
  }

  /** An RTP packet that came. */
  receive(packet: Buffer): void {
    const [sequence, timestamp, ssrc] = [packet.readUInt16BE(2), packet.readUInt32BE(4), packet.readUInt32BE(8)];
    const transit = Math.round((performance.now() * clockRate) / 1000) - timestamp;
    if (this.#received?.ssrc !== ssrc) {
      this.#received = { ssrc, first: sequence, highest: sequence, packets: 0, transit, jitter: 0 };
      this.#before = { expected: 0, packets: 0 };
    }
    const stream = this.#received;
    stream.packets++;
    // As a signed number of 16 bits: how far ahead this one is, over the wrap too.
    const ahead = ((sequence - stream.highest) << 16) >> 16;
    if (ahead > 0) stream.highest += ahead;
    stream.jitter += (Math.abs(transit - stream.transit) - stream.jitter) / 16;
    stream.transit = transit;
  }

  /** SR with a block on what came, if something did, and SDES. */
  write(): Buffer {
    const now = Date.now();
    const seconds = Math.floor(now / 1000) + ntpEpoch;
    const fraction = Math.floor(((now % 1000) / 1000) * 2 ** 32);
    const { packets, octets, timestamp } = this.#sent;
    const words = [seconds >>> 0, fraction, timestamp, packets, octets];
    const block = this.#block();
    const report = Buffer.alloc(8 + 4 * words.length);
    report[0] = 0x80 | (block.length > 0 ? 1 : 0);
    report[1] = senderReport;
    report.writeUInt32BE(this.#ssrc, 4);
    for (const [index, word] of words.entries()) report.writeUInt32BE(word, 8 + 4 * index);
    report.writeUInt16BE((report.length + block.length) / 4 - 1, 2);
    // CNAME (1), ended by at least one zero.
    const name = Buffer.from("phone");
    const description = Buffer.alloc(8 + Math.ceil((2 + name.length + 1) / 4) * 4);
    description.set([0x81, sourceDescription, 0, description.length / 4 - 1]);
    description.writeUInt32BE(this.#ssrc, 4);
    description.set([1, name.length, ...name], 8);
    return Buffer.concat([report, block, description]);
  }

  /** Takes a compound packet, and returns what it says of this end's stream. */
  read(compound: Buffer): ReceptionReport[] {
    const found: ReceptionReport[] = [];
    for (let at = 0; at + 8 <= compound.length;) {
      const packet = compound.subarray(at, at + (compound.readUInt16BE(at + 2) + 1) * 4);
      at += packet.length;
      const [type, blocks] = [packet[1], (packet[0] ?? 0) & 0x1f];
      if (type === senderReport) this.#lastReport = { ntp: packet.readUInt32BE(10), at: performance.now() };
      if (type !== senderReport && type !== receiverReport) continue;
      const start = type === senderReport ? 28 : 8;
      for (let index = 0; index < blocks; index++) {
        const block = packet.subarray(start + 24 * index, start + 24 * (index + 1));
        if (block.length === 24 && block.readUInt32BE(0) === this.#ssrc) found.push(reception(block));
      }
    }
    return found;
  }

  #block(): Buffer {
    const stream = this.#received;
    if (stream === undefined) return Buffer.alloc(0);
    const expected = stream.highest - stream.first + 1;
    const [lately, came] = [expected - this.#before.expected, stream.packets - this.#before.packets];
    this.#before = { expected, packets: stream.packets };
    const block = Buffer.alloc(24);
    block.writeUInt32BE(stream.ssrc, 0);
    block[4] = lately > 0 ? Math.min(255, Math.max(0, Math.floor(((lately - came) * 256) / lately))) : 0;
    block.writeIntBE(Math.max(-(2 ** 23), Math.min(2 ** 23 - 1, expected - stream.packets)), 5, 3);
    block.writeUInt32BE(stream.highest >>> 0, 8);
    block.writeUInt32BE(Math.floor(stream.jitter), 12);
    if (this.#lastReport !== undefined) {
      block.writeUInt32BE(this.#lastReport.ntp, 16);
      block.writeUInt32BE(Math.floor((performance.now() - this.#lastReport.at) * 65.536), 20);
    }
    return block;
  }
}

function reception(block: Buffer): ReceptionReport {
  const report: ReceptionReport = {
    lost: (block[4] ?? 0) / 256,
    jitterMs: (block.readUInt32BE(12) * 1000) / clockRate,
  };
  const [last, delay] = [block.readUInt32BE(16), block.readUInt32BE(20)];
  if (last === 0) return report;
  const now = Date.now() / 1000 + ntpEpoch;
  // Both in 1/65536 s, of which 32 bits are 18 hours.
  const middle = Math.floor((now % 65_536) * 65_536);
  return { ...report, roundTripMs: (((middle - last - delay) | 0) * 1000) / 65_536 };
}
