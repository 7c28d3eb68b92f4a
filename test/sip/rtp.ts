/** RTP as a capture file saw it. */

export interface RtpPacket {
  /** `address:port` of the sender. */
  from: string;
  /** `address:port` of the receiver. */
  to: string;
  payloadType: number;
  sequence: number;
  ssrc: number;
  payload: Buffer;
}

/** Reads a pcap file (classic format, Ethernet, IPv4, no VLAN) and returns its RTP packets, RTCP left out. */
export function rtpPackets(pcap: Buffer): RtpPacket[] {
  const littleEndian = pcap.length >= 24 && pcap.readUInt32LE(0) === 0xa1b2c3d4;
  if (!littleEndian || pcap.readUInt32LE(20) !== 1)
    throw new Error("not a little-endian pcap file of an Ethernet device");
  const packets: RtpPacket[] = [];
  for (let offset = 24; offset + 16 <= pcap.length;) {
    const length = pcap.readUInt32LE(offset + 8);
    const frame = pcap.subarray(offset + 16, offset + 16 + length);
    offset += 16 + length;
    const packet = rtpPacket(frame);
    if (packet) packets.push(packet);
  }
  return packets;
}

function rtpPacket(frame: Buffer): RtpPacket | undefined {
  const ipv4 = frame.length > 34 && frame.readUInt16BE(12) === 0x0800 && frame.readUInt8(14) >> 4 === 4;
  if (!ipv4 || frame.readUInt8(23) !== 17) return undefined;
  const udp = 14 + (frame.readUInt8(14) & 0x0f) * 4;
  const rtp = frame.subarray(udp + 8, udp + frame.readUInt16BE(udp + 4));
  if (rtp.length < 12 || rtp.readUInt8(0) >> 6 !== 2) return undefined;
  const payloadType = rtp.readUInt8(1) & 0x7f;
  // RFC 5761 §4: 64 … 95 are RTCP on a shared port.
  if (payloadType >= 64 && payloadType <= 95) return undefined;
  const address = (start: number) => frame.subarray(start, start + 4).join(".");
  return {
    from: `${address(26)}:${frame.readUInt16BE(udp)}`,
    to: `${address(30)}:${frame.readUInt16BE(udp + 2)}`,
    payloadType,
    sequence: rtp.readUInt16BE(2),
    ssrc: rtp.readUInt32BE(8),
    payload: rtp.subarray(12 + (rtp.readUInt8(0) & 0x0f) * 4),
  };
}

/** What a host sent and got. */
export interface Media {
  sent: RtpPacket[];
  received: RtpPacket[];
}

/** Splits a capture by direction, seen from the host with the given IPv4 address. */
export function mediaOf(packets: readonly RtpPacket[], address: string): Media {
  return {
    sent: packets.filter(({ from }) => from.startsWith(`${address}:`)),
    received: packets.filter(({ to }) => to.startsWith(`${address}:`)),
  };
}

/** How many of the received payloads are, byte for byte, one that was sent. */
export function returned({ sent, received }: Media): number {
  const known = new Set(sent.map(({ payload }) => payload.toString("latin1")));
  return received.filter(({ payload }) => known.has(payload.toString("latin1"))).length;
}
