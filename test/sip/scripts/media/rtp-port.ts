import { createSocket, type Socket } from "node:dgram";
import { BrowserMedia } from "./browser-media.ts";
import { SrtpContext } from "./srtp.ts";

/** What a media port has seen. */
export interface MediaReport {
  port: number;
  sent: number;
  received: number;
  /** Received packets that are SRTP of the other side; 0 where the media is plain. */
  authentic: number;
  /** Received payloads by their first byte, the mark of their sender: mark → packets. */
  heard: Record<string, number>;
  /** `address:port` of the senders. */
  sources: string[];
  /** Longest time without a packet, from the first one on, in milliseconds. */
  gapMs: number;
}

/** One end of an audio stream: sends 50 packets a second, each filled with the mark of the sender. */
export class RtpPort {
  own = new SrtpContext();
  /** Of a browser: what it says in SDP beside the port. */
  readonly browser: BrowserMedia | undefined;
  readonly #socket: Socket;
  readonly #mark: number;
  #other?: SrtpContext;
  #secure = false;
  #target?: { address: string; port: number };
  #timer?: NodeJS.Timeout;
  #packets = 0;
  #report: MediaReport;
  #heardAt?: number;

  private constructor(socket: Socket, mark: number, browser?: BrowserMedia) {
    this.#socket = socket;
    this.browser = browser;
    this.#mark = mark;
    this.#report = empty(socket.address().port);
    socket.on("message", (packet, from) => {
      browser?.take(packet, from);
      this.#take(packet, `${from.address}:${from.port}`);
    });
  }

  static async open(address: string, mark: number, { browser = false } = {}): Promise<RtpPort> {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    await new Promise<void>((resolve) => socket.bind(0, address, resolve));
    return new RtpPort(socket, mark, browser ? await BrowserMedia.make() : undefined);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Sends to where the SDP of the other side says, encrypted when both sides have given a key. */
  async start(own: string, sdp: string): Promise<void> {
    if (this.browser !== undefined) {
      const { send, receive } = await this.browser.start(this.#socket, own, sdp);
      this.own = new SrtpContext(send);
      this.#other = new SrtpContext(receive);
      this.#secure = true;
      this.#target = this.browser.target;
      this.#timer ??= setInterval(() => this.#send(), 20);
      return;
    }
    const address = /^c=IN IP[46] (\S+)/m.exec(sdp)?.[1];
    const port = Number(/^m=audio (\d+)/m.exec(sdp)?.[1] ?? 0);
    const inline = /^a=crypto:\d+ AES_CM_128_HMAC_SHA1_80 inline:([A-Za-z0-9+/=]+)/m.exec(sdp)?.[1];
    this.#secure = inline !== undefined && own.includes("a=crypto:");
    if (inline !== undefined && inline !== this.#other?.inline) this.#other = new SrtpContext(inline);
    if (address !== undefined && port !== 0) this.#target = { address, port };
    this.#timer ??= setInterval(() => this.#send(), 20);
  }

  /** What was seen since the last call. */
  report(): MediaReport {
    this.#quiet();
    const report = this.#report;
    this.#report = empty(this.port);
    this.#heardAt = undefined;
    return report;
  }

  close(): void {
    clearInterval(this.#timer);
    this.browser?.close();
    this.#socket.close();
  }

  #send(): void {
    if (this.#target === undefined) return;
    const rtp = Buffer.alloc(172, this.#mark);
    rtp.writeUInt16BE(0x8000, 0);
    // The numbers begin anew, and SRTP's roll-over counter counts, within the first second.
    rtp.writeUInt16BE((0xffef + this.#packets) & 0xffff, 2);
    rtp.writeUInt32BE(this.#packets * 160, 4);
    rtp.writeUInt32BE(0x1000 + this.#mark, 8);
    this.#packets += 1;
    this.#socket.send(this.#secure ? this.own.protect(rtp) : rtp, this.#target.port, this.#target.address);
    this.#report.sent += 1;
  }

  #quiet(): void {
    const quiet = this.#heardAt === undefined ? 0 : performance.now() - this.#heardAt;
    this.#report.gapMs = Math.max(this.#report.gapMs, Math.round(quiet));
  }

  #take(packet: Buffer, source: string): void {
    if (packet.length < 13 || packet.readUInt8(0) >> 6 !== 2) return;
    this.#quiet();
    this.#heardAt = performance.now();
    const report = this.#report;
    report.received += 1;
    if (!report.sources.includes(source)) report.sources.push(source);
    const payload = this.#secure ? this.#other?.unprotect(packet) : packet.subarray(12);
    if (payload === undefined) return;
    if (this.#secure) report.authentic += 1;
    const mark = String(payload[0]);
    report.heard[mark] = (report.heard[mark] ?? 0) + 1;
  }
}

const empty = (port: number): MediaReport => ({
  ...{ port, sent: 0, received: 0, authentic: 0 },
  heard: {},
  sources: [],
  gapMs: 0,
});
