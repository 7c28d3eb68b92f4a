import { createHash, randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { connect as connectTcp, type Socket as TcpSocket } from "node:net";
import { networkInterfaces } from "node:os";
import { connect as connectTls } from "node:tls";
import { Inbox } from "./inbox.ts";
import { Message, uriOf, type Header } from "./message.ts";
import { eventType, RtpEnd } from "./rtp-end.ts";

/** Where phones register, as the tests hand it to a script. */
export interface Edge {
  address: string;
  domain: string;
  ports: { udp: number; tcp: number; tls: number };
  /** CA of the TLS port, PEM. */
  ca: string;
}

export interface PhoneOptions {
  edge: Edge;
  name: string;
  password: string;
  transport?: "udp" | "tcp" | "tls";
  /** Parameters of the Contact, e.g. `;+sip.instance="<urn:uuid:…>"`. */
  contactParameters?: string;
}

/** What goes with a request. */
interface Hooks {
  body?: string;
  /** Every answer, retransmissions included. */
  onAnswer?: (answer: Message) => void;
  onSend?: (request: Message) => void;
}

const id = () => randomBytes(8).toString("hex");
const md5 = (text: string) => createHash("md5").update(text).digest("hex");
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** This container's own address. */
export const ownAddress: string =
  Object.values(networkInterfaces())
    .flat()
    .find((one) => one !== undefined && one.family === "IPv4" && !one.internal)?.address ?? "127.0.0.1";

/** A phone as far as the tests need one: registers, calls and is called, and says what it sees. Real audio, no SRTP. */
export class Phone {
  readonly options: PhoneOptions;
  readonly transport: "udp" | "tcp" | "tls";
  /** Calls of others that nobody has taken yet. */
  readonly calls = new Inbox<Call>();
  /** Requests outside any call, answered with 200. */
  readonly requests = new Inbox<Message>();
  readonly #open = new Map<string, Call>();
  readonly #answers = new Map<string, (answer: Message) => void>();
  readonly #sent = new Map<string, string>();
  #udp?: Socket;
  #stream?: TcpSocket;
  #port = 0;
  #registration = { id: id(), sequence: 1 };

  private constructor(options: PhoneOptions) {
    this.options = options;
    this.transport = options.transport ?? "udp";
  }

  static async open(options: PhoneOptions): Promise<Phone> {
    const phone = new Phone(options);
    const { address, domain, ports, ca } = options.edge;
    if (phone.transport === "udp") {
      phone.#udp = createSocket("udp4");
      phone.#udp.on("message", (packet) => {
        if (packet.length > 4) phone.#receive(Message.parse(packet.toString("latin1")));
      });
      phone.#udp.bind(0);
      await once(phone.#udp, "listening");
      phone.#port = phone.#udp.address().port;
      return phone;
    }
    const tls = phone.transport === "tls";
    phone.#stream = tls
      ? connectTls({ host: address, port: ports.tls, servername: domain, ca })
      : connectTcp({ host: address, port: ports.tcp });
    await once(phone.#stream, tls ? "secureConnect" : "connect");
    phone.#port = phone.#stream.localPort ?? 0;
    phone.#readStream(phone.#stream);
    return phone;
  }

  get domain(): string {
    return this.options.edge.domain;
  }

  /** Where others reach this phone. */
  get contact(): string {
    const transport = this.transport === "udp" ? "" : `;transport=${this.transport}`;
    return `<sip:${this.options.name}@${ownAddress}:${this.#port}${transport}>`;
  }

  get from(): string {
    return `<sip:${this.options.name}@${this.domain}>`;
  }

  /** Registers, or with 0 unregisters. `again`: the same Call-ID as another phone, which this one then is at a new address. */
  async register(expires = 300, again?: Phone): Promise<Message> {
    if (again !== undefined) this.#registration = again.#registration;
    const fields: Header[] = [
      ["From", `${this.from};tag=${id()}`],
      ["To", this.from],
      ["Call-ID", this.#registration.id],
      ["Contact", `${this.contact}${this.options.contactParameters ?? ""}`],
      ["Expires", String(expires)],
    ];
    return this.authenticated("REGISTER", `sip:${this.domain}`, fields, () => this.#registration.sequence++);
  }

  /** Sends a request outside of calls, with the password when it is asked for, and returns the last answer. */
  async authenticated(
    method: string,
    uri: string,
    fields: readonly Header[],
    sequence: () => number,
    hooks: Hooks = {},
  ): Promise<Message> {
    const first = await this.transact(method, uri, [...fields, ["CSeq", `${sequence()} ${method}`]], hooks);
    if (first.status !== 401 && first.status !== 407) return first;
    const challenge = first.get(first.status === 401 ? "www-authenticate" : "proxy-authenticate");
    const part = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1] ?? "";
    const { name, password } = this.options;
    const ha1 = md5(`${name}:${part("realm")}:${password}`);
    const response = md5(`${ha1}:${part("nonce")}:00000001:c:auth:${md5(`${method}:${uri}`)}`);
    const credentials =
      `Digest username="${name}", realm="${part("realm")}", nonce="${part("nonce")}", uri="${uri}", ` +
      `qop=auth, nc=00000001, cnonce="c", response="${response}", algorithm=MD5`;
    const header = first.status === 401 ? "Authorization" : "Proxy-Authorization";
    const again: Header[] = [...fields, ["CSeq", `${sequence()} ${method}`], [header, credentials]];
    return this.transact(method, uri, again, hooks);
  }

  /** Calls somebody; the call's `answered` is the final answer. */
  call(to: string, options: { headers?: readonly Header[]; sdp?: (port: number) => string } = {}): Promise<Call> {
    return Call.start(this, to, options.headers ?? [], options.sdp);
  }

  /** The next call of somebody else, before it is answered. */
  called(limitMs?: number): Promise<Call> {
    return this.calls.take(`call of ${this.options.name}`, () => true, limitMs);
  }

  /** Sends a request and returns its final answer; over UDP it is repeated until something comes back. */
  async transact(
    method: string,
    uri: string,
    fields: readonly Header[],
    { body = "", onAnswer, onSend }: Hooks = {},
  ): Promise<Message> {
    const branch = `z9hG4bK${id()}`;
    const message = this.request(method, uri, fields, branch, body);
    onSend?.(message);
    return new Promise((resolve, reject) => {
      let heard = false;
      const key = `${branch} ${method}`;
      const limit = setTimeout(() => {
        this.#answers.delete(key);
        reject(new Error(`no final answer to ${method} ${uri} within 60 s`));
      }, 60_000);
      this.#answers.set(key, (answer) => {
        heard = true;
        onAnswer?.(answer);
        if (answer.status < 200) return;
        clearTimeout(limit);
        // An answer to INVITE may come again and wants another ACK.
        if (method !== "INVITE") this.#answers.delete(key);
        resolve(answer);
      });
      const repeat = async () => {
        for (let pause = 500; !heard && pause <= 8000; pause *= 2) {
          this.send(message);
          if (this.transport !== "udp") return;
          await sleep(pause);
        }
      };
      void repeat();
    });
  }

  /** A request with this phone's Via. */
  request(method: string, uri: string, fields: readonly Header[], branch: string, body = ""): Message {
    const via = `SIP/2.0/${this.transport.toUpperCase()} ${ownAddress}:${this.#port};rport;branch=${branch}`;
    return new Message(
      `${method} ${uri} SIP/2.0`,
      [["Via", via], ["Max-Forwards", "70"], ...fields, ...sdpType(body)],
      body,
    );
  }

  send(message: Message): void {
    const { address, ports } = this.options.edge;
    if (this.#udp) this.#udp.send(message.toString(), ports.udp, address);
    else this.#stream?.write(message.toString());
  }

  /** Answers a request outside a dialog, or within one of a call. */
  respond(
    request: Message,
    status: number,
    { tag = "", headers = [], body = "" }: { tag?: string; headers?: readonly Header[]; body?: string } = {},
  ): void {
    const to = request.get("to");
    const message = new Message(
      `SIP/2.0 ${status} Test`,
      [
        ...request.all("via").map((via): Header => ["Via", via]),
        ...request.all("record-route").map((route): Header => ["Record-Route", route]),
        ["From", request.get("from")],
        ["To", tag === "" || to.includes(";tag=") ? to : `${to};tag=${tag}`],
        ["Call-ID", request.get("call-id")],
        ["CSeq", request.get("cseq")],
        ["Contact", this.contact],
        ...headers,
        ...sdpType(body),
      ],
      body,
    );
    this.#sent.set(transaction(request), message.toString());
    this.send(message);
  }

  /** Follows the requests of a call. */
  add(callId: string, call: Call): void {
    this.#open.set(callId, call);
  }

  /** Goes away without a word, as a phone that lost its power. */
  close(): void {
    this.#udp?.close();
    this.#udp = undefined;
    this.#stream?.destroy();
    for (const call of this.#open.values()) call.rtp?.close();
  }

  #receive(message: Message): void {
    if (message.status > 0) {
      const branch = message.parameter("via", "branch");
      this.#answers.get(`${branch} ${message.method}`)?.(message);
      return;
    }
    const before = this.#sent.get(transaction(message));
    if (before !== undefined && message.method !== "ACK") {
      if (this.#udp) this.#udp.send(before, this.options.edge.ports.udp, this.options.edge.address);
      return;
    }
    const call = this.#open.get(message.get("call-id"));
    if (call !== undefined) void call.receive(message);
    else if (message.method === "INVITE") void Call.accept(this, message).then((fresh) => this.calls.push(fresh));
    else if (message.method !== "ACK") {
      this.requests.push(message);
      this.respond(message, message.method === "BYE" ? 481 : 200);
    }
  }

  #readStream(stream: TcpSocket): void {
    let buffer = "";
    stream.setEncoding("latin1").on("data", (chunk: string) => {
      buffer = (buffer + chunk).replace(/^(\r\n)+/, "");
      for (;;) {
        const end = buffer.indexOf("\r\n\r\n");
        if (end < 0) return;
        const length = Number(/^(?:content-length|l)\s*:\s*(\d+)/im.exec(buffer.slice(0, end + 2))?.[1] ?? 0);
        if (buffer.length < end + 4 + length) return;
        const text = buffer.slice(0, end + 4 + length);
        buffer = buffer.slice(end + 4 + length).replace(/^(\r\n)+/, "");
        this.#receive(Message.parse(text));
      }
    });
    stream.on("error", () => undefined);
  }
}

/** One call, from either side. */
export class Call {
  readonly phone: Phone;
  readonly callId: string;
  readonly localTag = id();
  /** Answers before the final one, and requests within the call; the latter are answered with 200 by themselves. */
  readonly seen = new Inbox<Message>();
  /** The INVITE that was sent or received. */
  invite: Message;
  /** Caller's side: the final answer. */
  answered: Promise<Message> = Promise.reject(new Error("this call was received"));
  rtp?: RtpEnd;
  /** Everything that came in, for a look afterwards. */
  readonly log: Message[] = [];
  #remoteTag = "";
  #remote = "";
  #local = "";
  #target = "";
  #routes: string[] = [];
  #sequence = 1;
  #version = 1;
  #sdp: (port: number) => string = (port) => audioSdp(port);
  #acked = new Map<string, Message>();

  private constructor(phone: Phone, callId: string, invite: Message) {
    this.phone = phone;
    this.callId = callId;
    this.invite = invite;
    this.answered.catch(() => undefined);
    phone.add(callId, this);
  }

  static async start(
    phone: Phone,
    to: string,
    headers: readonly Header[],
    sdp?: (port: number) => string,
  ): Promise<Call> {
    const call = new Call(phone, id(), new Message("", []));
    if (sdp) call.#sdp = sdp;
    call.rtp = await RtpEnd.open();
    const uri = to.startsWith("sip:") ? to : `sip:${to}@${phone.domain}`;
    call.#local = `${phone.from};tag=${call.localTag}`;
    call.#remote = `<${uri}>`;
    call.#target = uri;
    const fields: Header[] = [
      ["From", call.#local],
      ["To", call.#remote],
      ["Call-ID", call.callId],
      ["Contact", phone.contact],
      ...headers,
    ];
    call.answered = phone.authenticated("INVITE", uri, fields, () => call.#sequence++, {
      body: call.offer(),
      onAnswer: (answer) => call.#onAnswer(answer),
      onSend: (request) => (call.invite = request),
    });
    call.answered.catch(() => undefined);
    return call;
  }

  static async accept(phone: Phone, invite: Message): Promise<Call> {
    const call = new Call(phone, invite.get("call-id"), invite);
    call.rtp = await RtpEnd.open();
    call.log.push(invite);
    call.#remoteTag = invite.parameter("from", "tag");
    call.#remote = invite.get("from");
    call.#local = `${invite.get("to")};tag=${call.localTag}`;
    call.#target = uriOf(invite.get("contact"));
    call.#routes = invite.all("record-route").flatMap((line) => line.split(/,\s*(?=<)/));
    call.rtp.connect(invite.body);
    return call;
  }

  /** Tag of the far end. */
  get remoteTag(): string {
    return this.#remoteTag;
  }

  /** Where the far end said that it is. */
  get target(): string {
    return this.#target;
  }

  /** This side's session description, with a direction such as `sendonly`. */
  offer(direction?: string): string {
    const sdp = this.#sdp(this.rtp?.port ?? 0).replace(/^(o=\S+ \S+) \S+/m, `$1 ${this.#version++}`);
    return direction === undefined ? sdp : `${sdp}a=${direction}\r\n`;
  }

  /** What this phone says about its media from now on. */
  describe(sdp: (port: number) => string): void {
    this.#sdp = sdp;
  }

  /** Called side: any answer to the INVITE. */
  reply(status: number, { sdp = false, headers = [] }: { sdp?: boolean; headers?: readonly Header[] } = {}): void {
    this.phone.respond(this.invite, status, { tag: this.localTag, headers, body: sdp ? this.offer() : "" });
  }

  /** Called side: takes the call and waits for the ACK. */
  async answer(): Promise<void> {
    this.reply(200, { sdp: true });
    await this.take("ACK");
  }

  /** The next request of this method, or answer with this status, within the call. */
  take(wanted: string | number, limitMs?: number): Promise<Message> {
    return this.seen.take(
      String(wanted),
      (message) =>
        typeof wanted === "number" ? message.status === wanted : message.status === 0 && message.method === wanted,
      limitMs,
    );
  }

  /** Sends a request within the call. */
  async send(method: string, { headers = [], body = "" }: { headers?: readonly Header[]; body?: string } = {}) {
    const onAnswer = method === "INVITE" ? (answer: Message) => this.#onAnswer(answer) : undefined;
    return this.phone.transact(method, this.#target, this.#fields(method, headers), { body, onAnswer });
  }

  async hangUp(): Promise<Message> {
    const answer = await this.send("BYE");
    this.rtp?.close();
    return answer;
  }

  /** Gives up before the answer. */
  cancel(): void {
    const fields: Header[] = [
      ["From", this.#local],
      ["To", this.invite.get("to")],
      ["Call-ID", this.callId],
      ["CSeq", this.invite.get("cseq").replace("INVITE", "CANCEL")],
    ];
    const branch = this.invite.parameter("via", "branch");
    this.phone.send(this.phone.request("CANCEL", this.invite.uri, fields, branch));
  }

  async receive(request: Message): Promise<void> {
    // Sent again, because nothing has been said to it yet.
    if (request.method === "INVITE" && request.get("cseq") === this.invite.get("cseq")) return;
    this.log.push(request);
    const { method } = request;
    if (method === "CANCEL") {
      this.phone.respond(request, 200);
      this.phone.respond(this.invite, 487, { tag: this.localTag });
    } else if (method === "INVITE" || (method === "UPDATE" && request.body !== "")) {
      this.rtp?.connect(request.body);
      const hold = /^a=(sendonly|inactive)/m.test(request.body);
      const timer = request.get("session-expires");
      this.phone.respond(request, 200, {
        headers: timer === "" ? [] : [["Session-Expires", timer]],
        body: this.offer(hold ? "recvonly" : undefined),
      });
    } else if (method !== "ACK") {
      this.phone.respond(request, 200);
    }
    this.seen.push(request);
  }

  #fields(method: string, headers: readonly Header[] = [], sequence = this.#sequence++): Header[] {
    return [
      ["From", this.#local],
      [
        "To",
        this.#remoteTag === "" || this.#remote.includes(";tag=")
          ? this.#remote
          : `${this.#remote};tag=${this.#remoteTag}`,
      ],
      ["Call-ID", this.callId],
      ["CSeq", `${sequence} ${method}`],
      ["Contact", this.phone.contact],
      ...this.#routes.map((route): Header => ["Route", route]),
      ...headers,
    ];
  }

  /** An answer to an INVITE of this side: takes what it says about the dialog, and acknowledges. */
  #onAnswer(answer: Message): void {
    this.log.push(answer);
    const tag = answer.parameter("to", "tag");
    if (answer.status > 100 && answer.status < 300 && tag !== "") {
      this.#remoteTag = tag;
      if (answer.get("contact") !== "") this.#target = uriOf(answer.get("contact"));
      if (this.#routes.length === 0) {
        this.#routes = answer
          .all("record-route")
          .flatMap((line) => line.split(/,\s*(?=<)/))
          .toReversed();
      }
      if (answer.body !== "") this.rtp?.connect(answer.body);
    }
    if (answer.status < 200) {
      this.seen.push(answer);
      return;
    }
    const sequence = Number(answer.get("cseq").split(" ")[0]);
    const key = `${answer.get("cseq")} ${tag}`;
    const ack =
      this.#acked.get(key) ??
      this.phone.request("ACK", this.#target, this.#fields("ACK", [], sequence), `z9hG4bK${id()}`);
    this.#acked.set(key, ack);
    if (answer.status < 300) this.phone.send(ack);
    // A refusal is acknowledged hop by hop: with the INVITE's own branch, and no route.
    else this.#refused(answer, sequence);
  }

  #refused(answer: Message, sequence: number): void {
    const fields: Header[] = [
      ["From", this.#local],
      ["To", answer.get("to")],
      ["Call-ID", this.callId],
      ["CSeq", `${sequence} ACK`],
    ];
    this.phone.send(this.phone.request("ACK", uriOf(answer.get("to")), fields, answer.parameter("via", "branch")));
  }
}

/** µ-law and A-law by their static numbers, and events. */
export function audioSdp(port: number, codecs: readonly string[] = ["0 PCMU/8000"], events = true): string {
  const types = codecs.map((codec) => codec.split(" ")[0]);
  return [
    "v=0",
    `o=phone 1 1 IN IP4 ${ownAddress}`,
    "s=-",
    `c=IN IP4 ${ownAddress}`,
    "t=0 0",
    `m=audio ${port} RTP/AVP ${[...types, ...(events ? [eventType] : [])].join(" ")}`,
    ...codecs.map((codec) => `a=rtpmap:${codec}`),
    ...(events ? [`a=rtpmap:${eventType} telephone-event/8000`, `a=fmtp:${eventType} 0-15`] : []),
    "a=ptime:20",
    "",
  ].join("\r\n");
}

function sdpType(body: string): Header[] {
  return body.startsWith("v=0") ? [["Content-Type", "application/sdp"]] : [];
}

/** What tells a repeated request from a new one. */
function transaction(request: Message): string {
  return `${request.parameter("via", "branch")} ${request.get("cseq")}`;
}
