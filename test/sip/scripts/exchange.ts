import { createSocket } from "node:dgram";
import { text } from "node:stream/consumers";

/**
 * Sends datagrams as they are, one after the other, and prints what comes back.
 * Input: `{ address, port, localPort?, messages: base64[], waitMs }`; output: `{ answers: string[][] }`, the answers to each message within waitMs.
 */
interface Input {
  address: string;
  port: number;
  localPort?: number;
  messages: string[];
  waitMs: number;
}

const { address, port, localPort = 0, messages, waitMs } = JSON.parse(await text(process.stdin)) as Input;
const socket = createSocket("udp4");
let answers: string[] = [];
socket.on("message", (message) => answers.push(message.toString("latin1")));
await new Promise<void>((resolve) => socket.bind(localPort, resolve));
const all: string[][] = [];
for (const message of messages) {
  answers = [];
  all.push(answers);
  socket.send(Buffer.from(message, "base64"), port, address);
  await new Promise((resolve) => setTimeout(resolve, waitMs));
}
socket.close();
console.log(JSON.stringify({ answers: all }));
