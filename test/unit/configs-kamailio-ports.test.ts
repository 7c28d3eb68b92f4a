import assert from "node:assert/strict";
import { test } from "node:test";
import { renderKamailioConfig } from "../../configs/kamailio/index.ts";

test("no listener that is not there has port 0, which is that of the edge's own connections", () => {
  const files = renderKamailioConfig({
    domain: "sip.example.test",
    address: "192.0.2.2",
    opsAddress: "192.0.2.66",
    publicAddress: "192.0.2.2",
    database: { host: "192.0.2.3", port: 3306, name: "kamailio", user: "kamailio" },
    opsAllow: [],
  });
  const ports = [...(files["stack.cfg"] ?? "").matchAll(/"!(SBC_\w+_PORT)!(\d+)!g"/g)];
  assert.ok(ports.some(([, name]) => name === "SBC_WSS_PORT"));
  for (const [, name, port] of ports) assert.notEqual(port, "0", name);
});
