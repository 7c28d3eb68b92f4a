import { createHash, randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";

/** Where the edge is, and as whom to talk to it. */
export interface Peer {
  address: string;
  port: number;
  domain: string;
  user: string;
  password: string;
}

/** First line of an answer or a request. */
export const firstLine = (message: string) => message.split("\r\n")[0] ?? "";
export const statusOf = (message: string) => Number(/^SIP\/2\.0 (\d+)/.exec(message)?.[1] ?? 0);
export const headerOf = (message: string, name: string) =>
  new RegExp(`^${name}[ \\t]*:[ \\t]*(.*)$`, "im").exec(message)?.[1]?.trim() ?? "";
export const token = () => randomBytes(6).toString("hex");

const md5 = (text: string) => createHash("md5").update(text).digest("hex");

/** Credentials for a challenge of the edge (MD5, qop auth; RFC 7616), `count` being how often its nonce has been used. */
export function credentials(peer: Peer, challenge: string, method: string, uri: string, count = 1): string {
  const nonce = /nonce="([^"]+)"/.exec(challenge)?.[1] ?? "";
  const nc = count.toString(16).padStart(8, "0");
  const ha1 = md5(`${peer.user}:${peer.domain}:${peer.password}`);
  const response = md5(`${ha1}:${nonce}:${nc}:c:auth:${md5(`${method}:${uri}`)}`);
  const name = statusOf(challenge) === 401 ? "Authorization" : "Proxy-Authorization";
  return (
    `${name}: Digest username="${peer.user}", realm="${peer.domain}", nonce="${nonce}", uri="${uri}", qop=auth, ` +
    `nc=${nc}, cnonce="c", response="${response}", algorithm=MD5`
  );
}

/** One UDP socket that knows the edge. */
export class Line {
  readonly received: string[] = [];
  readonly #socket: Socket;
  readonly #peer: Peer;
  readonly #listeners = new Set<() => void>();

  private constructor(socket: Socket, peer: Peer) {
    this.#socket = socket;
    this.#peer = peer;
    socket.on("message", (message) => {
      this.received.push(message.toString("latin1"));
      for (const listener of this.#listeners) listener();
    });
  }

  static async open(peer: Peer, port = 0): Promise<Line> {
    const socket = createSocket({ type: "udp4", recvBufferSize: 4 << 20 });
    await new Promise<void>((resolve) => socket.bind(port, resolve));
    return new Line(socket, peer);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  send(message: string | Buffer): void {
    this.#socket.send(
      typeof message === "string" ? Buffer.from(message, "latin1") : message,
      this.#peer.port,
      this.#peer.address,
    );
  }

  /** The first message that fits, or undefined after the time. */
  async next(fits: (message: string) => boolean, waitMs: number): Promise<string | undefined> {
    const end = Date.now() + waitMs;
    for (;;) {
      const found = this.received.find(fits);
      if (found !== undefined || Date.now() >= end) return found;
      await new Promise<void>((resolve) => {
        const done = () => {
          this.#listeners.delete(done);
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(done, end - Date.now());
        this.#listeners.add(done);
      });
    }
  }

  close(): void {
    this.#socket.close();
  }
}

/** Lines of a request with what every request has. */
export function request(
  line: Line,
  own: string,
  method: string,
  uri: string,
  fields: { from: string; to: string; callId: string; cseq: number; extra?: readonly string[]; body?: string },
): string {
  const body = fields.body ?? "";
  return [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/UDP ${own}:${line.port};branch=z9hG4bK${token()};rport`,
    "Max-Forwards: 70",
    `From: ${fields.from}`,
    `To: ${fields.to}`,
    `Call-ID: ${fields.callId}`,
    `CSeq: ${fields.cseq} ${method}`,
    `Contact: <sip:caller@${own}:${line.port}>`,
    ...(fields.extra ?? []),
    ...(body === "" ? [] : ["Content-Type: application/sdp"]),
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}

export const offer = (own: string, port = 40000) =>
  [
    "v=0",
    `o=- 1 1 IN IP4 ${own}`,
    "s=-",
    `c=IN IP4 ${own}`,
    "t=0 0",
    `m=audio ${port} RTP/AVP 0`,
    "a=rtpmap:0 PCMU/8000",
    "",
  ].join("\r\n");
