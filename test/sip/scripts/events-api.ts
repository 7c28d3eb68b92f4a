import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { buffer, text } from "node:stream/consumers";

/**
 * A stand-in for the operator's API: keeps what is posted to it on port 8443 (HTTPS), and behaves as it is told on 127.0.0.1:8081.
 * It answers 401 to what is not signed with the secret that it knows.
 * Input: `{ good: { cert, key }, other: { cert, key } }`, PEM, and `secret`, base64. It runs until it is killed.
 */
interface Pair {
  cert: string;
  key: string;
}

type Mode = "ok" | "refuse" | "fail" | "slow" | "silent" | "closed";

const { good, other, secret } = JSON.parse(await text(process.stdin)) as { good: Pair; other: Pair; secret: string };
let key = Buffer.from(secret, "base64");
const received: { headers: IncomingMessage["headers"]; body: string; answer: number }[] = [];
let mode: Mode = "ok";
let open = 0;
let most = 0;

const answers: Record<Exclude<Mode, "silent" | "closed">, number> = { ok: 200, refuse: 422, fail: 503, slow: 200 };

const api = createTlsServer(good, (request, response) => {
  open += 1;
  most = Math.max(most, open);
  response.on("close", () => (open -= 1));
  void buffer(request).then((body) => {
    const now = mode;
    if (now === "silent" || now === "closed") return;
    const { "webhook-id": id, "webhook-timestamp": stamp, "webhook-signature": signature } = request.headers;
    const mac = createHmac("sha256", key)
      .update(`${String(id)}.${String(stamp)}.`)
      .update(body)
      .digest("base64");
    const answer = signature === `v1,${mac}` ? answers[now] : 401;
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
  if (what === "mode") {
    if (mode === "closed") api.listen(8443);
    mode = value as Mode;
    if (mode === "closed") {
      api.close();
      api.closeAllConnections();
    }
  }
  if (what === "secret") key = Buffer.from(value, "base64url");
  if (what === "certificate") api.setSecureContext(value === "good" ? good : other);
  response.end(JSON.stringify({ received, most }));
}).listen(8081, "127.0.0.1");
