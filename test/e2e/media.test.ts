import assert from "node:assert/strict";
import { randomBytes, randomInt } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { formatAddress6 } from "../../components/ipv6.ts";
import { mutualTlsPort, opsPort } from "../../configs/kamailio/index.ts";
import { banKey } from "../../scripts/operator/bans.ts";
import { smoke } from "../../scripts/smoke.ts";
import { SipAgent, waitFor } from "../sip/agent.ts";
import { docker, tryDocker } from "../sip/docker.ts";
import type { CallerReport, CallInput, CallReport } from "../sip/scripts/media/call.ts";
import type { MediaKind } from "../sip/scripts/media/sdp.ts";
import type { MediaReport } from "../sip/scripts/media/rtp-port.ts";
import type { PhoneSettings } from "../sip/scripts/media/sip-phone.ts";
import type { SprayInput, SprayReport } from "../sip/scripts/media/spray.ts";
import { parseExposition, scrapeScript, sum } from "../support/exposition.ts";
import { HomeNetwork } from "./home-network.ts";
import { EdgeStack, freePort, mediaMetric, targetOf, type Outputs } from "./stack.ts";

type Transport = PhoneSettings["transport"];
/** A way in: a transport, by IPv6 where it says so, or the port that asks for a certificate. */
type Way = Transport | `${Exclude<Transport, "wss">}6` | "mutualTls";
/** A page that may open the WebSocket. */
const origin = "https://phone.example.test";

/** First byte of the payloads, as the scripts have it: the caller's, the called phone's, a stranger's. */
const mark = { caller: "17", callee: "34", stranger: "102" } as const;
/** Few ports, so that a spray over all of them meets each often. */
const ports = { portMin: 30000, portMax: 30399 } as const;
/** Pairs of subscribers: a call of one pair never rings at another's phones. */
const lanes = [0, 1, 2, 3] as const;

describe("media through a stack with two RTPengines", { timeout: 420_000 }, () => {
  let stack: EdgeStack;
  let outputs: Outputs & { devices: Record<string, NonNullable<PhoneSettings["certificate"]>> };
  let agents: SipAgent[];
  let addresses6: string[];
  /** By chance, as RFC 4193 asks for. */
  const subnet6 = `${formatAddress6(BigInt(`0xfd${randomBytes(5).toString("hex")}`) << 80n)}/64`;

  before(async () => {
    stack = await EdgeStack.create({
      subscribers: lanes.flatMap((lane) => [{ name: `caller${lane}` }, { name: `callee${lane}` }]),
      asterisk: { nodes: 1 },
      edge: {
        ports: { udp: 0, tcp: 0, tls: 0, mutualTls: 15_100 + randomInt(800), wss: await freePort() },
        websocketOrigins: [origin],
        ipv6: { subnet: subnet6 },
      },
      rtp: { ...ports, instances: 2 },
      protection: { unlimited: ["10.0.0.0/8"], authFailuresPerUser: 3 },
      classes: [{ name: "default", destinations: ["any"] }],
      devices: ["caller3", "callee3"].map((subscriber) => ({ name: subscriber, subscriber })),
    });
    const { code, output } = await stack.up();
    assert.equal(code, 0, output);
    outputs = (await stack.outputs()) as typeof outputs;
    const target = targetOf(outputs);
    // One more than there are lanes: the host of a trunk.
    agents = await Promise.all([...lanes, "trunk"].map(() => SipAgent.start(outputs.sbcNetwork, target)));
    const format = "{{range .NetworkSettings.Networks}}{{.GlobalIPv6Address}}{{end}}";
    addresses6 = await Promise.all(agents.map(({ container }) => docker(["inspect", "--format", format, container])));
  });

  after(async () => {
    await Promise.all((agents ?? []).map((agent) => agent[Symbol.asyncDispose]()));
    await stack?.destroy();
    await stack?.remove();
  });

  const agentOf = (lane: number) => agents[lane] ?? assert.fail(`no lane ${lane}`);
  const carrier = () => agentOf(lanes.length);
  const policyReload = ["htable.reload", "policy"] as const;

  /** `tls6`: by IPv6. */
  function phone(lane: number, who: "caller" | "callee", way: Way): PhoneSettings {
    const user = `${who}${lane}`;
    const mutual = way === "mutualTls";
    const transport = mutual ? "tls" : (way.replace("6", "") as Transport);
    const ipv6 = way.endsWith("6");
    const edge = ipv6 ? outputs.addresses.ipv6?.kamailio : outputs.addresses.kamailio.sbc;
    return {
      transport,
      ...(mutual && { certificate: outputs.devices[user] ?? assert.fail(`no device of ${user}`) }),
      ...(transport === "wss" && { origin }),
      edge: {
        address: edge ?? assert.fail("no IPv6"),
        port: mutual ? mutualTlsPort : { udp: 5060, tcp: 5060, tls: 5061, wss: 8443 }[transport],
      },
      domain: outputs.sip.domain,
      address: (ipv6 ? addresses6[lane] : agentOf(lane).address) ?? assert.fail("no address"),
      user,
      password: outputs.subscribers[user] ?? assert.fail(user),
    };
  }

  /** Somebody calls the echo service, and offers one thing after the other. */
  async function echo(
    lane: number,
    way: Way,
    offers: readonly MediaKind[],
    options: Partial<Pick<NonNullable<CallInput["caller"]>, "claimed" | "lateAnswer" | "silentMs">> &
      Partial<Pick<CallInput, "holdMs" | "until">> = {},
  ): Promise<CallerReport> {
    const { holdMs = 600, until, ...more } = options;
    const input: CallInput = {
      caller: { ...phone(lane, "caller", way), called: "600", offers, ...more },
      holdMs,
      ...(until !== undefined && { until }),
    };
    return callerOf(await agentOf(lane).script<CallReport>("media/call", input, 150));
  }

  /** One phone calls another. */
  async function call(
    lane: number,
    [from, offer]: readonly [Way, MediaKind],
    [to, answer]: readonly [Way, MediaKind],
    { holdMs = 800, claimed }: { holdMs?: number; claimed?: string } = {},
  ) {
    const input: CallInput = {
      caller: { ...phone(lane, "caller", from), called: `callee${lane}`, offers: [offer], ...(claimed && { claimed }) },
      callee: { ...phone(lane, "callee", to), answer, ...(claimed && { claimed }) },
      holdMs,
    };
    const { caller, callee } = await agentOf(lane).script<CallReport>("media/call", input, 90);
    const [first] = caller?.offers ?? [];
    assert.ok(first && callee);
    return { caller: first, callee };
  }

  const callerOf = ({ caller }: CallReport) => caller ?? assert.fail("nobody called");
  const calleeOf = ({ callee }: CallReport) => callee ?? assert.fail("nobody was called");
  /** All that was heard was SRTP, and there was something. */
  const isEncrypted = ({ authentic, received }: MediaReport) => authentic > 5 && authentic === received;

  /** Lets a call with `until` go on. */
  const goOn = (lane: number, until: string) => docker(["exec", agentOf(lane).container, "touch", until]);
  const statuses = ({ offers }: CallerReport) => offers.map(({ status }) => status);
  const edgeMetric = async (name: string, labels: Readonly<Record<string, string>> = {}) => {
    const script = scrapeScript(outputs.addresses.kamailio.data, opsPort);
    return sum(
      parseExposition(await docker(["exec", outputs.containers.kamailio, "bash", "-c", script])),
      name,
      labels,
    );
  };
  const relayUp = (index: number) =>
    edgeMetric("kamailio_rtpengine_up", { relay: `udp:${outputs.addresses.rtpengine[index]?.sbc}:22222` });
  /** Does the edge give it calls? Asked anew, the gauge is seconds old. */
  const isActive = async (index: number) => {
    const url = `udp:${outputs.addresses.rtpengine[index]?.sbc}:22222`;
    const control = ["kamcmd", "-s", "unix:/run/kamailio/kamailio_ctl", "rtpengine.show", url];
    return /active: (1|true)/.test(await docker(["exec", outputs.containers.kamailio, ...control]));
  };
  /** Has it answered the edge since it was started, and does the edge know? Right after a start the edge may still find out that it was gone. */
  const answersEdge = async (index: number) => {
    const pings = `rtpengine_requests_total{proxy="${outputs.addresses.kamailio.sbc}",request="ping"}`;
    // It has no such series before the first.
    return (await relayMetric(index, pings).catch(() => 0)) > 0 && (await isActive(index));
  };
  const relay = (index: number) => outputs.containers.rtpengine[index] ?? assert.fail(`no RTPengine ${index}`);
  const relayMetric = (index: number, name: string) => mediaMetric(outputs, name, [relay(index)]);

  /** Changes rows as an operator, and makes them live. */
  async function change(sql: string, reload: readonly string[]): Promise<void> {
    await docker(["exec", outputs.containers.mariadb, "mariadb", "kamailio", "--execute", sql]);
    const control = ["kamcmd", "-s", "unix:/run/kamailio/kamailio_ctl", ...reload];
    // A second one within a second or two is refused.
    await waitFor(reload.join(" "), async () => {
      const { exitCode, stdout, stderr } = await tryDocker(["exec", outputs.containers.kamailio, ...control]);
      return exitCode === 0 && !/error/i.test(stdout.toString("utf8") + stderr);
    });
  }

  async function nothingIsLeft(): Promise<void> {
    await waitFor("no sessions", async () => (await mediaMetric(outputs, 'rtpengine_sessions{type="own"}')) === 0);
    const used = outputs.addresses.rtpengine.map(async ({ sbc }, index) => {
      const script = scrapeScript(sbc, 2225);
      const text = await docker(["exec", relay(index), "bash", "-c", script]);
      return sum(parseExposition(text), "rtpengine_ports_used");
    });
    assert.deepEqual(await Promise.all(used), [0, 0]);
  }

  it("bridges SRTP and RTP between phones on every transport, both ways", async () => {
    const calls = [
      { from: ["tls", "savp"], to: ["udp", "rtp"] },
      { from: ["udp", "rtp"], to: ["tls", "osrtp"] },
      { from: ["tls", "osrtp"], to: ["tls", "rtp"] },
      { from: ["tcp", "rtp"], to: ["udp", "rtp"] },
    ] as const;
    await Promise.all(
      calls.map(async ({ from, to }, lane) => {
        const what = `${from.join(" ")} to ${to.join(" ")}`;
        const { caller, callee } = await call(lane, from, to);
        assert.equal(caller.status, 200, what);
        for (const [media, kind, other] of [
          [caller.media, from[1], mark.callee],
          [callee.media, to[1], mark.caller],
        ] as const) {
          assert.ok((media.heard[other] ?? 0) > 5, `${what}: ${JSON.stringify(media)}`);
          assert.deepEqual(Object.keys(media.heard), [other], what);
          // Every packet of an encrypted leg carries its tag, none of a plain one does.
          assert.equal(media.authentic, kind === "rtp" ? 0 : media.received, what);
          const [source = ""] = media.sources;
          assert.ok(
            outputs.addresses.rtpengine.some(({ sbc }) => source.startsWith(`${sbc}:`)),
            source,
          );
        }
      }),
    );
    assert.ok((await edgeMetric("kamailio_media_legs", { kind: "savp" })) >= 1);
    assert.ok((await edgeMetric("kamailio_media_legs", { kind: "osrtp" })) >= 2);
    assert.ok((await edgeMetric("kamailio_media_legs", { kind: "rtp" })) >= 5);
  });

  it("lets phones with IPv6 and with IPv4 talk, on every transport, past a node that has IPv4 alone", async () => {
    const calls = [
      { from: ["udp6", "rtp"], to: ["udp", "rtp"] },
      { from: ["udp", "rtp"], to: ["tls6", "savp"] },
      { from: ["tls6", "osrtp"], to: ["tcp6", "rtp"] },
      { from: ["tcp", "rtp"], to: ["udp6", "rtp"] },
    ] as const;
    const ipv6 = outputs.addresses.ipv6 ?? assert.fail("no IPv6");
    await Promise.all(
      calls.map(async ({ from, to }, lane) => {
        const what = `${from.join(" ")} to ${to.join(" ")}`;
        const { caller, callee } = await call(lane, from, to);
        assert.deepEqual([caller.status, callee.ended], [200, true], what);
        for (const [media, way, sdp, other] of [
          [caller.media, from[0], caller.sdp, mark.callee],
          [callee.media, to[0], callee.offer, mark.caller],
        ] as const) {
          assert.ok((media.heard[other] ?? 0) > 5, `${what}: ${JSON.stringify(media)}`);
          const relays = way.endsWith("6") ? ipv6.rtpengine : outputs.addresses.rtpengine.map(({ sbc }) => sbc);
          const relay = /^c=IN IP[46] (\S+)\r$/m.exec(sdp)?.[1] ?? "none";
          assert.ok(relays.includes(relay), `${what}: ${relay} is none of ${relays.join()}`);
          const [source = ""] = media.sources;
          assert.ok(source.startsWith(`${relay}:`), `${what}: ${source}`);
        }
      }),
    );
    // Held and taken up again, and answered to an offer of the edge.
    const [again, late] = await Promise.all([
      echo(0, "tls6", ["savp", "savp"]),
      echo(1, "udp6", ["none"], { lateAnswer: "rtp" }),
    ]);
    assert.deepEqual([again, late].map(statuses), [[200, 200], [200]]);
    for (const { media, sdp } of [again.offers[1], late.offers[0]].map((offer) => offer ?? assert.fail("no offer"))) {
      assert.match(sdp, /^c=IN IP6 /m);
      assert.ok((media.heard[mark.caller] ?? 0) > 5, JSON.stringify(media));
    }
  });

  it("opens nothing but the ways in of phones to IPv6", async () => {
    const listening = async (container: string, protocol: "tcp" | "udp") => {
      const table = await docker(["exec", container, "cat", `/proc/net/${protocol}6`]);
      return (
        table
          .split("\n")
          .slice(1)
          .map((line) => line.trim().split(/\s+/))
          .filter(([, , , state]) => protocol === "udp" || state === "0A")
          .map(([, local = ""]) => parseInt(local.split(":")[1] ?? "", 16))
          // Asterisk's resolver waits for answers on ports that the kernel gives out.
          .filter((port) => port < 32768)
      );
    };
    const { kamailio, rtpengine, asterisk } = outputs.containers;
    for (const [container, tcp, udp] of [
      [kamailio, [5060, 5061], [5060]],
      ...[...rtpengine, ...asterisk].map((name) => [name, [], []] as const),
    ] as const) {
      assert.deepEqual([...new Set(await listening(container, "tcp"))].toSorted(), tcp, container);
      assert.deepEqual([...new Set(await listening(container, "udp"))].toSorted(), udp, container);
    }
  });

  it("bans the whole /64 of a guesser, and nobody else", async () => {
    // The last one may meet silence: it is sent once.
    const identify = async (lane: number, user: string, edge = "no IPv6", tries = 1) => {
      const step = { method: "REGISTER", user, password: "guessed" };
      const steps = Array.from({ length: tries }, (_, index) => ({ ...step, once: index === tries - 1 }));
      const input = { address: edge, port: 5060, domain: outputs.sip.domain, steps };
      return (await agentOf(lane).script<{ status: number }[]>("identify", input)).map(({ status }) => status);
    };
    const ipv6 = outputs.addresses.ipv6?.kamailio;
    const guesses = await identify(0, "caller0", ipv6, 3);
    assert.deepEqual(guesses, [401, 401, 0]);
    // From another address of the same subnet.
    assert.deepEqual(await identify(1, "caller1", ipv6), [0]);
    assert.deepEqual(await identify(1, "caller1", outputs.addresses.kamailio.sbc), [401]);
    // As an operator names it.
    const control = ["kamcmd", "-s", "unix:/run/kamailio/kamailio_ctl", "htable.delete", "ipban"];
    await docker(["exec", outputs.containers.kamailio, ...control, banKey(addresses6[1] ?? "") ?? "none"]);
    assert.deepEqual(await identify(1, "caller1", ipv6), [401]);
  });

  it("lets what browsers have (WebSocket, ICE, DTLS by OpenSSL) call and be called, with media both ways", async () => {
    const relays = outputs.addresses.rtpengine.map(({ sbc }) => sbc);
    const [out, toBrowser, both, service] = await Promise.all([
      call(0, ["wss", "dtls"], ["udp", "rtp"]),
      call(1, ["tls", "savp"], ["wss", "dtls"]),
      call(2, ["wss", "dtls"], ["wss", "dtls"]),
      echo(3, "wss", ["dtls", "dtls"]),
    ]);
    const [first, again] = service.offers;
    for (const [what, media, sdp, other, setup] of [
      ["caller", out.caller.media, out.caller.sdp, mark.callee, "active"],
      ["callee", toBrowser.callee.media, toBrowser.callee.offer, mark.caller, "actpass"],
      ["caller of two", both.caller.media, both.caller.sdp, mark.callee, "active"],
      ["callee of two", both.callee.media, both.callee.offer, mark.caller, "actpass"],
      ["echo", first?.media, first?.sdp, mark.caller, "active"],
      ["echo, later", again?.media, again?.sdp, mark.caller, "active"],
    ] as const) {
      assert.ok(media && sdp, what);
      assert.ok((media.heard[other] ?? 0) > 5, `${what}: ${JSON.stringify(media)}`);
      assert.deepEqual(Object.keys(media.heard), [other], what);
      const [port] = /(?<=^m=audio )\d+(?= UDP\/TLS\/RTP\/SAVPF )/m.exec(sdp) ?? assert.fail(sdp);
      for (const line of [
        "a=mid:",
        "a=rtcp-mux\r",
        `a=setup:${setup}\r`,
        "a=fingerprint:sha-256 ",
        "a=ice-ufrag:",
        "a=ice-pwd:",
      ]) {
        assert.ok(sdp.includes(`\n${line}`), `${what}: ${line} is missing in ${sdp}`);
      }
      assert.ok(
        relays.some((relay) => sdp.includes(` ${relay} ${port} typ host`)),
        `${what}: no candidate in ${sdp}`,
      );
      assert.doesNotMatch(sdp, /a=crypto/, what);
    }
    // On the other leg nothing of it is left.
    assert.doesNotMatch(out.callee.offer, /a=(candidate|fingerprint|setup|ice-|rtcp-mux)|SAVP/);
    for (const { caller, callee } of [out, toBrowser, both])
      assert.deepEqual([caller.status, callee.ended], [200, true]);
    assert.ok((await edgeMetric("kamailio_media_legs", { kind: "dtls" })) >= 5);
  });

  it("takes no media but DTLS-SRTP from a browser, such also from a phone, and no WebSocket of a strange page", async () => {
    const [plain, keys, later, phoneToo] = await Promise.all([
      echo(0, "wss", ["rtp"]),
      echo(1, "wss", ["savp"]),
      echo(2, "wss", ["dtls", "rtp"]),
      echo(3, "tls", ["dtls"]),
    ]);
    assert.deepEqual([plain, keys, later, phoneToo].map(statuses), [[488], [488], [200, 488], [200]]);
    assert.ok((phoneToo.offers[0]?.media.heard[mark.caller] ?? 0) > 5, JSON.stringify(phoneToo));
    assert.match(plain.offers[0]?.warning ?? "", /^301 .*SRTP: dtls/);
    const strange: CallInput = {
      caller: { ...phone(3, "caller", "wss"), origin: "https://evil.example", called: "600", offers: ["dtls"] },
      holdMs: 0,
    };
    await assert.rejects(agentOf(3).script("media/call", strange), /no WebSocket: HTTP\/1\.1 403/);
  });

  it("passes the smoke run where TLS alone is open, with SRTP", () => {
    const { domain, tls = "" } = outputs.sip;
    return smoke({ ...outputs, sip: { domain, tls }, print: () => undefined });
  });

  it("sends the node plain RTP for what the phone sends encrypted", async () => {
    const [node] = outputs.addresses.asterisk;
    const [container = ""] = outputs.containers.asterisk;
    assert.ok(node);
    await using tap = await SipAgent.start(`container:${container}`, targetOf(outputs), node.sbc);
    const { result, media } = await tap.capture(() => echo(0, "tls", ["savp"], { holdMs: 1000 }));
    assert.deepEqual(statuses(result), [200]);
    assert.ok(media.received.length > 10, `${media.received.length} received, ${media.sent.length} sent`);
    for (const { payload } of media.received) assert.deepEqual(payload, Buffer.alloc(160, Number(mark.caller)));
    const [heard] = result.offers;
    assert.equal(heard?.media.authentic, heard?.media.received);
  });

  it("refuses what would be no protection, and never gives up what there is", async () => {
    const [weak, unencrypted, clear, again] = await Promise.all([
      echo(0, "tls", ["weak"]),
      echo(1, "tls", ["unencrypted"]),
      // Over UDP everybody could read the key.
      echo(2, "udp", ["savp"]),
      echo(3, "tls", ["savp", "rtp", "savp"]),
    ]);
    assert.deepEqual([weak, unencrypted, clear].map(statuses), [[488], [488], [488]]);
    assert.match(clear.offers[0]?.warning ?? "", /^301 .*SRTP: off/);
    assert.deepEqual(statuses(again), [200, 488, 200]);
    const last = again.offers.at(-1)?.media;
    assert.ok(last && last.authentic > 5 && last.authentic === last.received, JSON.stringify(last));
    const [plain, late] = await Promise.all([
      echo(0, "udp", ["osrtp"]),
      echo(1, "tls", ["none"], { lateAnswer: "rtp" }),
    ]);
    assert.deepEqual([plain, late].map(statuses), [[200], [200]]);
    assert.doesNotMatch(plain.offers[0]?.sdp ?? "", /a=crypto/);
    assert.ok((plain.offers[0]?.media.heard[mark.caller] ?? 0) > 5);
  });

  it("lets phones behind NAT call and be called, with media both ways", async () => {
    // What the phone writes everywhere is an address that nobody has.
    const calls = await Promise.all([
      call(0, ["udp", "rtp"], ["udp", "rtp"], { claimed: "192.168.77.5" }),
      call(1, ["tls", "savp"], ["tcp", "rtp"], { claimed: "192.168.77.6" }),
    ]);
    for (const { caller, callee } of calls) {
      assert.equal(caller.status, 200);
      assert.ok(callee.ended, "the BYE found the called phone");
      assert.ok((caller.media.heard[mark.callee] ?? 0) > 5, JSON.stringify(caller.media));
      assert.ok((callee.media.heard[mark.caller] ?? 0) > 5, JSON.stringify(callee.media));
    }
  });

  it("lets a phone behind a real NAT router register, be called and call, with media both ways", async () => {
    await using home = await HomeNetwork.behind(outputs.sbcNetwork);
    const { outside, phone: natted } = home;
    const hidden = (who: "caller" | "callee") => ({ ...phone(1, who, "udp"), address: natted.address });
    const rings = natted.script<CallReport>("media/call", {
      callee: { ...hidden("callee"), answer: "rtp" },
      holdMs: 0,
    });
    const binding = () =>
      tryDocker([
        "exec",
        outputs.containers.kamailio,
        "kamcmd",
        "ul.lookup",
        "location",
        `callee1@${outputs.sip.domain}`,
      ]);
    await waitFor("callee1", async () => (await binding()).stdout.includes(`Received: sip:${outside}:`));
    const calling = await agentOf(0).script<CallReport>("media/call", {
      caller: { ...phone(0, "caller", "udp"), called: "callee1", offers: ["rtp"] },
      holdMs: 1000,
    });
    const [offer] = callerOf(calling).offers;
    const called = calleeOf(await rings);
    assert.equal(offer?.status, 200);
    assert.ok((offer.media.heard[mark.callee] ?? 0) > 20, JSON.stringify(offer));
    assert.ok((called.media.heard[mark.caller] ?? 0) > 20 && called.ended, JSON.stringify(called));

    const own = await natted.script<CallReport>("media/call", {
      caller: { ...hidden("caller"), called: "600", offers: ["rtp", "rtp"] },
      holdMs: 1000,
    });
    assert.deepEqual([statuses(callerOf(own)), callerOf(own).bye], [[200, 200], 200]);
    for (const { media } of callerOf(own).offers)
      assert.ok((media.heard[mark.caller] ?? 0) > 20, JSON.stringify(media));
  });

  it("relays none of a stranger's packets into an encrypted call, five at most into a plain one, and none to him", async () => {
    const spray: SprayInput = {
      targets: outputs.addresses.rtpengine.map(({ sbc }) => sbc),
      ...ports,
      mark: Number(mark.stranger),
      seconds: 8,
      packetsPerSecond: 4000,
    };
    const [sprayed, encrypted, plain, hidden, quiet] = await Promise.all([
      agentOf(3).script<SprayReport>("media/spray", spray, 60),
      echo(0, "tls", ["savp"], { holdMs: 4000 }),
      echo(1, "udp", ["rtp"], { holdMs: 4000 }),
      echo(2, "udp", ["rtp"], { holdMs: 4000, claimed: "192.168.77.7" }),
      // What is learnt before the first packet would show: the node is as silent as the phone.
      echo(0, "tls", ["savp"], { holdMs: 3000, silentMs: 2000 }),
    ]);
    assert.ok(sprayed.sent > 5000, `${sprayed.sent} sent`);
    /** Where RTPengine takes a phone's packets. */
    const mediaOf = (report: CallerReport) => {
      const sdp = report.offers[0]?.sdp ?? "";
      return `${/^c=IN IP4 (\S+)/m.exec(sdp)?.[1]}:${/^m=audio (\d+)/m.exec(sdp)?.[1]}`;
    };
    const heard = (report: CallerReport, whose: string) => report.offers[0]?.media.heard[whose] ?? 0;
    for (const report of [encrypted, quiet]) {
      assert.equal(heard(report, mark.stranger), 0);
      assert.ok(report.offers[0] && isEncrypted(report.offers[0].media), JSON.stringify(report));
    }
    for (const report of [plain, hidden]) {
      assert.ok(heard(report, mark.stranger) <= 5, JSON.stringify(report.offers));
    }
    for (const report of [encrypted, plain, hidden, quiet]) {
      assert.ok(heard(report, mark.caller) > 20, JSON.stringify(report));
    }
    // From the ports towards plain phones, before their first packet, at most his own that the echo gave back.
    const back = new Map(Object.entries(sprayed.received));
    for (const report of [plain, hidden]) {
      const port = mediaOf(report);
      assert.ok((back.get(port) ?? 0) <= 5, `${back.get(port)} packets from ${port}`);
      back.delete(port);
    }
    assert.deepEqual([...back], [], "from nowhere else");
  });

  it("mends the media of a call by its next offer when RTPengine was restarted in between", async () => {
    const until = "/work/restarted";
    const running = echo(0, "tls", ["savp", "savp"], { holdMs: 1500, until });
    await waitFor("the call", async () => (await mediaMetric(outputs, 'rtpengine_sessions{type="own"}')) === 1);
    await docker(["restart", "--time", "2", ...outputs.containers.rtpengine]);
    await waitFor("both up", async () => (await answersEdge(0)) && (await answersEdge(1)));
    await goOn(0, until);
    const report = await running;
    assert.deepEqual(statuses(report), [200, 200]);
    assert.equal(report.bye, 200);
    const media = report.offers[1]?.media;
    assert.ok(media && (media.heard[mark.caller] ?? 0) > 50, JSON.stringify(media));
  });

  it("takes new rules for SRTP and drains an RTPengine without touching anything that runs, or a call", async () => {
    const until = "/work/drained";
    const running = echo(0, "tls", ["savp", "savp"], { until });
    await waitFor("the call", async () => (await mediaMetric(outputs, 'rtpengine_sessions{type="own"}')) === 1);
    await stack.configure({
      rtp: { ...ports, instances: 2, drain: ["rtpengine-1"], srtp: { udp: "required", tls: "required" } },
      trunks: [
        {
          name: "carrier",
          hosts: [{ host: carrier().address }],
          probe: false,
          srtp: "required",
          prefixes: [{ prefix: "+49" }],
          numbers: [{ number: "+4930110", subscriber: "callee0" }],
        },
      ],
    });
    const { code, output, changes } = await stack.up();
    assert.equal(code, 0, output);
    assert.deepEqual(new Set(Object.values(changes).flat()), new Set(["database-provision", "kamailio-reload"]));
    const [plain, mixed, opportunistic, gone, taken] = await Promise.all([
      echo(1, "tls", ["rtp"]),
      echo(2, "tls", ["mixed"]),
      echo(3, "tls", ["osrtp"]),
      call(1, ["tcp", "rtp"], ["tls", "rtp"]),
      call(2, ["tcp", "rtp"], ["tls", "savp"]),
    ]);
    for (const report of [plain, mixed, opportunistic]) {
      assert.deepEqual(statuses(report), [488]);
      assert.match(report.offers[0]?.warning ?? "", /^301 .*SRTP: required/);
    }
    for (const { callee } of [gone, taken]) assert.match(callee.offer, /m=audio \d+ RTP\/SAVP /);
    // The phone that answers with plain RTP nonetheless gets nothing.
    assert.equal(gone.callee.media.received, 0);
    assert.ok((taken.callee.media.heard[mark.caller] ?? 0) > 5 && taken.callee.media.authentic > 5);
    assert.deepEqual(
      [...new Set(taken.caller.media.sources.map((source) => source.split(":")[0]))],
      [outputs.addresses.rtpengine[1]?.sbc],
    );
    await goOn(0, until);
    const report = await running;
    assert.equal(report.bye, 200);
    assert.deepEqual(statuses(report), [200, 200]);
    const [atFirst, later] = report.offers;
    assert.ok((later?.media.heard[mark.caller] ?? 0) > 5, JSON.stringify(report));
    // All the time, while it was drained.
    const { sent = 0, heard = {}, gapMs = Infinity } = atFirst?.media ?? {};
    assert.ok((heard[mark.caller] ?? 0) > sent * 0.9 && gapMs < 3000, JSON.stringify(atFirst?.media));
    assert.deepEqual(later?.media.sources, atFirst?.media.sources, "where it was, drained or not");
  });

  it("demands SRTP on every way in where it is required", async () => {
    await change("UPDATE edge_policy SET key_value = 'required' WHERE key_name = 'ingress.tcp.srtp'", policyReload);
    const ways = ["udp", "tcp", "tls", "mutualTls"] as const;
    await Promise.all(
      ways.map(async (way, lane) => {
        const plain = await echo(lane, way, ["rtp"]);
        assert.deepEqual(statuses(plain), [488], way);
        assert.match(plain.offers[0]?.warning ?? "", /^301 .*SRTP: required/, way);
        const encrypted = await echo(lane, way, ["savp"]);
        assert.deepEqual(statuses(encrypted), [200], way);
        assert.ok(encrypted.offers[0] && isEncrypted(encrypted.offers[0].media), JSON.stringify(encrypted));
      }),
    );
    const { caller, callee } = await call(3, ["mutualTls", "savp"], ["mutualTls", "savp"]);
    assert.match(callee.offer, /m=audio \d+ RTP\/SAVP /);
    for (const media of [caller.media, callee.media]) assert.ok(isEncrypted(media), JSON.stringify(media));
    await change(
      "UPDATE edge_policy SET key_value = 'off' WHERE key_name IN ('ingress.udp.srtp', 'ingress.tcp.srtp')",
      policyReload,
    );
  });

  it("demands SRTP of a trunk where it is required, in and out", async () => {
    const trunk: PhoneSettings = {
      transport: "udp",
      edge: { address: outputs.addresses.kamailio.sbc, port: 5060 },
      domain: outputs.sip.domain,
      address: carrier().address,
      localPort: 5060,
      user: "+4989555",
      password: "",
    };
    const deliver = async (offer: MediaKind) => {
      const caller = { ...trunk, called: "+4930110", offers: [offer] };
      return callerOf(
        await carrier().script<CallReport>("media/call", { caller, holdMs: 800 } satisfies CallInput, 60),
      );
    };
    const refused = await deliver("rtp");
    assert.deepEqual(statuses(refused), [488]);
    assert.match(refused.offers[0]?.warning ?? "", /^301 .*SRTP: required/);

    const rings = agentOf(0).script<CallReport>("media/call", {
      callee: { ...phone(0, "callee", "tls"), answer: "savp" },
      holdMs: 0,
    });
    const lookUp = ["kamcmd", "ul.lookup", "location", `callee0@${outputs.sip.domain}`];
    await waitFor("callee0", async () =>
      (await tryDocker(["exec", outputs.containers.kamailio, ...lookUp])).stdout.includes("AoR:"),
    );
    const [delivered] = (await deliver("savp")).offers;
    assert.equal(delivered?.status, 200);
    for (const media of [delivered.media, calleeOf(await rings).media])
      assert.ok(isEncrypted(media), JSON.stringify(media));

    const takes = carrier().script<CallReport>("media/call", { callee: { ...trunk, answer: "savp" }, holdMs: 0 });
    const { offers } = callerOf(
      await agentOf(1).script<CallReport>("media/call", {
        caller: { ...phone(1, "caller", "udp"), called: "+4940123", offers: ["rtp"] },
        holdMs: 800,
      }),
    );
    assert.deepEqual([offers[0]?.status, offers[0]?.media.authentic], [200, 0]);
    const { offer, media } = calleeOf(await takes);
    assert.match(offer, /m=audio \d+ RTP\/SAVP /);
    assert.ok(isEncrypted(media), JSON.stringify(media));
    assert.ok((media.heard[mark.caller] ?? 0) > 5, JSON.stringify(media));
  });

  it("gives calls to another RTPengine when one is killed; a call on it stays there, without media, and ends as it should", async () => {
    // It was drained.
    await change("UPDATE rtpengine SET disabled = 0", ["rtpengine.reload"]);
    await waitFor("both up", async () => (await relayUp(0)) === 1 && (await relayUp(1)) === 1);
    const sessions = (index: number) => relayMetric(index, 'rtpengine_sessions{type="own"}');
    const until = "/work/killed";
    const running = echo(0, "tls", ["savp", "savp"], { holdMs: 1000, until });
    await waitFor("the call", async () => (await sessions(0)) + (await sessions(1)) === 1);
    const dead = (await sessions(0)) === 1 ? 0 : 1;
    const alive = outputs.addresses.rtpengine[1 - dead]?.sbc;
    // For Docker a stop by hand: it stays dead.
    await docker(["kill", relay(dead)]);
    const sources = (report: CallerReport) =>
      new Set(report.offers.at(-1)?.media.sources.map((source) => source.split(":")[0]));
    try {
      for (const report of await Promise.all([1, 2, 3].map((lane) => echo(lane, "tls", ["savp"])))) {
        assert.deepEqual(statuses(report), [200]);
        assert.deepEqual(sources(report), new Set([alive]));
      }
      await goOn(0, until);
      const report = await running;
      // Its later offers are refused until its own RTPengine is back, which Docker sees to unless it was told to stop it.
      assert.deepEqual([statuses(report), report.bye], [[200, 500], 200]);
    } finally {
      await docker(["start", relay(dead)]);
    }
    await waitFor("both up", async () => (await relayUp(0)) === 1 && (await relayUp(1)) === 1);
  });

  it("leaves no session and no port behind, also of a call that the edge has ended itself", async () => {
    await nothingIsLeft();
    await change("UPDATE edge_policy SET key_value = 2 WHERE key_name = 'class.default.call_seconds'", policyReload);
    const long = echo(0, "tls", ["savp"], { holdMs: 8000 });
    await waitFor("the call", async () => (await mediaMetric(outputs, 'rtpengine_sessions{type="own"}')) === 1);
    await waitFor("its end", async () => (await mediaMetric(outputs, 'rtpengine_sessions{type="own"}')) === 0, 7000);
    assert.notEqual((await long).bye, 200);
    await nothingIsLeft();
  });

  it("takes another RTPengine within seconds when one is frozen, and it again afterwards", async () => {
    await docker(["pause", relay(0)]);
    try {
      const start = performance.now();
      const calls = await Promise.all(
        lanes.map(async (lane) => [await echo(lane, "udp", ["rtp"]), await echo(lane, "udp", ["rtp"])]),
      );
      const seconds = (performance.now() - start) / 1000;
      for (const report of calls.flat()) {
        assert.deepEqual(statuses(report), [200]);
        assert.ok((report.offers[0]?.media.heard[mark.caller] ?? 0) > 5, JSON.stringify(report));
        assert.deepEqual(
          report.offers[0]?.media.sources.map((source) => source.split(":")[0]),
          [outputs.addresses.rtpengine[1]?.sbc],
        );
      }
      assert.ok(seconds < 25, `${seconds} s for eight calls`);
      await waitFor("the gauge", async () => (await relayUp(0)) === 0);
    } finally {
      await docker(["unpause", relay(0)]);
    }
    await waitFor("both up", async () => (await relayUp(0)) === 1 && (await relayUp(1)) === 1);
  });
});
