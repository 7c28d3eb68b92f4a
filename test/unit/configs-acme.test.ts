import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConfig } from "../../components/config-parse.ts";
import { renderAcmeConfig, renderAcmeSecrets, type AcmeConfigArgs } from "../../configs/acme/index.ts";

const dns = { mode: "acme", acme: { email: "o@example.com", challenge: "dns-01", dnsProvider: "cloudflare" } } as const;

function parse(certificates: unknown, secret = true) {
  const values = {
    environment: "prod",
    domain: "sip.example.com",
    edge: JSON.stringify({ bind: "192.0.2.10", publicAddress: "198.51.100.7" }),
    certificates: JSON.stringify(certificates),
  };
  return parseConfig(values, "prod", () => secret);
}

describe("the configuration of an ACME certificate", () => {
  it("needs a mail address only; the CA is Let's Encrypt, the challenge HTTP on port 80", () => {
    const result = parse({ mode: "acme", acme: { email: "operator@example.com" } }, false);
    assert.ok("config" in result, JSON.stringify(result));
    const { directory, challenge, httpPort } = result.config.certificates.acme;
    assert.deepEqual(
      [directory, challenge, httpPort],
      ["https://acme-v02.api.letsencrypt.org/directory", "http-01", 80],
    );
  });

  const refused: [string, unknown, RegExp[]][] = [
    [
      "no mail address",
      { mode: "acme" },
      [/acme\.email is required .*\n.*config set --path 'sbc:certificates\.acme\.email' operator@example\.com/],
    ],
    [
      "no mail address but something else",
      { mode: "acme", acme: { email: "x" } },
      [/acme\.email = "x" must be a mail address/],
    ],
    [
      "a directory without TLS",
      { mode: "acme", acme: { email: "o@example.com", directory: "http://ca.example.com/dir" } },
      [/acme\.directory = .* must be an https URL/],
    ],
    [
      "a port that SIP has",
      { mode: "acme", acme: { email: "o@example.com", httpPort: 5061 } },
      [/httpPort = 5061 is also a port of SIP/],
    ],
    [
      "an address as a name",
      { mode: "acme", names: ["198.51.100.7"], acme: { email: "o@example.com" } },
      [/names\[0\] = "198\.51\.100\.7" is an address/],
    ],
    [
      "a directory's CA that is not there",
      { mode: "acme", acme: { email: "o@example.com", directoryCaFile: "no.pem" } },
      [/directoryCaFile = "no\.pem" does not exist/],
    ],
    [
      "a DNS challenge without provider and credentials",
      { mode: "acme", acme: { email: "o@example.com", challenge: "dns-01" } },
      [
        /acme\.dnsProvider is required/,
        /dnsCredentials\.CLOUDFLARE_DNS_API_TOKEN .* is required .*\n.*config set --secret --path/,
      ],
    ],
    [
      "a misnamed credential, which is not shown",
      { ...dns, acme: { ...dns.acme, dnsCredentials: { token: "TOP-SECRET" } } },
      [/dnsCredentials\.token = \[secret\]/],
    ],
  ];
  for (const [what, certificates, expected] of refused) {
    it(`is refused with ${what}`, () => {
      const result = parse(certificates);
      assert.ok("problems" in result, "accepted");
      for (const pattern of expected) assert.match(result.problems, pattern);
      assert.doesNotMatch(result.problems, /TOP-SECRET/);
    });
  }

  it("is refused with a credential in plain text, which is not shown", () => {
    const result = parse(
      { ...dns, acme: { ...dns.acme, dnsCredentials: { CLOUDFLARE_DNS_API_TOKEN: "TOP-SECRET" } } },
      false,
    );
    assert.ok("problems" in result);
    assert.match(result.problems, /dnsCredentials\.CLOUDFLARE_DNS_API_TOKEN is a credential in plain text; .*--secret/);
    assert.doesNotMatch(result.problems, /TOP-SECRET/);
  });
});

describe("the files of the ACME client", () => {
  const args: AcmeConfigArgs = {
    names: ["sip.example.com", "edge.example.com"],
    email: "o'hara@example.com",
    directory: "https://ca.example.com/dir?a=$(b)",
    challenge: { type: "dns-01", provider: "rfc2136", resolvers: ["192.0.2.53:53"] },
    minDays: 14,
    opsAddress: "10.7.0.66",
  };

  it("quote every value for the shell", () => {
    const settings = renderAcmeConfig(args)["acme.env"] ?? "";
    assert.match(settings, /^names=\('sip\.example\.com' 'edge\.example\.com'\)$/m);
    assert.match(settings, /^email='o'\\''hara@example\.com'$/m);
    assert.match(settings, /^directory='https:\/\/ca\.example\.com\/dir\?a=\$\(b\)'$/m);
    assert.match(settings, /^dns_resolvers=\('192\.0\.2\.53:53'\)$/m);
  });

  it("reload certificates and nothing else", () => {
    const files = renderAcmeConfig(args);
    assert.match(files["reload.env"] ?? "", /^host=10\.7\.0\.66$/m);
    assert.match(files["reload.env"] ?? "", /^reload=\(certificates\)$/m);
    assert.equal(files["directory-ca.pem"], undefined);
  });

  it("hold each credential in a file of its name, and the token of Kamailio", () => {
    const secrets = renderAcmeSecrets({ opsToken: "token", dnsCredentials: { RFC2136_TSIG_SECRET: "secret" } });
    assert.deepEqual(secrets, { ops_token: "token", RFC2136_TSIG_SECRET: "secret" });
    assert.throws(() => renderAcmeSecrets({ opsToken: "token", dnsCredentials: { "../x": "secret" } }), /\.\.\/x/);
  });
});
