import { createSocket } from "node:dgram";
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";

/**
 * A stand-in for heplify-server: reads its configuration, waits for the database, takes HEP on UDP, counts it as the original does
 * (`heplify_packets_total`), and shows what it has received at `/stand-in/packets` as a list of base64.
 */
const [flag, file = ""] = process.argv.slice(2);
if (flag !== "-config") throw new Error("stand-in heplify-server: -config FILE is needed");
if ((statSync(file).mode & 0o077) !== 0) throw new Error(`${file} can be read by others`);
// The original writes a log where it is started.
accessSync(".", constants.W_OK);

const settings = new Map(
  readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => {
      const [, key = "", value = ""] = /^(\w+) = (.*)$/.exec(line) ?? [];
      if (key === "") throw new Error(`${file}: no TOML that this stand-in knows: ${line}`);
      return [key, JSON.parse(value) as unknown] as const;
    }),
);
const wanted = { DBShema: "homer7", DBDriver: "postgres", DBDataTable: "homer_data", DBConfTable: "homer_config" };
for (const [key, value] of Object.entries(wanted)) {
  if (settings.get(key) !== value) throw new Error(`${file}: ${key} is not ${value}`);
}
if (!/^[A-Za-z0-9]{32}$/.test(String(settings.get("DBPass"))))
  throw new Error(`${file}: DBPass is no generated password`);

const [host = "", port = ""] = String(settings.get("DBAddr")).split(":");
await new Promise<void>((resolve, reject) => {
  const socket = connect(Number(port), host, () => {
    socket.end();
    resolve();
  });
  socket.once("error", reject);
});

const packets: string[] = [];
let received = 0;
const hepPort = Number(/:(\d+)$/.exec(String(settings.get("HEPAddr")))?.[1]);
createSocket({ type: "udp4", recvBufferSize: 1 << 22 })
  .on("message", (packet) => {
    received++;
    packets.push(packet.toString("base64"));
    if (packets.length > 5000) packets.shift();
  })
  .bind(hepPort);

const metricsPort = Number(/:(\d+)$/.exec(String(settings.get("PromAddr")))?.[1]);
createServer((request, response) => {
  if (request.url === "/stand-in/packets") return response.end(JSON.stringify(packets));
  response.setHeader("content-type", "text/plain; version=0.0.4");
  response.end(`# TYPE heplify_packets_total counter\nheplify_packets_total{node_id="0",type="sip"} ${received}\n`);
}).listen(metricsPort);
console.log(`stand-in for heplify-server: HEP on ${hepPort}/udp, metrics on ${metricsPort}`);
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
