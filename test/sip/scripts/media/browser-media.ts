import { spawn } from "node:child_process";
import { createHmac, randomBytes, X509Certificate } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { EventEmitter, once } from "node:events";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";

/** Keys of the two directions as `inline:` of SDES would have them. */
export interface SrtpKeys {
  send: string;
  receive: string;
}

/** Milliseconds that each of the two steps may take. */
const limit = 15_000;
const profile = "SRTP_AES128_CM_SHA1_80";
const cookie = 0x2112a442;
const type = { request: 0x0001, success: 0x0101 } as const;
const attribute = {
  ...{ username: 0x0006, integrity: 0x0008, mapped: 0x0020, priority: 0x0024, useCandidate: 0x0025 },
  ...{ fingerprint: 0x8028, controlled: 0x8029, controlling: 0x802a },
} as const;

/**
 * What a browser does beside RTP: ICE with one IPv4 candidate (RFC 8445, STUN of RFC 8489), then a DTLS handshake (RFC 5764) by OpenSSL, which also
 * gives the keys. A stand-in for a browser, not one.
 */
export class BrowserMedia {
  readonly fragment = randomBytes(6).toString("hex");
  readonly password = randomBytes(16).toString("hex");
  readonly fingerprint: string;
  readonly #folder: string;
  readonly #events = new EventEmitter();
  #outer?: Socket;
  #inner?: Socket;
  #target?: { address: string; port: number };
  #started?: Promise<SrtpKeys>;
  /** Where OpenSSL is, once it is ready. */
  #openssl?: { port: number };
  #end: () => void = () => undefined;
  #timer?: NodeJS.Timeout;
  #controlling = false;
  /** DTLS that OpenSSL is not there for yet. */
  readonly #early: Buffer[] = [];

  private constructor(folder: string, fingerprint: string) {
    this.#folder = folder;
    this.fingerprint = fingerprint;
  }

  static async make(): Promise<BrowserMedia> {
    const folder = await mkdtemp(join(tmpdir(), "browser-"));
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "certificate.pem")];
    const made = spawn("openssl", ["req", "-x509", "-subj", "/CN=browser", "-days", "1", ...curve, ...files]);
    await once(made, "close");
    const { fingerprint256 } = new X509Certificate(await readFile(join(folder, "certificate.pem")));
    return new BrowserMedia(folder, fingerprint256);
  }

  /** Finds the way to the other side and agrees on keys with it, once. */
  start(outer: Socket, own: string, other: string): Promise<SrtpKeys> {
    return (this.#started ??= this.#agree(outer, own, other));
  }

  get target(): { address: string; port: number } | undefined {
    return this.#target;
  }

  /** A packet that is no RTP (RFC 7983). */
  take(packet: Buffer, { address, port }: { address: string; port: number }): void {
    const first = packet[0] ?? 255;
    if (first >= 20 && first < 64) {
      if (this.#openssl === undefined) this.#early.push(packet);
      else this.#inner?.send(packet, this.#openssl.port, "127.0.0.1");
    }
    if (first > 3 || packet.length < 20) return;
    if (packet.readUInt16BE(0) === type.request) {
      const mapped: [number, Buffer] = [attribute.mapped, xorAddress(address, port)];
      this.#outer?.send(stun(type.success, packet.subarray(8, 20), [mapped], this.password), port, address);
      if (attributesOf(packet).has(attribute.useCandidate)) this.#events.emit("nominated");
    } else if (packet.readUInt16BE(0) === type.success && this.#controlling) {
      // Each check of ours nominates.
      this.#events.emit("nominated");
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#end();
    this.#inner?.close();
  }

  async #agree(outer: Socket, own: string, other: string): Promise<SrtpKeys> {
    const field = (name: string, sdp = other) => {
      const value = new RegExp(`^a=${name}:(.*)\\r$`, "m").exec(sdp)?.[1];
      if (value === undefined) throw new Error(`there is no a=${name} in ${sdp}`);
      return value;
    };
    this.#outer = outer;
    const nominated = once(this.#events, "nominated", { signal: AbortSignal.timeout(limit) });
    const candidate = /^a=candidate:\S+ 1 UDP \d+ ([\d.]+) (\d+) typ host/im.exec(other);
    if (candidate === null) throw new Error(`there is no candidate in ${other}`);
    const [, address = "", port] = candidate;
    const target = (this.#target = { address, port: Number(port) });
    // The side that offered (RFC 8445 §6.1.1).
    this.#controlling = field("setup", own) === "actpass";
    const username = Buffer.from(`${field("ice-ufrag")}:${this.fragment}`);
    const password = field("ice-pwd");
    const check = () => {
      const attributes: [number, Buffer][] = [
        [attribute.username, username],
        [attribute.priority, Buffer.from([0x6e, 0, 0x1e, 0xff])],
        [this.#controlling ? attribute.controlling : attribute.controlled, Buffer.from(this.password.slice(0, 8))],
        ...(this.#controlling ? [[attribute.useCandidate, Buffer.alloc(0)] as [number, Buffer]] : []),
      ];
      outer.send(stun(type.request, randomBytes(12), attributes, password), target.port, target.address);
    };
    check();
    this.#timer = setInterval(check, 200);
    await nominated;
    const active = field("setup", own) === "active" || field("setup") === "passive";
    return this.#handshake(active, field("fingerprint"));
  }

  async #handshake(active: boolean, fingerprint: string): Promise<SrtpKeys> {
    const inner = (this.#inner = createSocket("udp4"));
    await new Promise<void>((resolve) => inner.bind(0, "127.0.0.1", resolve));
    const port = active ? 0 : await freePort();
    const end = active ? ["s_client", "-connect"] : ["s_server", "-Verify", "1", "-accept"];
    const command = [
      ...[...end, `127.0.0.1:${active ? inner.address().port : port}`, "-dtls1_2", "-use_srtp", profile],
      ...["-cert", join(this.#folder, "certificate.pem"), "-key", join(this.#folder, "key.pem")],
      ...["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", "60"],
    ];
    const child = spawn("openssl", command);
    const timer = setTimeout(() => child.kill(), limit);
    this.#end = () => child.kill();
    const ready = (at: number) => {
      this.#openssl = { port: at };
      for (const packet of this.#early.splice(0)) inner.send(packet, at, "127.0.0.1");
    };
    inner.on("message", (packet, from) => {
      ready(from.port);
      this.#outer?.send(packet, this.#target?.port ?? 0, this.#target?.address);
    });
    let output = "";
    const material = await new Promise<Buffer>((resolve, reject) => {
      const take = (chunk: Buffer) => {
        output += chunk.toString("latin1");
        if (output.includes("ACCEPT") && this.#openssl === undefined) ready(port);
        const hex = /Keying material: ([0-9A-F]{120})\b/.exec(output)?.[1];
        if (hex === undefined) return;
        clearTimeout(timer);
        resolve(Buffer.from(hex, "hex"));
      };
      child.stdout.on("data", take);
      child.stderr.on("data", take);
      child.once("close", () => reject(new Error(`openssl ${command.join(" ")}: ${output}`)));
    });
    const [pem = ""] = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/.exec(output) ?? [];
    const seen = `sha-256 ${new X509Certificate(pem).fingerprint256}`;
    if (seen !== fingerprint) throw new Error(`the certificate has ${seen}, the SDP ${fingerprint}`);
    if (!output.includes(`profile=${profile}`)) throw new Error(`another profile: ${output}`);
    // RFC 5764 §4.2: keys of client and server, then salts.
    const keys = [0, 16].map((at, index) =>
      Buffer.concat([material.subarray(at, at + 16), material.subarray(32 + 14 * index, 46 + 14 * index)]),
    );
    const [client = "", server = ""] = keys.map((key) => key.toString("base64"));
    return active ? { send: client, receive: server } : { send: server, receive: client };
  }
}

async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  socket.close();
  return port;
}

function stun(kind: number, transaction: Buffer, attributes: [number, Buffer][], key: string): Buffer {
  const encode = (code: number, value: Buffer) => {
    const head = Buffer.alloc(4);
    head.writeUInt16BE(code, 0);
    head.writeUInt16BE(value.length, 2);
    return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
  };
  const header = Buffer.alloc(8);
  header.writeUInt16BE(kind, 0);
  header.writeUInt32BE(cookie, 4);
  let message = Buffer.concat([header, transaction, ...attributes.map(([code, value]) => encode(code, value))]);
  // Both cover the length with themselves in it.
  message.writeUInt16BE(message.length - 20 + 24, 2);
  message = Buffer.concat([message, encode(attribute.integrity, createHmac("sha1", key).update(message).digest())]);
  message.writeUInt16BE(message.length - 20 + 8, 2);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE((crc32(message) ^ 0x5354554e) >>> 0, 0);
  return Buffer.concat([message, encode(attribute.fingerprint, sum)]);
}

function attributesOf(message: Buffer): Set<number> {
  const found = new Set<number>();
  for (let at = 20; at + 4 <= message.length; at += 4 + Math.ceil(message.readUInt16BE(at + 2) / 4) * 4) {
    found.add(message.readUInt16BE(at));
  }
  return found;
}

function xorAddress(address: string, port: number): Buffer {
  const value = Buffer.alloc(8);
  value.writeUInt8(1, 1);
  value.writeUInt16BE(port ^ (cookie >>> 16), 2);
  const number = address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  value.writeUInt32BE((number ^ cookie) >>> 0, 4);
  return value;
}
