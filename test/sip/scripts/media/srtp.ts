import { createCipheriv, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** Bytes of the authentication tag of AES_CM_128_HMAC_SHA1_80 (RFC 3711 §5.2). */
export const tagBytes = 10;

/** One direction of an SRTP stream with AES_CM_128_HMAC_SHA1_80, for less than 2^16 packets from a low sequence number on. */
export class SrtpContext {
  /** Key and salt as `inline:` has them. */
  readonly inline: string;
  readonly #key: Buffer;
  readonly #salt: Buffer;
  readonly #authentication: Buffer;

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
    const packet = Buffer.concat([rtp.subarray(0, 12), this.#crypt(rtp)]);
    return Buffer.concat([packet, this.#tag(packet)]);
  }

  /** The payload, or undefined for a packet that the other side has not made. */
  unprotect(srtp: Buffer): Buffer | undefined {
    if (srtp.length < 12 + tagBytes) return undefined;
    const packet = srtp.subarray(0, -tagBytes);
    return timingSafeEqual(srtp.subarray(-tagBytes), this.#tag(packet)) ? this.#crypt(packet) : undefined;
  }

  #tag(packet: Buffer): Buffer {
    // The roll-over counter is 0.
    return createHmac("sha1", this.#authentication)
      .update(packet)
      .update(Buffer.alloc(4))
      .digest()
      .subarray(0, tagBytes);
  }

  #crypt(packet: Buffer): Buffer {
    const iv = Buffer.concat([this.#salt, Buffer.alloc(2)]);
    for (let index = 0; index < 4; index++)
      iv.writeUInt8(iv.readUInt8(4 + index) ^ packet.readUInt8(8 + index), 4 + index);
    for (let index = 0; index < 2; index++) {
      iv.writeUInt8(iv.readUInt8(12 + index) ^ packet.readUInt8(2 + index), 12 + index);
    }
    return keystream(this.#key, iv, packet.subarray(12));
  }
}

function keystream(key: Buffer, iv: Buffer, data: Buffer): Buffer {
  const cipher = createCipheriv("aes-128-ctr", key, iv);
  return Buffer.concat([cipher.update(data), cipher.final()]);
}
