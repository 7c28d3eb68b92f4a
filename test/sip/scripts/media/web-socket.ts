import { randomBytes } from "node:crypto";
import { connect, type TLSSocket } from "node:tls";

/** A WebSocket (RFC 6455) for SIP, over TLS whose certificate is not looked at, from a page of any origin: Node's own allows neither. */
export class WebSocketClient {
  readonly #socket: TLSSocket;
  #buffer: Buffer;
  #take: (text: string) => void = () => undefined;

  private constructor(socket: TLSSocket, rest: Buffer) {
    this.#socket = socket;
    this.#buffer = rest;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  /** @throws with the status when the server has another answer than a WebSocket. */
  static async open(server: { address: string; port: number }, origin?: string): Promise<WebSocketClient> {
    const socket = connect({ host: server.address, port: server.port, rejectUnauthorized: false });
    socket.on("error", () => undefined);
    const lines = [
      "GET / HTTP/1.1",
      `Host: ${server.address}:${server.port}`,
      ...["Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13"],
      `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
      "Sec-WebSocket-Protocol: sip",
      ...(origin === undefined ? [] : [`Origin: ${origin}`]),
    ];
    socket.write([...lines, "", ""].join("\r\n"));
    let answer = "";
    for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      answer += chunk.toString("latin1");
      if (answer.includes("\r\n\r\n")) break;
    }
    const [head = "", ...rest] = answer.split("\r\n\r\n");
    if (!head.startsWith("HTTP/1.1 101 ")) {
      socket.destroy();
      throw new Error(`no WebSocket: ${head.split("\r\n")[0]}`);
    }
    return new WebSocketClient(socket, Buffer.from(rest.join("\r\n\r\n"), "latin1"));
  }

  send = (text: string): void => this.#frame(1, Buffer.from(text, "latin1"));

  close = (): void => void this.#socket.destroy();

  listen = (take: (text: string) => void): void => {
    this.#take = take;
  };

  #frame(code: number, payload: Buffer): void {
    const length = payload.length;
    const head = length < 126 ? Buffer.from([0x80 | code, 0x80 | length]) : Buffer.from([0x80 | code, 0xfe, 0, 0]);
    if (length >= 126) head.writeUInt16BE(length, 2);
    const mask = randomBytes(4);
    this.#socket.write(Buffer.concat([head, mask, payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0))]));
  }

  /** The server's frames are whole and not masked. */
  #read(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    while (this.#buffer.length >= 2) {
      const short = this.#buffer.readUInt8(1) & 0x7f;
      const start = short === 126 ? 4 : 2;
      if (this.#buffer.length < start) return;
      const length = short === 126 ? this.#buffer.readUInt16BE(2) : short;
      if (this.#buffer.length < start + length) return;
      const code = this.#buffer.readUInt8(0) & 0x0f;
      const payload = this.#buffer.subarray(start, start + length);
      this.#buffer = this.#buffer.subarray(start + length);
      // 9: ping, 10: pong.
      if (code === 9) this.#frame(10, Buffer.from(payload));
      else if (code === 1 || code === 2) this.#take(payload.toString("latin1"));
    }
  }
}
