import { createCipheriv, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** Bytes of the authentication tag of AES_CM_128_HMAC_SHA1_80 (RFC 3711 §5.2). */
export const tagBytes = 10;

/** One direction of an SRTP stream with AES_CM_128_HMAC_SHA1_80. */
export class SrtpContext {
  /** Key and salt as `inline:` has them. */
  readonly inline: string;
  readonly #key: Buffer;
  readonly #salt: Buffer;
  readonly #authentication: Buffer;
  /** How often the sequence numbers have begun anew, and the highest one since. */
  #turn = 0;
  #highest?: number;

  constructor(inline = randomBytes(30).toString("base64")) {
    this.inline = inline;
    const master = Buffer.from(inline, "base64");
    const derive = (label: number, bytes: number) => {
      // RFC 3711 §4.3.1 with a key derivation rate of 0.
      const iv = Buffer.concat([master.subarray(16, 30), Buffer.alloc(2)]);
      iv.writeUInt8(iv.readUInt8(7) ^ label, 7);
      return keystream(master.subarray(0, 16), iv, Buffer.alloc(bytes));
    };
    this.#key = derive(0, 16);
    this.#authentication = derive(1, 20);
    this.#salt = derive(2, 14);
  }

  protect(rtp: Buffer): Buffer {
    const turn = this.#turnOf(rtp);
    const packet = Buffer.concat([rtp.subarray(0, 12), this.#crypt(rtp, turn)]);
    this.#advance(rtp, turn);
    return Buffer.concat([packet, this.#tag(packet, turn)]);
  }

  /** The payload, or undefined for a packet that the other side has not made. */
  unprotect(srtp: Buffer): Buffer | undefined {
    if (srtp.length < 12 + tagBytes) return undefined;
    const packet = srtp.subarray(0, -tagBytes);
    const turn = this.#turnOf(packet);
    if (!timingSafeEqual(srtp.subarray(-tagBytes), this.#tag(packet, turn))) return undefined;
    this.#advance(packet, turn);
    return this.#crypt(packet, turn);
  }

  /** The roll-over counter of a packet (RFC 3711, appendix A). A stream may begin anywhere: Asterisk's do. */
  #turnOf(rtp: Buffer): number {
    const sequence = rtp.readUInt16BE(2);
    const distance = sequence - (this.#highest ?? sequence);
    if (distance < -0x8000) return this.#turn + 1;
    return distance > 0x8000 && this.#turn > 0 ? this.#turn - 1 : this.#turn;
  }

  #advance(rtp: Buffer, turn: number): void {
    const sequence = rtp.readUInt16BE(2);
    if (turn < this.#turn || (turn === this.#turn && sequence < (this.#highest ?? 0))) return;
    [this.#turn, this.#highest] = [turn, sequence];
  }

  #tag(packet: Buffer, turn: number): Buffer {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(turn);
    return createHmac("sha1", this.#authentication).update(packet).update(counter).digest().subarray(0, tagBytes);
  }

  #crypt(packet: Buffer, turn: number): Buffer {
    const iv = Buffer.concat([this.#salt, Buffer.alloc(2)]);
    const number = Buffer.alloc(10);
    packet.copy(number, 0, 8, 12);
    number.writeUInt32BE(turn, 4);
    packet.copy(number, 8, 2, 4);
    for (const [index, byte] of number.entries()) iv.writeUInt8(iv.readUInt8(4 + index) ^ byte, 4 + index);
    return keystream(this.#key, iv, packet.subarray(12));
  }
}

function keystream(key: Buffer, iv: Buffer, data: Buffer): Buffer {
  const cipher = createCipheriv("aes-128-ctr", key, iv);
  return Buffer.concat([cipher.update(data), cipher.final()]);
}
