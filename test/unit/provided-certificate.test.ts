import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { describeProblems } from "../../components/config-problems.ts";
import { readProvidedCertificate, type CertificateDemands } from "../../components/provided-certificate.ts";
import { testAuthority, type CertificateOptions } from "../support/certificates.ts";

const domain = "sip.example.com";
const demands: CertificateDemands = { domain, names: [], minDays: 14 };
const names = [domain];

const root = await testAuthority("Test Root");
const intermediate = await root.issue("Test Intermediate", { ca: true, days: 400 });
const good = await intermediate.issue(domain, { names });
const other = await intermediate.issue(domain, { names });
const stranger = await (await testAuthority("Stranger Root")).issue("Stranger", { ca: true });

const folder = mkdtempSync(join(tmpdir(), "sbc-provided-"));
after(() => rmSync(folder, { recursive: true }));
const files = { chain: join(folder, "fullchain.pem"), key: join(folder, "privkey.pem"), ca: join(folder, "ca.pem") };

type Content = string | Buffer;
interface Given {
  chain?: Content;
  key?: Content;
  ca?: Content | undefined;
  demands?: Partial<CertificateDemands>;
}

/** Reads files with the given content; what is not given is good. */
function read({ chain = good.chain, key = good.keyPem, ca = root.pem, demands: more }: Given) {
  writeFileSync(files.chain, chain);
  writeFileSync(files.key, key);
  writeFileSync(files.ca, ca);
  return readProvidedCertificate(
    { chainFile: files.chain, keyFile: files.key, caFile: files.ca },
    { ...demands, ...more },
  );
}

/** A leaf of the intermediate CA that is like this, with its own key. */
async function leaf(options: CertificateOptions): Promise<Given> {
  const certificate = await intermediate.issue(domain, { names, ...options });
  return { chain: certificate.chain, key: certificate.keyPem };
}

async function below(ca: CertificateOptions): Promise<Given> {
  const certificate = await (await root.issue("Odd Intermediate", { ca: true, ...ca })).issue(domain, { names });
  return { chain: certificate.chain, key: certificate.keyPem };
}

const encrypted = createPrivateKey(good.keyPem)
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" })
  .toString();
const oldEncrypted = createPrivateKey(good.keyPem)
  .export({ type: "sec1", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" })
  .toString();

const refused: {
  what: string;
  given: () => Given | Promise<Given>;
  key: "chainFile" | "keyFile" | "caFile";
  says: RegExp;
}[] = [
  // Format
  {
    what: "DER",
    given: () => ({ chain: good.der }),
    key: "chainFile",
    says: /is DER; .*\n +openssl x509 -inform der -in \S+fullchain\.pem/,
  },
  {
    what: "something binary",
    given: () => ({ chain: Buffer.from([0x30, 0, 1]) }),
    key: "chainFile",
    says: /neither PEM nor a certificate.*\n +openssl pkcs12/,
  },
  { what: "an empty file", given: () => ({ chain: "" }), key: "chainFile", says: /holds no certificate/ },
  {
    what: "a chain cut short",
    given: () => ({ chain: good.chain.replace(/\n.{20}/, "\n") }),
    key: "chainFile",
    says: /cannot be read/,
  },
  {
    what: "a key in the chain's file",
    given: () => ({ chain: good.chain + good.keyPem }),
    key: "chainFile",
    says: /holds a private key too/,
  },
  {
    what: "a DER key",
    given: () => ({ key: good.keyDer }),
    key: "keyFile",
    says: /is not PEM; .*\n +openssl pkey -inform der/,
  },
  {
    what: "a key with a passphrase",
    given: () => ({ key: encrypted }),
    key: "keyFile",
    says: /needs a passphrase.*\n +openssl pkey -in/,
  },
  {
    what: "an old key with a passphrase",
    given: () => ({ key: oldEncrypted }),
    key: "keyFile",
    says: /needs a passphrase/,
  },
  {
    what: "a certificate instead of the key",
    given: () => ({ key: good.pem }),
    key: "keyFile",
    says: /holds no private key/,
  },
  {
    what: "a key cut short",
    given: () => ({ key: good.keyPem.replace(/\n.{20}/, "\n") }),
    key: "keyFile",
    says: /cannot be read/,
  },
  // Key
  {
    what: "the key of another certificate",
    given: () => ({ key: other.keyPem }),
    key: "keyFile",
    says: /is the key of another certificate than "sip\.example\.com"/,
  },
  // Names
  {
    what: "another name",
    given: () => leaf({ names: ["www.example.com"] }),
    key: "chainFile",
    says: /is for DNS:www\.example\.com; .*must cover sip\.example\.com \(sbc:domain\)/,
  },
  {
    what: "a name in the subject only",
    given: () => leaf({ names: [] }),
    key: "chainFile",
    says: /is for no name at all/,
  },
  {
    what: "a further name missing",
    given: () => ({ demands: { names: ["edge.example.com"] } }),
    key: "chainFile",
    says: /must cover edge\.example\.com \(sbc:certificates\.names\)/,
  },
  {
    what: "an address missing",
    given: () => ({ demands: { names: ["198.51.100.7"] } }),
    key: "chainFile",
    says: /must cover 198\.51\.100\.7/,
  },
  // Dates
  {
    what: "expired",
    given: () => leaf({ days: -2, fromDays: -9 }),
    key: "chainFile",
    says: /expired on \d{4}-\d\d-\d\d/,
  },
  {
    what: "about to expire",
    given: () => leaf({ days: 13.5 }),
    key: "chainFile",
    says: /expires in 13 days .*at least 14 \(sbc:certificates\.minDays\)/,
  },
  { what: "not valid yet", given: () => leaf({ fromDays: 2 }), key: "chainFile", says: /valid only from/ },
  {
    what: "an expired intermediate",
    given: () => below({ days: -1, fromDays: -9 }),
    key: "chainFile",
    says: /"Odd Intermediate", which expired/,
  },
  // Chain
  {
    what: "without its intermediate",
    given: () => ({ chain: good.pem }),
    key: "chainFile",
    says: /does not lead to a CA .*Test Intermediate is missing.*fullchain/,
  },
  {
    what: "an intermediate of somebody else",
    given: () => ({ chain: good.pem + stranger.pem }),
    key: "chainFile",
    says: /"Stranger" after "sip\.example\.com", which it did not sign/,
  },
  {
    what: "out of order",
    given: () => ({ chain: good.pem + root.pem + intermediate.pem }),
    key: "chainFile",
    says: /out of order: "sip\.example\.com" must be followed/,
  },
  {
    what: "the CA first",
    given: () => ({ chain: intermediate.pem + good.pem }),
    key: "chainFile",
    says: /begins with the CA "Test Intermediate"/,
  },
  {
    what: "another CA",
    given: () => ({ ca: stranger.root }),
    key: "chainFile",
    says: /does not lead to a CA in sbc:certificates\.caFile \S+ca\.pem/,
  },
  { what: "no CA file content", given: () => ({ ca: "nothing" }), key: "caFile", says: /holds no certificate/ },
  {
    what: "self-signed",
    given: async () => {
      const alone = await testAuthority(domain, { ca: false, names, days: 90 });
      return { chain: alone.pem, key: alone.keyPem, ca: alone.pem };
    },
    key: "chainFile",
    says: /is self-signed/,
  },
  // Strength and usage
  {
    what: "a short RSA key",
    given: () => leaf({ key: "RSA-1024" }),
    key: "chainFile",
    says: /too weak .*\(RSA with 1024 bits\); it must be RSA with at least 2048 bits/,
  },
  {
    what: "a kind of key that phones do not know",
    given: () => leaf({ key: "Ed25519" }),
    key: "chainFile",
    says: /\(ed25519\)/,
  },
  {
    what: "a weak intermediate",
    given: () => below({ key: "RSA-1024" }),
    key: "chainFile",
    says: /"Odd Intermediate" with a key that is too weak/,
  },
  {
    what: "signed with SHA-1",
    given: () => below({ key: "RSA-2048-SHA1" }),
    key: "chainFile",
    says: /signed with .*sha1/i,
  },
  { what: "for clients", given: () => leaf({ usage: "client" }), key: "chainFile", says: /not for servers/ },
];

describe("the operator's certificate", () => {
  for (const { what, given, key, says } of refused) {
    it(`is refused with one clear message: ${what}`, async () => {
      const result = read(await given());
      assert.ok("problems" in result, "accepted");
      const text = describeProblems(result.problems, "prod");
      assert.deepEqual(
        result.problems.map(({ path }) => path.join(".")),
        [`certificates.${key}`],
        text,
      );
      assert.match(text, says);
      // Which file, and what to type.
      assert.ok(
        text.includes(`sbc:certificates.${key} = "${files[key.replace("File", "") as keyof typeof files]}"`),
        text,
      );
      assert.match(text, /\n {6}(pulumi config set --path 'sbc:certificates\.\w+' \S+ -s prod|openssl .+)$/);
      assert.doesNotMatch(text, /PRIVATE KEY-----[A-Za-z0-9+/]/);
    });
  }

  it("is told all that is wrong with it at once", async () => {
    const bad = await intermediate.issue(domain, { names: ["a.example.com"], days: 1 });
    const result = read({ chain: bad.chain, key: other.keyPem });
    assert.ok("problems" in result);
    assert.equal(result.problems.length, 3, describeProblems(result.problems, "prod"));
  });

  for (const [what, given] of [
    ["an EC key", () => ({})],
    ["an RSA key of 2048 bits", () => leaf({ key: "RSA-2048" })],
    ["the root in the chain as well", () => ({ chain: good.chain + root.pem })],
    ["a further name that it covers", () => ({ demands: { names: [domain] } })],
    ["a certificate with just enough days", () => leaf({ days: 14.5 })],
  ] as const satisfies [string, () => Given | Promise<Given>][]) {
    it(`is taken with ${what}`, async () => {
      const result = read(await given());
      assert.ok("certificate" in result, "problems" in result ? describeProblems(result.problems, "prod") : "");
      assert.equal(result.certificate.ca.trim(), root.pem.trim());
      assert.deepEqual(result.warnings, []);
    });
  }

  it("is taken from the configuration's own text, and the root of the chain is what phones trust", () => {
    const result = readProvidedCertificate(
      { chain: `Bag Attributes\n${good.chain}${root.pem}`, key: good.keyPem },
      demands,
    );
    assert.ok("certificate" in result, JSON.stringify(result));
    assert.equal(result.certificate.ca.trim(), root.pem.trim());
    assert.ok(!result.certificate.chain.includes("Bag Attributes"));
  });

  it("needs the CA of a private chain", () => {
    const result = readProvidedCertificate({ chain: good.chain, key: good.keyPem }, demands);
    assert.ok("problems" in result);
    assert.match(describeProblems(result.problems, "prod"), /which no public CA signed.*caFile/);
  });

  it("never shows text that was configured itself", () => {
    const result = readProvidedCertificate({ chain: good.pem, key: encrypted }, demands);
    assert.ok("problems" in result);
    const text = describeProblems(result.problems, "prod");
    assert.doesNotMatch(text, /BEGIN|MII/);
    assert.match(text, /pulumi config set --secret --path 'sbc:certificates\.key' < FILE\.pem -s prod/);
  });

  it("is warned of where some phones will balk: a wildcard, and a public address that is not covered", async () => {
    const wild = await leaf({ names: ["*.example.com"] });
    const result = read({ ...wild, demands: { publicAddress: "198.51.100.7" } });
    assert.ok("warnings" in result);
    assert.match(result.warnings.join("\n"), /wildcard.*\n.*publicAddress 198\.51\.100\.7/);
  });

  it("says so when a file cannot be read or is not named", () => {
    const result = readProvidedCertificate({ chainFile: folder }, demands);
    assert.ok("problems" in result);
    assert.match(
      describeProblems(result.problems, "prod"),
      /chainFile = ".*" cannot be read \(EISDIR\)[\s\S]*keyFile is required/,
    );
  });
});
