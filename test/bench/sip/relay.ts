import { rtpengineRuntime } from "../../../configs/rtpengine/index.ts";
import { SipAgent } from "../../sip/agent.ts";
import { TestContainer } from "../../support/container.ts";
import { edgeRelay, rtpengineContainer } from "../../support/edge.ts";
import { ensureImage } from "../../support/images.ts";
import { usage } from "./sides.ts";

/** Two-way calls at once: 50 packets a second, each way. */
const calls = 40;
const seconds = 8;

interface Offer {
  offer: object;
  answer: object;
}

/** As media.cfg asks for it, plain RTP on both sides. */
const asTheEdge: Offer = {
  offer: {
    flags: ["strict-source"],
    replace: ["origin"],
    ICE: "remove",
    "rtcp-mux": ["demux"],
    direction: ["pub", "priv"],
    "transport-protocol": "RTP/AVP",
  },
  answer: { flags: ["strict-source"], replace: ["origin"], ICE: "remove" },
};
const bare: Offer = { offer: {}, answer: {} };

/** Processor microseconds per packet through RTPengine as the stack runs it, and through the bare program, in turn. */
export async function measureRelay(rounds: number): Promise<{ stack: number[]; bare: number[] }> {
  const results = { stack: [] as number[], bare: [] as number[] };
  await using stackRelay = await rtpengineContainer(edgeRelay.address);
  await using bareRelay = await bareContainer();
  const network = (relay: TestContainer) =>
    SipAgent.start(
      `container:${relay.name}`,
      { address: "", domain: "", ports: { udp: 0, tcp: 0, tls: 0 } },
      "127.0.0.31",
    );
  await using stackPhones = await network(stackRelay);
  await using barePhones = await network(bareRelay);
  const sides = [
    { relay: stackRelay, phones: stackPhones, how: asTheEdge, into: results.stack },
    { relay: bareRelay, phones: barePhones, how: bare, into: results.bare },
  ];
  for (let round = 0; round < rounds; round++) {
    for (const { relay, phones, how, into } of round % 2 === 0 ? sides : sides.toReversed()) {
      const before = await usage(relay);
      const input = { ...edgeRelay, ...how, calls, seconds, ends: ["127.0.0.31", "127.0.0.32"] };
      const { sent, received } = await phones.script<{ sent: number; received: number }>(
        "rtp-load",
        input,
        seconds + 30,
      );
      const after = await usage(relay);
      if (received < sent * 0.99) throw new Error(`bench: ${received} of ${sent} RTP packets came through`);
      into.push((after.cpu - before.cpu) / received);
    }
  }
  return results;
}

/** No configuration of ours: what the program does by itself, in userspace, which a container without privileges has to. */
async function bareContainer(): Promise<TestContainer> {
  const { address, port } = edgeRelay;
  const { uid, memoryMb } = rtpengineRuntime({ address, publicAddress: address });
  const options = [
    "--foreground",
    "--log-stderr",
    "--table=-1",
    `--interface=${address}`,
    `--listen-ng=${address}:${port}`,
  ];
  const container = TestContainer.start({
    role: "rtpengine-bare",
    image: await ensureImage("rtpengine"),
    files: {},
    command: ["/usr/bin/rtpengine", "--config-file=none", ...options],
    uid,
    memoryMb,
  });
  await container.healthy(["CMD", "bash", "-c", `grep -q ':${port.toString(16).toUpperCase()} ' /proc/net/udp`]);
  return container;
}
