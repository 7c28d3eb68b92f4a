import { createHash, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { WebSocketClient } from "./web-socket.ts";

export interface PhoneSettings {
  transport: "udp" | "tcp" | "tls" | "wss";
  /** Of the page that a browser has the phone from. */
  origin?: string;
  /** The edge. */
  edge: { address: string; port: number };
  domain: string;
  /** Own address, as it is. */
  address: string;
  /** Address that the phone believes to have: in Via, Contact and SDP. Default: its own. */
  claimed?: string;
  /** Port of UDP. Default: any that is free. */
  localPort?: number;
  /** Of the device, PEM, for a port that asks for it. */
  certificate?: { certificate: string; key: string };
  user: string;
  password: string;
}

export interface Message {
  /** Of a response. */
  status: number;
  /** Of a request. */
  method: string;
  /** Name in lower case → values, in order. */
  headers: Map<string, string[]>;
  body: string;
}

/** How long anything is waited for, in milliseconds. */
const limit = 15_000;

/** A SIP phone without comfort: one call at a time, no retransmissions (its network loses nothing). */
export class SipPhone {
  readonly settings: PhoneSettings;
  readonly claimed: string;
  readonly #send: (data: string) => void;
  readonly #close: () => void;
  readonly #localPort: number;
  readonly #inbox: Message[] = [];
  /** When its connection was closed (Unix, in milliseconds), if it has one and it was. */
  closedAt?: number;
  #wake: () => void = () => undefined;
  #sequence = 0;
  #challenge?: { header: string; value: string };

  private constructor(
    settings: PhoneSettings,
    connection: { send: (data: string) => void; close: () => void; localPort: number },
    listen: (take: (text: string) => void) => void,
  ) {
    this.settings = settings;
    this.claimed = settings.claimed ?? settings.address;
    this.#send = connection.send;
    this.#close = connection.close;
    this.#localPort = connection.localPort;
    listen((text) => this.#take(text));
  }

  static async open(settings: PhoneSettings): Promise<SipPhone> {
    const { edge, address, transport } = settings;
    if (transport === "wss") {
      const socket = await WebSocketClient.open(edge, settings.origin);
      const { send, close, listen } = socket;
      return new SipPhone(settings, { send, close, localPort: 0 }, listen);
    }
    if (transport === "udp") {
      const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
      await new Promise<void>((resolve) => socket.bind(settings.localPort ?? 0, address, resolve));
      return new SipPhone(
        settings,
        {
          send: (data) => socket.send(data, edge.port, edge.address),
          close: () => socket.close(),
          localPort: socket.address().port,
        },
        (take) => socket.on("message", (packet) => take(packet.toString("latin1"))),
      );
    }
    const { certificate: cert, key } = settings.certificate ?? {};
    const socket = await new Promise<Socket>((resolve, reject) => {
      const made: Socket =
        transport === "tls"
          ? connectTls({ host: edge.address, port: edge.port, cert, key, rejectUnauthorized: false }, () =>
              resolve(made),
            )
          : connectTcp(edge.port, edge.address, () => resolve(made));
      made.once("error", reject);
    });
    socket.on("error", () => undefined);
    let buffer = "";
    const phone: SipPhone = new SipPhone(
      settings,
      { send: (data) => socket.write(data, "latin1"), close: () => socket.destroy(), localPort: socket.localPort ?? 0 },
      (take) =>
        socket.setEncoding("latin1").on("data", (chunk: string) => {
          buffer += chunk;
          for (;;) {
            buffer = buffer.replace(/^(\r\n)+/, "");
            const head = buffer.indexOf("\r\n\r\n");
            if (head < 0) return;
            const length = Number(/^content-length\s*:\s*(\d+)/im.exec(buffer.slice(0, head))?.[1] ?? 0);
            if (buffer.length < head + 4 + length) return;
            take(buffer.slice(0, head + 4 + length));
            buffer = buffer.slice(head + 4 + length);
          }
        }),
    );
    socket.once("close", () => (phone.closedAt = Date.now()));
    return phone;
  }

  close(): void {
    this.#close();
  }

  /** Where it believes to be. */
  get #at(): string {
    // A script does not know where its browser is (RFC 7118 §5).
    if (this.settings.transport === "wss") return `${this.settings.user}.invalid`;
    const host = this.claimed.includes(":") ? `[${this.claimed}]` : this.claimed;
    return `${host}:${this.#localPort}`;
  }

  /** Registers, or with 0 seconds unregisters; returns the final status. */
  async register(seconds = 120): Promise<number> {
    const { domain, user } = this.settings;
    const callId = id();
    for (let attempt = 0; ; attempt++) {
      this.request("REGISTER", `sip:${domain}`, {
        from: `<sip:${user}@${domain}>;tag=${id()}`,
        to: `<sip:${user}@${domain}>`,
        callId,
        extra: [`Expires: ${seconds}`],
      });
      const { status, ...answer } = await this.next(
        ({ status, headers }) => status >= 200 && first(headers, "call-id") === callId,
      );
      if (status !== 401 || attempt > 0) return status;
      this.#challenge = { header: "Authorization", value: first(answer.headers, "www-authenticate") };
    }
  }

  /** Sends a request. Digest credentials go with it when a challenge is at hand. */
  request(
    method: string,
    uri: string,
    options: {
      from: string;
      to: string;
      callId: string;
      routes?: readonly string[];
      extra?: readonly string[];
      body?: string;
      /** Of an ACK: number of the request. */
      sequence?: number;
      /** Of an ACK to a refusal: branch of the request. */
      branch?: string;
    },
  ): { sequence: number; branch: string } {
    const { transport, user } = this.settings;
    const sequence = options.sequence ?? ++this.#sequence;
    const branch = options.branch ?? `z9hG4bK${id()}`;
    const at = this.#at;
    const challenge = this.#challenge;
    this.#challenge = undefined;
    const body = options.body ?? "";
    this.#send(
      [
        `${method} ${uri} SIP/2.0`,
        `Via: SIP/2.0/${transport.toUpperCase()} ${at};rport;branch=${branch}`,
        ...(options.routes ?? []).map((route) => `Route: ${route}`),
        "Max-Forwards: 70",
        `From: ${options.from}`,
        `To: ${options.to}`,
        `Call-ID: ${options.callId}`,
        `CSeq: ${sequence} ${method}`,
        `Contact: <sip:${user}@${at};transport=${transport.replace("wss", "ws")}>`,
        ...(challenge ? [`${challenge.header}: ${this.#digest(method, uri, challenge.value)}`] : []),
        ...(options.extra ?? []),
        ...(body === "" ? [] : ["Content-Type: application/sdp"]),
        `Content-Length: ${body.length}`,
        "",
        body,
      ].join("\r\n"),
    );
    return { sequence, branch };
  }

  respond(request: Message, status: string, body = "", tag = "here"): void {
    const to = first(request.headers, "to");
    this.#send(
      [
        `SIP/2.0 ${status}`,
        ...["via", "record-route"].flatMap((name) =>
          (request.headers.get(name) ?? []).map((value) => `${name}: ${value}`),
        ),
        `From: ${first(request.headers, "from")}`,
        `To: ${/;tag=/.test(to) ? to : `${to};tag=${tag}`}`,
        `Call-ID: ${first(request.headers, "call-id")}`,
        `CSeq: ${first(request.headers, "cseq")}`,
        `Contact: <sip:${this.settings.user}@${this.#at};transport=${this.settings.transport.replace("wss", "ws")}>`,
        ...(body === "" ? [] : ["Content-Type: application/sdp"]),
        `Content-Length: ${body.length}`,
        "",
        body,
      ].join("\r\n"),
    );
  }

  /** Answers the challenge of a response with the next request. */
  answerChallenge({ headers }: Message): void {
    this.#challenge = { header: "Proxy-Authorization", value: first(headers, "proxy-authenticate") };
  }

  /** The next message that is looked for; others are dropped. @throws when none comes in time. */
  async next(wanted: (message: Message) => boolean): Promise<Message> {
    const end = Date.now() + limit;
    for (;;) {
      const found = this.#inbox.findIndex(wanted);
      if (found >= 0) {
        const message = this.#inbox[found];
        this.#inbox.splice(0, found + 1);
        if (message !== undefined) return message;
      }
      if (Date.now() > end)
        throw new Error(`${this.settings.user}: waited ${limit} ms in vain; ${this.#inbox.length} other messages`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, end - Date.now() + 1);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #take(text: string): void {
    const message = parse(text);
    if (message.method === "OPTIONS") return this.respond(message, "200 OK");
    this.#inbox.push(message);
    this.#wake();
  }

  #digest(method: string, uri: string, challenge: string): string {
    const { user, password } = this.settings;
    const field = (name: string) => new RegExp(`${name}="?([^",]+)`).exec(challenge)?.[1] ?? "";
    const md5 = (text: string) => createHash("md5").update(text).digest("hex");
    const cnonce = id();
    const ha1 = md5(`${user}:${field("realm")}:${password}`);
    const response = md5(`${ha1}:${field("nonce")}:00000001:${cnonce}:auth:${md5(`${method}:${uri}`)}`);
    return (
      `Digest username="${user}", realm="${field("realm")}", nonce="${field("nonce")}", uri="${uri}", ` +
      `qop=auth, nc=00000001, cnonce="${cnonce}", response="${response}", algorithm=MD5`
    );
  }
}

export const id = (): string => randomBytes(6).toString("hex");

export const first = (headers: Message["headers"], name: string): string => headers.get(name)?.[0] ?? "";

function parse(text: string): Message {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [start = "", ...lines] = head.split("\r\n");
  const headers = new Map<string, string[]>();
  const short: Record<string, string> = {
    v: "via",
    f: "from",
    t: "to",
    i: "call-id",
    m: "contact",
    l: "content-length",
  };
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim().toLowerCase();
    const key = short[name] ?? name;
    headers.set(key, [...(headers.get(key) ?? []), line.slice(colon + 1).trim()]);
  }
  const status = Number(/^SIP\/2\.0 (\d+)/.exec(start)?.[1] ?? 0);
  return { status, method: status === 0 ? (start.split(" ")[0] ?? "") : "", headers, body: rest.join("\r\n\r\n") };
}
