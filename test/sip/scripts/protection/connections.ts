import { connect } from "node:net";
import { text } from "node:stream/consumers";

/**
 * Opens TCP connections that say nothing, and prints how many were still open after `settleMs`, and after how many milliseconds the last of
 * them was closed by the other side (none within `limitMs`: null): `{ open, closedAfterMs }`.
 */
interface Input {
  address: string;
  port: number;
  count: number;
  settleMs: number;
  limitMs: number;
}

const input = JSON.parse(await text(process.stdin)) as Input;
const start = performance.now();
let open = 0;
let lastEnd = 0;
const sockets = Array.from({ length: input.count }, () => {
  const socket = connect(input.port, input.address);
  socket.on("connect", () => (open += 1));
  socket.on("error", () => undefined);
  // The other side's FIN is answered at once, so this is when it came.
  socket.on("close", () => {
    open -= 1;
    lastEnd = performance.now();
  });
  return socket.resume();
});
await new Promise((resolve) => setTimeout(resolve, input.settleMs));
const settled = open;
const end = start + input.limitMs;
while (open > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
const closedAfterMs = open > 0 ? null : Math.round(lastEnd - start);
for (const socket of sockets) socket.destroy();
console.log(JSON.stringify({ open: settled, closedAfterMs }));
