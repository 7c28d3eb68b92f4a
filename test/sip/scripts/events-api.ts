import { createServer, type IncomingMessage } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { buffer, text } from "node:stream/consumers";

/**
 * A stand-in for the operator's API: keeps what is posted to it on port 8443 (HTTPS), and behaves as it is told on 127.0.0.1:8081.
 * Input: `{ good: { cert, key }, other: { cert, key } }`, PEM. It runs until it is killed.
 */
interface Pair {
  cert: string;
  key: string;
}

type Mode = "ok" | "refuse" | "fail" | "slow" | "silent";

const { good, other } = JSON.parse(await text(process.stdin)) as { good: Pair; other: Pair };
const received: { headers: IncomingMessage["headers"]; body: string; answer: number }[] = [];
let mode: Mode = "ok";
let open = 0;
let most = 0;

const answers: Record<Exclude<Mode, "silent">, number> = { ok: 200, refuse: 422, fail: 503, slow: 200 };

const api = createTlsServer(good, (request, response) => {
  open += 1;
  most = Math.max(most, open);
  response.on("close", () => (open -= 1));
  void buffer(request).then((body) => {
    const now = mode;
    if (now === "silent") return;
    const answer = answers[now];
    setTimeout(
      () => {
        received.push({ headers: request.headers, body: body.toString("utf8"), answer });
        response.writeHead(answer).end();
      },
      now === "slow" ? 5000 : 0,
    );
  });
});
api.listen(8443);

createServer((request, response) => {
  const [, what = "", value = ""] = (request.url ?? "").split("/");
  if (what === "mode") mode = value as Mode;
  if (what === "certificate") api.setSecureContext(value === "good" ? good : other);
  response.end(JSON.stringify({ received, most }));
}).listen(8081, "127.0.0.1");
