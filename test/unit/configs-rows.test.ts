import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  ha1,
  renderAddressRows,
  renderUserAgentRows,
  renderDeviceRows,
  renderDispatcherRows,
  renderRelayRows,
  renderRows,
  renderSignatureKeyRows,
  renderSubscriberRows,
  subscriberNameProblem,
} from "../../configs/mariadb/rows.ts";

const domain = "sip.example.test";

describe("HA1", () => {
  it("is that of RFC 7616 §3.9.1 for both hashes", () => {
    // The RFC gives responses, not HA1; these are the hashes of its "Mufasa:http-auth@example.org:Circle of Life".
    const hash = (algorithm: "md5" | "sha256") => ha1("Mufasa", "http-auth@example.org", "Circle of Life", algorithm);
    assert.equal(hash("md5"), "3d78807defe7de2157e2b0b6573a855f");
    assert.equal(hash("sha256"), "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232");
  });
});

describe("the name of a subscriber", () => {
  it("may be what phones and people use", () => {
    for (const name of ["alice", "1001", "+15551234567", "o.brien", "front-desk_2", "x~", "a".repeat(64)]) {
      assert.equal(subscriberNameProblem(name), undefined, name);
    }
  });

  it("may not hold anything with a meaning to SIP, SQL, a shell or a dial plan", () => {
    for (const name of [
      "a b",
      "a@b",
      "a'b",
      'a"b',
      "a;b",
      "a%41",
      "a/b",
      "a&b",
      "*97",
      "a\nb",
      "ä",
      "a,b",
      "${x}",
      "a".repeat(65),
      "",
    ]) {
      assert.notEqual(subscriberNameProblem(name), undefined, JSON.stringify(name));
    }
  });

  it("may not be a service of the dial plan", () => {
    for (const name of ["600", "601", "800", "899"]) assert.match(subscriberNameProblem(name) ?? "", /service/);
    for (const name of ["602", "700", "8000"]) assert.equal(subscriberNameProblem(name), undefined);
  });
});

describe("subscriber rows", () => {
  it("never hold a password", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8 }), (password) => {
        assert.ok(!renderSubscriberRows(domain, [{ name: "alice", password }]).includes(password));
      }),
    );
  });

  it("refuse a first character that means something to a dial pattern", () => {
    for (const name of ["_x", "-x", ".x", "~x"]) assert.match(subscriberNameProblem(name) ?? "", /must begin with/);
  });

  it("refuse two names that the database could not tell apart", () => {
    const twice = ["Alice", "alice"].map((name) => ({ name, password: "x" }));
    assert.throws(() => renderSubscriberRows(domain, twice), /"alice" appears twice/);
  });

  it("refuse a bad name and say what is allowed", () => {
    assert.throws(() => renderSubscriberRows(domain, [{ name: "a b", password: "x" }]), /"a b" may only hold letters/);
  });

  it("delete the stack's own subscribers, and only those, when there are none", () => {
    assert.equal(renderSubscriberRows(domain, []), "DELETE FROM subscriber WHERE owner = 'stack';\n");
  });
});

describe("dispatcher rows", () => {
  it("keep a drained node, disabled", () => {
    const sql = renderDispatcherRows(1, [
      { name: "asterisk-1", address: "10.5.0.10" },
      { name: "asterisk-2", address: "10.5.0.11", drain: true },
    ]);
    assert.match(sql, /\(1, 'sip:10\.5\.0\.10:5060', 0, '', 'asterisk-1', 'stack'\)/);
    assert.match(sql, /\(1, 'sip:10\.5\.0\.11:5060', 4, '', 'asterisk-2', 'stack'\)/);
  });
});

describe("address rows", () => {
  it("take a plain address for a /32", () => {
    assert.match(renderAddressRows([{ cidr: "192.0.2.1", group: "unlimited" }]), /\(4, '192\.0\.2\.1', 32, 'stack'\)/);
    const networks = renderAddressRows(["2001:db8::1", "2001:db8:7::/48"].map((cidr) => ({ cidr, group: "blocked" })));
    assert.match(networks, /\(2, '2001:db8::1', 128, 'stack'\)[^]*\(2, '2001:db8:7::', 48, 'stack'\)/);
  });
});

describe("relay rows", () => {
  it("keep a drained RTPengine, disabled", () => {
    const sql = renderRelayRows([
      { address: "10.5.0.4", port: 22222 },
      { address: "10.5.0.6", port: 22222, drain: true },
    ]);
    assert.match(sql, /\(0, 'udp:10\.5\.0\.4:22222', 1, 0, 'stack'\)/);
    assert.match(sql, /\(0, 'udp:10\.5\.0\.6:22222', 1, 1, 'stack'\)/);
  });
});

describe("rows of identities", () => {
  it("leave an operator's signature key of the same name alone", () => {
    const sql = renderSignatureKeyRows([{ id: "first", key: "it's" }]);
    assert.match(
      sql,
      /^DELETE FROM signature_key WHERE owner = 'stack';\nINSERT IGNORE INTO signature_key .*\n.*'it\\'s', 'stack'\);/,
    );
  });

  it("bind a device to its subscriber, and a trunk's to none", () => {
    const sql = renderDeviceRows([
      { name: "desk-1", keyId: "aa", subscriber: "alice" },
      { name: "pbx", keyId: "bb" },
    ]);
    assert.match(sql, /\('aa', 'desk-1', 'alice', 'stack'\)/);
    assert.match(sql, /\('bb', 'pbx', '', 'stack'\)/);
  });
});

describe("all rows", () => {
  it("are one transaction", () => {
    const sql = renderRows({ domain, subscribers: [], nodes: [] });
    assert.match(sql, /^START TRANSACTION;\n[^]*\nCOMMIT;\n$/);
  });
});

describe("User-Agent rows", () => {
  it("are the stack's own, blocked, and leave an operator's alone", () => {
    const sql = renderUserAgentRows(["friendly-scanner", "it's"]);
    assert.match(sql, /^DELETE FROM secfilter WHERE owner = 'stack';/);
    assert.match(sql, /\(0, 0, 'friendly-scanner', 'stack'\),\s+\(0, 0, 'it\\'s', 'stack'\)/);
    assert.doesNotMatch(renderUserAgentRows([]), /INSERT/);
  });
});
