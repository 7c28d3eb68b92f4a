import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, describe, it } from "node:test";
import {
  acmeRuntime,
  challengePort,
  renderAcmeConfig,
  renderAcmeSecrets,
  type AcmeChallenge,
  type AcmeConfigArgs,
} from "../../configs/acme/index.ts";
import { waitFor } from "../sip/agent.ts";
import { startAcmeServer, type AcmeServer } from "../support/acme-server.ts";
import { TestContainer } from "../support/container.ts";
import { ensureImage } from "../support/images.ts";

const zone = "example.test";
const names = ["sip.example.test", "edge.example.test"];

interface ClientOptions extends Partial<AcmeConfigArgs> {
  dnsCredentials?: Record<string, string>;
}

describe("the ACME client of the stack", { timeout: 180_000 }, () => {
  let server: AcmeServer;
  /** Started first, for it takes its time to give up. */
  let distrustful: TestContainer;

  before(async () => {
    server = await startAcmeServer({ zone, address: "127.0.0.1", httpPort: challengePort });
    distrustful = await client({ directoryCa: undefined });
  });
  after(async () => {
    await distrustful?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  /** The client, hardened as in the stack, on the loopback device of the CA. Nobody listens at the ops address. */
  async function client({ dnsCredentials = {}, ...options }: ClientOptions = {}): Promise<TestContainer> {
    const { mounts, tmpfs, uid, gid, memoryMb } = acmeRuntime;
    const own = `uid=${uid},gid=${gid}`;
    return TestContainer.start({
      role: "acme",
      image: await ensureImage("acme"),
      files: {
        [mounts.config]: renderAcmeConfig({
          names,
          email: "operator@example.test",
          directory: server.directory,
          directoryCa: server.directoryCa,
          challenge: { type: "http-01" },
          minDays: 14,
          opsAddress: "127.0.0.66",
          ...options,
        }),
        [mounts.secrets]: renderAcmeSecrets({ opsToken: "ops-token", dnsCredentials }),
      },
      tmpfs: { ...tmpfs, [mounts.state]: `${own},mode=0700`, [mounts.tls]: `${own},mode=0750` },
      command: ["/bin/bash", `${mounts.config}/acme.sh`],
      uid,
      gid,
      memoryMb,
      network: server.container,
    });
  }

  const read = async (from: TestContainer, file: string) => {
    const { exitCode, stdout, stderr } = await from.exec(["cat", `${acmeRuntime.mounts.tls}/${file}`]);
    assert.equal(exitCode, 0, stderr);
    return stdout.toString("utf8");
  };
  const health = async (of: TestContainer) => {
    const { exitCode, stdout } = await of.exec(acmeRuntime.healthcheck.slice(1));
    return { exitCode, says: stdout.toString("utf8").trim() };
  };

  it("obtains a certificate by HTTP-01 whose chain leads to the CA's root, for Kamailio's eyes only", async () => {
    await using acme = await client();
    await acme.healthy(acmeRuntime.healthcheck);
    const chain = await read(acme, "server.pem");
    const leaf = new X509Certificate(chain);
    for (const name of names) assert.equal(leaf.checkHost(name, { subject: "never" }), name);
    const [, intermediate] = chain.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
    assert.ok(intermediate !== undefined && leaf.verify(new X509Certificate(intermediate).publicKey));
    assert.ok(new X509Certificate(intermediate).verify(new X509Certificate(await server.root()).publicKey));
    const { stdout } = await acme.exec(["stat", "-c", "%n %u:%g %a", "/run/tls/server.key", "/run/tls"]);
    assert.equal(stdout.toString("utf8"), "/run/tls/server.key 4105:4101 440\n/run/tls 4105:4101 750\n");
  });

  it("renews when the CA asks for it, at the latest a third of its life before the end, with a new key", async () => {
    await using acme = await client();
    await acme.healthy(acmeRuntime.healthcheck);
    const [first, firstKey] = [await read(acme, "server.pem"), await read(acme, "server.key")];
    const checks = () => acme.output.split("renew").length;
    const before = checks();
    await hangUp(acme);
    await waitFor("a look at the certificate", () => Promise.resolve(checks() > before));
    assert.equal(await read(acme, "server.pem"), first, "renewed without need");

    await server.askForRenewal(first.split(/(?<=END CERTIFICATE-----\n)/)[0] ?? "");
    await hangUp(acme);
    await waitFor("another certificate", async () => (await read(acme, "server.pem")) !== first);
    assert.notEqual(await read(acme, "server.key"), firstKey);
    assert.deepEqual(await health(acme), { exitCode: 0, says: "healthy" });
  });

  it("obtains a certificate by DNS-01 at a name server that takes signed updates, credentials from files", async () => {
    const challenge: AcmeChallenge = { type: "dns-01", provider: "rfc2136", resolvers: [] };
    const dnsCredentials = {
      RFC2136_NAMESERVER: "127.0.0.1:53",
      RFC2136_TSIG_ALGORITHM: "hmac-sha256.",
      RFC2136_TSIG_KEY: "acme",
      RFC2136_TSIG_SECRET: server.tsigSecret,
    };
    await using acme = await client({ names: ["sip.example.test"], challenge, dnsCredentials });
    await acme.healthy(acmeRuntime.healthcheck);
    assert.equal(new X509Certificate(await read(acme, "server.pem")).checkHost("sip.example.test"), "sip.example.test");
    assert.ok(!acme.output.includes(server.tsigSecret));
  });

  it("says in its health what the CA said, and has no certificate, when a name is somebody else's", async () => {
    await using acme = await client({ names: ["sip.elsewhere.test"] });
    await waitFor("a refusal", async () => (await health(acme)).says.includes("last answer"));
    const { exitCode, says } = await health(acme);
    assert.equal(exitCode, 1);
    assert.match(says, /^no certificate yet; the CA's last answer: .*sip\.elsewhere\.test/);
  });

  it("is unhealthy when too few days are left", async () => {
    await using acme = await client({ minDays: 91 });
    await waitFor("a certificate", async () => (await health(acme)).says.includes("days left"));
    const { exitCode, says } = await health(acme);
    assert.equal(exitCode, 1);
    assert.match(says, /^less than 91 days left: notAfter=/);
  });

  it("does not trust a directory whose certificate an unknown CA signed", async () => {
    await waitFor("a refusal", async () => (await health(distrustful)).says.includes("last answer"), 60_000);
    assert.match((await health(distrustful)).says, /certificate signed by unknown authority/);
  });

  /** SIGHUP: look now. */
  async function hangUp(acme: TestContainer): Promise<void> {
    const { exitCode, stderr } = await acme.exec(["bash", "-c", "kill -HUP 1"]);
    assert.equal(exitCode, 0, stderr);
  }
});
