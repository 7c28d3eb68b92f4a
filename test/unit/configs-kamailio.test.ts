import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  renderKamailioConfig,
  renderKamailioSecrets,
  type KamailioConfigArgs,
  type KamailioSecrets,
} from "../../configs/kamailio/index.ts";
import { renderTlsProfiles } from "../../configs/kamailio/tls.ts";

const args: KamailioConfigArgs = {
  domain: "sip.example.test",
  address: "10.5.0.2",
  opsAddress: "10.7.0.66",
  publicAddress: "203.0.113.7",
  publicPorts: { udp: 0, tcp: 0, tls: 15061 },
  database: { host: "10.7.0.3", port: 3306, name: "kamailio", user: "kamailio" },
  opsAllow: ["10.7.0.0/24"],
};
const secrets: KamailioSecrets = {
  databasePassword: "database-secret",
  nonceSecret: "nonce-secret-nonce-secret-nonce-secret",
  opsToken: "ops-secret",
  eventsKey: "events-secret",
};
const files = renderKamailioConfig(args);
const stack = files["stack.cfg"] ?? "";
const script = Object.entries(files)
  .filter(([name]) => name !== "stack.cfg")
  .map(([, content]) => content)
  .join("\n");
const defined = [...stack.matchAll(/^#!substdef "!(\w+)!/gm)].map(([, name = ""]) => name);

describe("Kamailio's files", () => {
  it("hold no secret outside the secret file", () => {
    for (const secret of Object.values(secrets)) {
      assert.ok(!JSON.stringify(files).includes(secret));
      assert.ok(JSON.stringify(renderKamailioSecrets(args, secrets)).includes(secret));
    }
  });

  it("define every value that the script uses, and use every value that is defined", () => {
    const used = new Set(script.match(/\bSBC_[A-Z0-9_]+\b/g));
    assert.deepEqual([...used].toSorted(), defined.toSorted());
  });

  it("have no value whose name begins another's: substitution would cut it in two", () => {
    for (const name of defined) {
      assert.deepEqual(
        defined.filter((other) => other !== name && other.startsWith(name)),
        [],
      );
    }
  });

  it("keep every value of a call over a restart, but for those that say how it ended", () => {
    const keeping = /^route\[DIALOG_VALUES\] \{\n(.*?)^\}/ms.exec(script)?.[1] ?? "";
    const kept = [...keeping.matchAll(/\$var\(key\) = "(\w+)";\n\t\$vn\(value\) = \$dlg_var\((\w+)\);/g)];
    for (const [, key, name] of kept) assert.equal(key, name);
    const used = [...script.replace(keeping, "").matchAll(/\$\(?dlg_var\((\w+)\)/g)].map(([, name = ""]) => name);
    // Of a call that nobody answered; and the mark of one that is not to be kept any more.
    const endings = ["sip_code", "cause", "ended_by", "ended"];
    // Those with an underscore are known to the module uac alone.
    const names = kept.map(([, name = ""]) => name).filter((name) => !name.startsWith("_"));
    assert.deepEqual([...new Set(used)].toSorted(), [...names, ...endings].toSorted());
  });

  // Without it a burst over several workers could pass a limit; on a few cores it does so too seldom for a test with calls.
  it("count the calls that there are and join them in one step, under the lock", () => {
    const locked = /^\tlock\("calls"\);\n(.*?)^\tunlock\("calls"\);/gms;
    const steps = [...script.matchAll(locked)].map(([, step = ""]) => step);
    assert.doesNotMatch(script.replaceAll(locked, ""), /set_dlg_profile\("(?:user|external|all)"/);
    for (const profile of ["user", "external", "all"]) {
      const joining = steps.filter((step) => step.includes(`set_dlg_profile("${profile}"`));
      assert.ok(joining.length > 0, profile);
      const counted = new RegExp(`get_profile_size\\("${profile}".*set_dlg_profile\\("${profile}"`, "s");
      for (const step of joining) assert.match(step, counted);
    }
  });

  it("include every file, and each once", () => {
    const included = [...script.matchAll(/^include_file "([\w.-]+)"/gm)].map(([, name]) => name).toSorted();
    const present = Object.keys(files).filter((name) => name.endsWith(".cfg") && name !== "kamailio.cfg");
    assert.deepEqual(included, present.toSorted());
  });

  it("advertise the public address to phones and never to the core", () => {
    const sockets = stack.split("\n").filter((line) => line.startsWith("listen="));
    assert.deepEqual(sockets, [
      'listen=udp:10.5.0.2:5060 advertise 203.0.113.7:5060 name "udp"',
      'listen=tcp:10.5.0.2:5060 advertise 203.0.113.7:5060 name "tcp"',
      'listen=tls:10.5.0.2:5061 advertise 203.0.113.7:15061 name "tls"',
      'listen=udp:10.5.0.2:5080 name "core"',
      'listen=tcp:10.7.0.66:8880 name "ops"',
    ]);
  });

  it("listen on IPv6 for what is asked for, by names of its own", () => {
    const settings: KamailioConfigArgs = {
      ...args,
      mutualTls: 5062,
      ipv6: { address: "fd00:5bc::2", transports: ["tls", "mutualTls"] },
    };
    const own = renderKamailioConfig(settings);
    const sockets = own["stack.cfg"]?.split("\n").filter((line) => line.includes("fd00"));
    assert.deepEqual(sockets, [
      'listen=tls:[fd00:5bc::2]:5061 name "tls6"',
      'listen=tls:[fd00:5bc::2]:5062 name "mutualTls6"',
    ]);
    const { "tls.cfg": profiles = "" } = renderTlsProfiles(settings);
    assert.match(profiles, /^\[server:\[fd00:5bc::2\]:5062\]$[^[]*^require_certificate = yes$/m);
  });

  it("advertise nothing where phones reach the container itself", () => {
    const own = renderKamailioConfig({ ...args, publicAddress: args.address, publicPorts: undefined });
    assert.doesNotMatch(own["stack.cfg"] ?? "", /advertise/);
  });
});

describe("Kamailio's secrets", () => {
  it("refuse what would end a string or a part of the URL", () => {
    for (const bad of ['a"b', "a@b", "a/b", "a b", "a\nb", ""]) {
      assert.throws(() => renderKamailioSecrets(args, { ...secrets, databasePassword: bad }), /databasePassword/);
    }
  });

  it("refuse a nonce key that can be guessed", () => {
    assert.throws(() => renderKamailioSecrets(args, { ...secrets, nonceSecret: "short" }), /at least 32/);
  });
});
