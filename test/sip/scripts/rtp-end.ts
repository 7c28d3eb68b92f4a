import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { StreamReports, type ReceptionReport } from "./rtcp.ts";

/** Payload type of RFC 4733 events in the tests' SDP. */
export const eventType = 101;

/** One end of a media stream: sends 20 ms a packet and keeps what comes in. */
export class RtpEnd {
  readonly #socket: Socket;
  #remote?: { address: string; port: number; rtcp: number };
  #rtcp?: Socket;
  #reporting?: NodeJS.Timeout;
  #reports?: StreamReports;
  #timer?: NodeJS.Timeout;
  #sequence = 1;
  #timestamp = 0;
  #listeners = new Set<() => void>();
  /** Every packet so far. */
  readonly received: { type: number; payload: Buffer; from: string }[] = [];
  /** What the far end said of this one's stream, in order; nothing without {@link report}. */
  readonly told: ReceptionReport[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (packet, { address, port }) => {
      if (packet.length < 12) return;
      this.#reports?.receive(packet);
      this.received.push({
        type: (packet[1] ?? 0) & 0x7f,
        payload: packet.subarray(12),
        from: `${address}:${port}`,
      });
      for (const listener of this.#listeners) listener();
    });
  }

  static async open(): Promise<RtpEnd> {
    const socket = createSocket("udp4");
    socket.bind(0);
    await once(socket, "listening");
    return new RtpEnd(socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Takes the far end from its SDP. */
  connect(sdp: string): void {
    const address = /^c=IN IP4 (\S+)/m.exec(sdp)?.[1];
    const port = /^m=audio (\d+)/m.exec(sdp)?.[1];
    if (address === undefined || port === undefined) return;
    // RFC 3605, or else RFC 3550 §11.
    const rtcp = /^a=rtcp:(\d+)/m.exec(sdp)?.[1];
    this.#remote = { address, port: Number(port), rtcp: Number(rtcp ?? Number(port) + 1) };
  }

  /** From here on counts, and sends a report by RTCP so often, from the port after that of the audio. */
  async report(everyMs: number): Promise<void> {
    const rtcp = (this.#rtcp = createSocket("udp4"));
    const reports = (this.#reports = new StreamReports(this.port));
    rtcp.on("message", (packet) => this.told.push(...reports.read(packet)));
    rtcp.bind(this.port + 1);
    await once(rtcp, "listening");
    this.#reporting = setInterval(() => {
      if (this.#remote !== undefined) rtcp.send(reports.write(), this.#remote.rtcp, this.#remote.address);
    }, everyMs);
  }

  /** Sends audio, again and again; a call before replaces it. `losing`: one packet of so many gets lost on the way. */
  play(audio: Buffer, type = 0, losing = Infinity): void {
    clearInterval(this.#timer);
    let offset = 0;
    this.#timer = setInterval(() => {
      if (this.#sequence % losing === 0) this.#sequence++;
      else this.#send(type, audio.subarray(offset, offset + 160), this.#timestamp);
      this.#timestamp += 160;
      offset = offset + 320 > audio.length ? 0 : offset + 160;
    }, 20);
  }

  /** Sends no audio until the next {@link play}. */
  pause(): void {
    clearInterval(this.#timer);
  }

  /** Sends one digit as an event of 100 ms (RFC 4733 §2.5.1.3: the last packet three times), and pauses as a finger does (65 ms and more, ITU-T Q.24). */
  async digit(digit: string): Promise<void> {
    const event = "0123456789*#".indexOf(digit);
    const start = this.#timestamp;
    for (let step = 1; step <= 7; step++) {
      const end = step >= 5;
      this.#send(eventType, Buffer.from([event, (end ? 0x80 : 0) | 10, 0, Math.min(step, 5) * 160]), start, step === 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.#timestamp += 800;
    await new Promise((resolve) => setTimeout(resolve, 80));
  }

  /** The digits that arrived as events, each once. */
  get digits(): string {
    const events = this.received.filter(({ type }) => type === eventType);
    return events
      .filter(({ payload }, index) => {
        const ended = ((payload[1] ?? 0) & 0x80) !== 0;
        const before = events[index - 1];
        return ended && (before === undefined || ((before.payload[1] ?? 0) & 0x80) === 0);
      })
      .map(({ payload }) => "0123456789*#"[payload[0] ?? 0])
      .join("");
  }

  /** The payload of the next packets of a type, as Base64. @throws when they do not come within the limit. */
  async hear(packets = 50, type = 0, limitMs = 10_000): Promise<string> {
    const start = this.received.length;
    const heard = () => this.received.slice(start).filter((packet) => packet.type === type);
    await this.#until(`${packets} packets of type ${type}`, () => heard().length >= packets, limitMs);
    return Buffer.concat(heard().map(({ payload }) => payload)).toString("base64");
  }

  /** Waits for these digits. */
  hearDigits(wanted: string, limitMs = 10_000): Promise<void> {
    return this.#until(`digits ${wanted}`, () => this.digits === wanted, limitMs);
  }

  close(): void {
    clearInterval(this.#timer);
    clearInterval(this.#reporting);
    this.#socket.close();
    this.#rtcp?.close();
  }

  #send(type: number, payload: Buffer, timestamp: number, marker = false): void {
    if (this.#remote === undefined) return;
    const header = Buffer.alloc(12);
    header[0] = 0x80;
    header[1] = (marker ? 0x80 : 0) | type;
    header.writeUInt16BE(this.#sequence++ & 0xffff, 2);
    header.writeUInt32BE(timestamp >>> 0, 4);
    header.writeUInt32BE(this.port, 8);
    const packet = Buffer.concat([header, payload]);
    this.#reports?.send(packet);
    this.#socket.send(packet, this.#remote.port, this.#remote.address);
  }

  #until(what: string, condition: () => boolean, limitMs: number): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const listener = () => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#listeners.delete(listener);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#listeners.delete(listener);
        reject(
          new Error(`no ${what} within ${limitMs} ms; ${this.received.length} packets in all, digits "${this.digits}"`),
        );
      }, limitMs);
      this.#listeners.add(listener);
    });
  }
}
