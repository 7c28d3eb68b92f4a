import { createHash, createHmac, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { text } from "node:stream/consumers";
import { connect } from "node:tls";

/**
 * A phone that proves who it is in every way that the edge knows, right or wrong: digest with either hash, `X-Company-Signature`, a client
 * certificate. Sends one request after the other over one socket, each with its challenge answered, and prints what came of each.
 */
interface Input {
  address: string;
  port: number;
  domain: string;
  /** Over TLS instead of UDP; PEM. Without `certificate` the phone has none. */
  tls?: { certificate?: string; key?: string };
  steps: Step[];
}

interface Step {
  /** `BUSY`: waits for a call and refuses it; `CLOSED`: waits until the edge closes the connection. Both up to 100 s. */
  method: "REGISTER" | "INVITE" | "OPTIONS" | "BUSY" | "CLOSED";
  /** Of From (and To of a REGISTER). */
  user: string;
  /** Without: the challenge is not answered. */
  password?: string;
  /** Name in the credentials, where it is another one. */
  as?: string;
  /** Which challenge is answered. Default: the first. */
  algorithm?: "MD5" | "SHA-256";
  /** Called number of an INVITE. */
  called?: string;
  signature?: { id: string; key: string; ageSeconds?: number; tamper?: boolean };
  /** Headers as they are, each with its line end. */
  headers?: string;
  /** As the step before, byte by byte but for the branch: its credentials (`request`), or with new credentials for a new challenge (`signature`). */
  replay?: "request" | "signature";
  /** As phones before RFC 2617 do it: without qop and count. */
  old?: boolean;
  /** Sent once, and nothing else for 1.5 s: for an edge that is expected to say nothing. */
  once?: boolean;
  /** Time between the challenge and its answer. */
  thinkMs?: number;
}

/** What came of a step. */
export interface Outcome {
  /** Of the answer to the last request of the step; 0: none came, or the connection was refused or closed. */
  status: number;
  /** The last answer. */
  answer: string;
  /** Challenges as they came, in order. */
  challenges: string[];
  /** From the last request to its answer. */
  ms: number;
  /** What the connection died of. */
  error?: string;
}

const input = JSON.parse(await text(process.stdin)) as Input;
const { address, port, domain } = input;
const transport = input.tls === undefined ? "UDP" : "TLS";

interface Line {
  localAddress: string;
  localPort: number;
  send: (message: string) => void;
  /** Gets each whole message. */
  receive: (message: string) => void;
  /** Gets what the connection died of. */
  lost: (reason: string) => void;
  close: () => void;
}

async function udp(): Promise<Line> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.connect(port, address, resolve);
  });
  const { address: own, family, port: localPort } = socket.address();
  const localAddress = family === "IPv6" ? `[${own}]` : own;
  const line: Line = {
    localAddress,
    localPort,
    send: (message) => socket.send(message),
    receive: () => undefined,
    lost: () => undefined,
    close: () => socket.close(),
  };
  socket.on("message", (message) => line.receive(message.toString("latin1")));
  return line;
}

async function tls({ certificate, key }: NonNullable<Input["tls"]>): Promise<Line> {
  // Whom it talks to is not what is tested here.
  const socket = connect({ host: address, port, rejectUnauthorized: false, cert: certificate, key });
  let dead: string | undefined;
  const die = (reason: string): void => {
    dead ??= reason;
    line.lost(dead);
  };
  const line: Line = {
    localAddress: "",
    localPort: 0,
    send: (message) => (dead === undefined ? socket.write(message, "latin1") : line.lost(dead)),
    receive: () => undefined,
    lost: () => undefined,
    close: () => socket.destroy(),
  };
  socket.on("error", (error) => die(error.message));
  socket.on("close", () => die("closed"));
  let buffer = "";
  socket.on("data", (chunk) => {
    buffer += chunk.toString("latin1");
    for (;;) {
      const end = buffer.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/^(?:Content-Length|l)\s*:\s*(\d+)/im.exec(buffer.slice(0, end))?.[1] ?? 0);
      if (buffer.length < end + 4 + length) return;
      line.receive(buffer.slice(0, end + 4 + length));
      buffer = buffer.slice(end + 4 + length);
    }
  });
  await new Promise<void>((resolve) => {
    socket.once("secureConnect", resolve);
    socket.once("close", () => resolve());
  });
  line.localAddress = socket.localAddress ?? "0.0.0.0";
  line.localPort = socket.localPort ?? 0;
  return line;
}

const line = input.tls === undefined ? await udp() : await tls(input.tls);
const contact = () => `<sip:phone@${line.localAddress}:${line.localPort};transport=${transport.toLowerCase()}>`;

/** Sends a message, over UDP again until something comes, and waits for the final answer to it. */
function ask(message: string, once = false): Promise<{ answer: string; error?: string }> {
  const [, callId = "", cseq = ""] = /^Call-ID: (.*)\r\n(?:.*\r\n)*?CSeq: (.*)\r\n/m.exec(message) ?? [];
  return new Promise((resolve) => {
    const again = input.tls === undefined && !once ? setInterval(() => line.send(message), 2000) : undefined;
    const limit = setTimeout(() => end(""), once ? 1500 : 8000);
    const end = (answer: string, error?: string): void => {
      clearInterval(again);
      clearTimeout(limit);
      line.receive = () => undefined;
      line.lost = () => undefined;
      resolve({ answer, ...(error !== undefined && { error }) });
    };
    line.receive = (answer) => {
      if (!answer.startsWith("SIP/2.0 ") || !answer.includes(`Call-ID: ${callId}\r\n`)) return;
      if (!answer.includes(`CSeq: ${cseq}\r\n`)) return;
      clearInterval(again);
      if (statusOf(answer) >= 200) end(answer);
    };
    line.lost = (reason) => end("", reason);
    line.send(message);
  });
}

const statusOf = (answer: string): number => Number(/^SIP\/2\.0 (\d{3})/.exec(answer)?.[1] ?? 0);
const headersOf = (answer: string, name: string): string[] =>
  [...answer.matchAll(new RegExp(`^${name}: (.*?)\\r$`, "gim"))].map(([, value = ""]) => value);
const branch = () => `z9hG4bK${randomBytes(8).toString("hex")}`;

interface Call {
  step: Step;
  uri: string;
  callId: string;
  tag: string;
  cseq: number;
}

/** Audio; with SRTP over TLS, as phones do it that mean it. */
function offer(): string {
  const secure = input.tls !== undefined;
  return [
    "v=0",
    `o=- 1 1 IN IP4 ${line.localAddress}`,
    "s=-",
    `c=IN IP4 ${line.localAddress}`,
    "t=0 0",
    `m=audio 40000 RTP/${secure ? "SAVP" : "AVP"} 0`,
    ...(secure ? [`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${randomBytes(30).toString("base64")}`] : []),
    "",
  ].join("\r\n");
}

function render({ step, uri, callId, tag, cseq }: Call, extra: string): string {
  const sdp = step.method === "INVITE" ? offer() : "";
  const to = step.method === "REGISTER" ? step.user : (step.called ?? "");
  return [
    `${step.method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/${transport} ${line.localAddress}:${line.localPort};branch=${branch()};rport`,
    "Max-Forwards: 70",
    `From: <sip:${step.user}@${domain}>;tag=${tag}`,
    `To: <sip:${to === "" ? "" : `${to}@`}${domain}>`,
    `Call-ID: ${callId}`,
    `CSeq: ${cseq} ${step.method}`,
    `Contact: ${contact()}`,
    ...(sdp === "" ? [] : ["Content-Type: application/sdp"]),
    `${extra}${step.headers ?? ""}Content-Length: ${sdp.length}`,
    "",
    sdp,
  ].join("\r\n");
}

/** The header of a device, made as docs/identification.md says. */
function signatureHeader({ step, uri, callId, cseq }: Call): string {
  if (step.signature === undefined) return "";
  const { id, key, ageSeconds = 0, tamper = false } = step.signature;
  const time = Math.floor(Date.now() / 1000) - ageSeconds;
  const signed = `${step.method}|sip:${step.user}@${domain}|${uri}|${callId}|${cseq}|${time}`;
  const mac = createHmac("sha256", key)
    .update(tamper ? `${signed}0` : signed)
    .digest("base64url");
  return `X-Company-Signature: t=${time};k=${id};v=${mac}\r\n`;
}

function credentials({ step, uri }: Call, challenge: string): string {
  const parameter = (name: string) => new RegExp(`${name}="?([^",]+)`).exec(challenge)?.[1] ?? "";
  const algorithm = parameter("algorithm") || "MD5";
  const hash = (value: string) =>
    createHash(algorithm === "SHA-256" ? "sha256" : "md5")
      .update(value)
      .digest("hex");
  const name = step.as ?? step.user;
  const nonce = parameter("nonce");
  const ha1 = hash(`${name}:${domain}:${step.password ?? ""}`);
  const counted = step.old === true ? "" : "00000001:c:auth:";
  const response = hash(`${ha1}:${nonce}:${counted}${hash(`${step.method}:${uri}`)}`);
  return (
    `${step.method === "REGISTER" ? "" : "Proxy-"}Authorization: Digest username="${name}", realm="${domain}", nonce="${nonce}", ` +
    `uri="${uri}", algorithm=${algorithm}, ${counted === "" ? "" : 'qop=auth, nc=00000001, cnonce="c", '}response="${response}"\r\n`
  );
}

/** Ends what an INVITE began: an answered call is hung up. */
async function finish(request: string, answer: string): Promise<void> {
  const ok = statusOf(answer) < 300;
  const routes = ok
    ? headersOf(answer, "Record-Route")
        .flatMap((value) => value.split(/,\s*/))
        .reverse()
    : [];
  const [, target] = (ok ? /^Contact: .*<([^>]+)>/im.exec(answer) : undefined) ?? /^\S+ (\S+)/.exec(request) ?? [];
  const [to = ""] = headersOf(answer, "To");
  const within = (method: string, cseq: number, via: string) =>
    [
      `${method} ${target} SIP/2.0`,
      via,
      "Max-Forwards: 70",
      ...routes.map((route) => `Route: ${route}`),
      ...(/^From: .*$/m.exec(request) ?? []).map((from) => from.trimEnd()),
      `To: ${to}`,
      `Call-ID: ${headersOf(request, "Call-ID")[0]}`,
      `CSeq: ${cseq} ${method}`,
      "Content-Length: 0",
      "",
      "",
    ].join("\r\n");
  const cseq = Number(/^CSeq: (\d+)/m.exec(request)?.[1]);
  const via = /^Via: .*$/m.exec(request)?.[0].trimEnd() ?? "";
  const renewed = () => via.replace(/branch=[^;]+/, `branch=${branch()}`);
  // To a refusal with the branch of the request itself (RFC 3261 section 17.1.1.3).
  line.send(within("ACK", cseq, ok ? renewed() : via));
  if (ok) await ask(within("BYE", cseq + 1, renewed()));
}

async function challengesTo(call: Call): Promise<{ challenges: string[]; answer: string; error?: string }> {
  const request = render(call, "");
  const { answer, ...rest } = await ask(request);
  if (call.step.method === "INVITE" && statusOf(answer) >= 200) await finish(request, answer);
  return { challenges: headersOf(answer, "(?:WWW|Proxy)-Authenticate"), answer, ...rest };
}

/** Waits for a call and refuses it; the outcome's answer is the INVITE. */
function busy(): Promise<Outcome> {
  return new Promise((resolve) => {
    const end = (outcome: Partial<Outcome>): void => {
      clearTimeout(limit);
      line.receive = () => undefined;
      resolve({ status: 0, answer: "", challenges: [], ms: 0, ...outcome });
    };
    const limit = setTimeout(() => end({ error: "nobody called" }), waitMs);
    let invite = "";
    line.lost = (error) => end({ error });
    line.receive = (request) => {
      if (request.startsWith("INVITE ")) {
        invite = request;
        const kept = request.split("\r\n").filter((header) => /^(Via|From|Call-ID|CSeq): /i.test(header));
        const to = headersOf(request, "To")[0] ?? "";
        line.send(["SIP/2.0 486 Busy Here", ...kept, `To: ${to};tag=busy`, "Content-Length: 0", "", ""].join("\r\n"));
      } else if (request.startsWith("ACK ")) {
        end({ status: 486, answer: invite });
      }
    };
  });
}

/** Waits until the connection is closed. */
function closed(): Promise<Outcome> {
  const start = performance.now();
  return new Promise((resolve) => {
    const end = (error: string): void => {
      clearTimeout(limit);
      resolve({ status: 0, answer: "", challenges: [], ms: performance.now() - start, error });
    };
    const limit = setTimeout(() => end("still open"), waitMs);
    line.lost = end;
  });
}

const waitMs = 100_000;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const outcomes: Outcome[] = [];
let last: { call: Call; signature: string; authorization: string } | undefined;
for (const step of input.steps) {
  if (step.method === "BUSY" || step.method === "CLOSED") {
    outcomes.push(await (step.method === "BUSY" ? busy() : closed()));
    continue;
  }
  const repeated = step.replay === undefined ? undefined : last;
  const uri = step.called === undefined ? `sip:${domain}` : `sip:${step.called}@${domain}`;
  const call: Call = repeated?.call ?? {
    step,
    uri,
    callId: randomBytes(8).toString("hex"),
    tag: randomBytes(4).toString("hex"),
    cseq: 1,
  };
  let challenges: string[] = [];
  let authorization = repeated?.authorization ?? "";
  if (authorization === "" || step.replay === "signature") {
    const first = await challengesTo({ ...call, cseq: repeated === undefined ? call.cseq : call.cseq - 1 });
    challenges = first.challenges;
    const challenge =
      step.algorithm === undefined
        ? challenges[0]
        : challenges.find((text) => text.includes(`algorithm=${step.algorithm}`));
    if (step.password === undefined || challenge === undefined) {
      outcomes.push({
        status: statusOf(first.answer),
        answer: first.answer,
        challenges,
        ms: 0,
        ...(first.error !== undefined && { error: first.error }),
      });
      continue;
    }
    authorization = credentials(call, challenge);
    if (step.thinkMs !== undefined) await sleep(step.thinkMs);
    if (repeated === undefined) call.cseq += 1;
  }
  const signature = repeated?.signature ?? signatureHeader(call);
  last = { call, signature, authorization };
  const request = render(call, authorization + signature);
  const start = performance.now();
  const { answer, error } = await ask(request, step.once);
  const ms = performance.now() - start;
  if (step.method === "INVITE" && statusOf(answer) >= 200) await finish(request, answer);
  outcomes.push({
    status: statusOf(answer),
    answer,
    challenges: challenges.concat(headersOf(answer, "(?:WWW|Proxy)-Authenticate")),
    ms,
    ...(error !== undefined && { error }),
  });
}
line.close();
console.log(JSON.stringify(outcomes));
