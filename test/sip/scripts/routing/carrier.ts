import { createSocket } from "node:dgram";
import { createServer as createTcp, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { createServer as createTls } from "node:tls";
import { Message, type Header } from "../message.ts";
import { audioSdp, ownAddress } from "../phone.ts";

/**
 * Hosts of carriers: they take requests until so many calls have ended or their time is over, and print what each got:
 * `{ requests: { method, uri, from, at }[], together: number }[]`, `at` in milliseconds since 1970, `together` the most calls at once. No media.
 */
interface Input {
  hosts: Host[];
  /** Default: their time is over. */
  calls?: number;
  limitMs: number;
}

interface Host {
  transport: "udp" | "tcp" | "tls";
  port: number;
  /** With TLS, PEM. */
  certificate?: string;
  key?: string;
  /** What it answers INVITE with; 0: nothing, to any request. */
  answer: number;
  /** What it answers OPTIONS with. Default 200. */
  options?: number;
}

const input = JSON.parse(await text(process.stdin)) as Input;
let ended = 0;

/** One host and what it has got. */
class Carrier {
  readonly requests: { method: string; uri: string; from: string; at: number }[] = [];
  together = 0;
  readonly #host: Host;
  readonly #open = new Set<string>();

  constructor(host: Host) {
    this.#host = host;
    const { transport, port, certificate: cert, key } = host;
    if (transport === "udp") {
      const socket = createSocket("udp4");
      socket.on("message", (packet, { address, port: from }) =>
        this.#take(Message.parse(packet.toString("latin1")), (reply) => socket.send(reply, from, address)),
      );
      socket.bind(port);
      return;
    }
    const serve = (stream: Socket) => this.#serve(stream);
    const server = transport === "tls" ? createTls({ cert, key }, serve) : createTcp(serve);
    // A handshake that the edge breaks off is no error of this end.
    server.on("tlsClientError", () => undefined).listen(port);
  }

  #take(request: Message, reply: (answer: string) => void): void {
    const { method } = request;
    const { answer, options = 200, port, transport } = this.#host;
    if (request.status > 0) return;
    this.requests.push({ method, uri: request.uri, from: request.get("from"), at: Date.now() });
    if (answer === 0 || method === "ACK") return;
    const callId = request.get("call-id");
    if (method === "INVITE" && answer === 200) this.#open.add(callId);
    this.together = Math.max(this.together, this.#open.size);
    const status = method === "INVITE" ? answer : method === "OPTIONS" ? options : 200;
    const body = method === "INVITE" && status === 200 ? audioSdp(20_000) : "";
    const to = request.get("to");
    const copied = (["via", "record-route", "from", "call-id", "cseq"] as const).flatMap((name) =>
      request.all(name).map((value): Header => [name, value]),
    );
    const headers: Header[] = [
      ...copied,
      ["To", to.includes(";tag=") ? to : `${to};tag=carrier`],
      ["Contact", `<sip:carrier@${ownAddress}:${port};transport=${transport}>`],
      ...(body === "" ? [] : [["Content-Type", "application/sdp"] as const]),
    ];
    reply(new Message(`SIP/2.0 ${status} Test`, headers, body).toString());
    if ((method === "BYE" && this.#open.delete(callId)) || (method === "INVITE" && status >= 300)) ended++;
    // The answer has to get out.
    if (ended === input.calls) setTimeout(end, 200);
  }

  #serve(stream: Socket): void {
    let buffer = "";
    stream.setEncoding("latin1").on("data", (chunk: string) => {
      buffer += chunk;
      for (;;) {
        buffer = buffer.replace(/^(\r\n)+/, "");
        const head = buffer.indexOf("\r\n\r\n");
        if (head < 0) return;
        const length = Number(/^(?:content-length|l)\s*:\s*(\d+)/im.exec(buffer.slice(0, head + 2))?.[1] ?? 0);
        if (buffer.length < head + 4 + length) return;
        this.#take(Message.parse(buffer.slice(0, head + 4 + length)), (reply) => stream.write(reply));
        buffer = buffer.slice(head + 4 + length);
      }
    });
    stream.on("error", () => undefined);
  }
}

const carriers = input.hosts.map((host) => new Carrier(host));
setTimeout(end, input.limitMs);

function end(): void {
  const results = carriers.map(({ requests, together }) => ({ requests, together }));
  process.stdout.write(JSON.stringify(results), () => process.exit(0));
}
