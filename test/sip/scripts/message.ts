/** SIP messages as text: no more than the tests' phone needs. */

/** Short names of headers (RFC 3261 §7.3.3 and later). */
const short: Record<string, string> = {
  i: "call-id",
  m: "contact",
  f: "from",
  t: "to",
  v: "via",
  l: "content-length",
  c: "content-type",
  k: "supported",
  r: "refer-to",
  b: "referred-by",
  x: "session-expires",
  o: "event",
};

/** Name and value of a header line. */
export type Header = readonly [name: string, value: string];

/** A request or an answer. */
export class Message {
  readonly first: string;
  readonly headers: readonly Header[];
  readonly body: string;

  constructor(first: string, headers: readonly Header[], body = "") {
    this.first = first;
    this.headers = headers;
    this.body = body;
  }

  static parse(text: string): Message {
    const end = text.indexOf("\r\n\r\n");
    const [first = "", ...lines] = text
      .slice(0, end)
      .replaceAll(/\r\n[ \t]+/g, " ")
      .split("\r\n");
    const headers = lines.map((line): Header => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    });
    return new Message(first, headers, text.slice(end + 4));
  }

  /** The answer's status code; 0 for a request. */
  get status(): number {
    return this.first.startsWith("SIP/2.0 ") ? Number(this.first.split(" ")[1]) : 0;
  }

  /** The request's method, or that of the request that was answered. */
  get method(): string {
    return this.status > 0 ? (this.get("cseq").split(" ")[1] ?? "") : (this.first.split(" ")[0] ?? "");
  }

  /** Request-URI. */
  get uri(): string {
    return this.first.split(" ")[1] ?? "";
  }

  all(name: string): string[] {
    return this.headers
      .filter(([key]) => (short[key.toLowerCase()] ?? key.toLowerCase()) === name)
      .map(([, value]) => value);
  }

  /** The first header of this (long, lower-case) name, or an empty text. */
  get(name: string): string {
    return this.all(name)[0] ?? "";
  }

  /** Value of a parameter of a header, e.g. `("to", "tag")`. */
  parameter(name: string, parameter: string): string {
    return new RegExp(`;\\s*${parameter}=([^;>\\s,]+)`, "i").exec(this.get(name))?.[1] ?? "";
  }

  toString(): string {
    const lines = [...this.headers, ["Content-Length", String(Buffer.byteLength(this.body))] as const];
    return [this.first, ...lines.map(([name, value]) => `${name}: ${value}`), "", this.body].join("\r\n");
  }
}

/** The URI of a name-addr such as `"Bob" <sip:bob@example.com>;tag=1`. */
export function uriOf(address: string): string {
  return /<([^>]*)>/.exec(address)?.[1] ?? address.split(";")[0] ?? "";
}
