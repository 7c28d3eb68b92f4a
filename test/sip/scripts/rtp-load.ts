import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/**
 * Sets two-way calls up at an RTPengine (ng protocol, JSON), sends 50 packets a second each way on every one of them, and ends them.
 * Input: see {@link Input}; output: `{ sent, received }`, packets of both ways.
 */
interface Input {
  address: string;
  port: number;
  /** What an offer and an answer hold beside the call's own. */
  offer: object;
  answer: object;
  calls: number;
  seconds: number;
  /** IPv4 addresses of the two ends. */
  ends: [string, string];
}

const input = JSON.parse(await text(process.stdin)) as Input;
const control = createSocket("udp4");
await bound(control, input.ends[0]);
let cookies = 0;

async function bound(socket: Socket, address: string): Promise<number> {
  socket.bind(0, address);
  await once(socket, "listening");
  return socket.address().port;
}

async function ask(command: object): Promise<string> {
  const cookie = `c${process.pid}-${(cookies += 1)}`;
  control.send(`${cookie} ${JSON.stringify(command)}`, input.port, input.address);
  const [message] = (await once(control, "message", { signal: AbortSignal.timeout(5000) })) as [Buffer];
  const body = message.toString("utf8").slice(cookie.length + 1);
  const { result, sdp, ...more } = JSON.parse(body) as { result: string; sdp?: string };
  if (result !== "ok") throw new Error(`RTPengine: ${result} ${JSON.stringify(more)}`);
  return sdp ?? "";
}

const sdpOf = (address: string, port: number) =>
  `v=0\r\no=- 1 1 IN IP4 ${address}\r\ns=-\r\nc=IN IP4 ${address}\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n`;
function targetOf(sdp: string): { address: string; port: number } {
  const address = /^c=IN IP4 (\S+)/m.exec(sdp)?.[1];
  const port = /^m=audio (\d+)/m.exec(sdp)?.[1];
  if (address === undefined || port === undefined) throw new Error(`no media in ${sdp}`);
  return { address, port: Number(port) };
}

interface End {
  socket: Socket;
  target: { address: string; port: number };
  packet: Buffer;
}
const ends: End[] = [];
let sent = 0;
let received = 0;
for (let call = 0; call < input.calls; call++) {
  const sockets = [createSocket("udp4"), createSocket("udp4")] as const;
  const [near, far] = [await bound(sockets[0], input.ends[0]), await bound(sockets[1], input.ends[1])];
  const common = { "call-id": `load-${process.pid}-${call}`, "from-tag": "near" };
  const offered = await ask({ command: "offer", ...common, sdp: sdpOf(input.ends[0], near), ...input.offer });
  const answered = await ask({
    command: "answer",
    ...common,
    "to-tag": "far",
    sdp: sdpOf(input.ends[1], far),
    ...input.answer,
  });
  [answered, offered].forEach((sdp, side) => {
    const socket = sockets[side === 0 ? 0 : 1];
    // PCMU of 20 ms, all of it silence.
    const packet = Buffer.alloc(172, 0xff);
    packet.writeUInt16BE(0x8000, 0);
    packet.writeUInt32BE((call + 1) * 2 + side, 8);
    socket.on("message", () => (received += 1));
    ends.push({ socket, target: targetOf(sdp), packet });
  });
}

const started = performance.now();
for (let tick = 0; tick < input.seconds * 50; tick++) {
  for (const { socket, target, packet } of ends) {
    packet.writeUInt16BE(tick & 0xffff, 2);
    packet.writeUInt32BE(tick * 160, 4);
    socket.send(Buffer.from(packet), target.port, target.address);
    sent += 1;
  }
  const wait = started + (tick + 1) * 20 - performance.now();
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  else await new Promise((resolve) => setImmediate(resolve));
}
const end = performance.now() + 2000;
while (received < sent && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
for (let call = 0; call < input.calls; call++) {
  await ask({ command: "delete", "call-id": `load-${process.pid}-${call}`, "from-tag": "near" });
}
for (const { socket } of ends) socket.close();
control.close();
console.log(JSON.stringify({ sent, received }));
