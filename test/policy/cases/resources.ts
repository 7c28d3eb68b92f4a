import * as rules from "../../../policy/registry.ts";
import {
  UNKNOWN_BOOLEAN,
  UNKNOWN_LIST,
  UNKNOWN_NUMBER,
  UNKNOWN_OBJECT,
  UNKNOWN_STRING,
  labels,
  resource,
  service,
} from "../helpers.ts";
import { fails, failsUnder, stack, under } from "./case.ts";
import type { RuleCases } from "./case.ts";

const because = "a reason that is long enough to be one";
const digest = `sha256:${"0123456789abcdef".repeat(4)}`;
const publish = (...ports: object[]) => ({ ports: ports.map((port) => ({ ip: "127.0.0.1", ...port })) });
const image = (name: string, more: object = {}) => resource("image", "image", { name, ...more });

export const resourceCases: readonly RuleCases[] = [
  {
    rule: rules.ruleNamed("ports-allowlist"),
    passes: {
      "nothing is published": stack(service()),
      "the port is on the list, tcp by default": under(
        { allowed: [{ role: "web", ports: ["443/tcp"], reason: because }] },
        service(publish({ internal: 8443, external: 443 })),
      ),
      "the port is in a range": under(
        { allowed: [{ role: "web", ports: ["30000-30009/udp"], reason: because }] },
        service(
          publish({ internal: 1, external: 30000, protocol: "udp" }, { internal: 2, external: 30009, protocol: "udp" }),
        ),
      ),
    },
    fails: {
      "nothing is on the list": fails(
        /Not allowed for the role "web": host port 8080\/tcp\./,
        service(publish({ internal: 80, external: 8080 })),
      ),
      "the protocol differs": failsUnder(
        { allowed: [{ role: "web", ports: ["5061/tcp"], reason: because }] },
        /5061\/udp/,
        service(publish({ internal: 5061, external: 5061, protocol: "udp" })),
      ),
      "the port is beside the range": failsUnder(
        { allowed: [{ role: "web", ports: ["30000-30009/udp"], reason: because }] },
        /host port 29999\/udp, 30010\/udp\./,
        service(
          publish({ internal: 1, external: 29999, protocol: "udp" }, { internal: 2, external: 30010, protocol: "udp" }),
        ),
      ),
      "another role may": failsUnder(
        { allowed: [{ role: "kamailio", ports: ["5061/tcp"], reason: because }] },
        /5061\/tcp/,
        service(publish({ internal: 5061, external: 5061 })),
      ),
      "many are not on the list": fails(
        /host port 1\/udp, 2\/udp, 3\/udp and 1 more\./,
        service(publish(...[1, 2, 3, 4].map((port) => ({ internal: port, external: port, protocol: "udp" })))),
      ),
      "the host port is left to chance": fails(/without a fixed host port/, service(publish({ internal: 80 }))),
      "every port is published": fails(/publishAllPorts/, service({ publishAllPorts: true })),
      "another port is unknown": fails(
        /8080/,
        service(publish({ internal: 1, external: UNKNOWN_NUMBER }, { internal: 80, external: 8080 })),
      ),
    },
    undecided: {
      "the protocol is unknown": stack(service(publish({ internal: 80, external: 80, protocol: UNKNOWN_STRING }))),

      "ports are unknown": stack(service({ ports: UNKNOWN_LIST })),
      "the host port is unknown": stack(service(publish({ internal: 80, external: UNKNOWN_NUMBER }))),
      "publishAllPorts is unknown": stack(service({ publishAllPorts: UNKNOWN_BOOLEAN })),
    },
  },
  {
    rule: rules.ruleNamed("ports-control-plane-never-published"),
    passes: {
      "nothing is published": stack(service()),
      "another port is published": stack(service(publish({ internal: 8443, external: 3306 }))),
    },
    fails: {
      "the database is published on another host port": fails(
        /Port 3306 is a control port/,
        service(publish({ internal: 3306, external: 13306 })),
      ),
      "the media relay's control is published": fails(
        /22222/,
        service(publish({ internal: 22222, external: 22222, protocol: "udp" })),
      ),
      "the role may publish nothing": failsUnder(
        { roles: ["asterisk"] },
        /role "asterisk" may publish none/,
        service({
          labels: labels("asterisk", "voice"),
          ...publish({ internal: 5060, external: 5060, protocol: "udp" }),
        }),
      ),
    },
    undecided: {
      "the port is unknown, and a role may publish nothing": {
        ...stack(service(publish({ internal: UNKNOWN_NUMBER, external: 80 }))),
        settings: { roles: ["asterisk"] },
      },
      "the port is unknown": stack(service(publish({ internal: UNKNOWN_NUMBER, external: 80 }))),
    },
  },
  {
    rule: rules.ruleNamed("ports-explicit-bind"),
    passes: {
      "nothing is published": stack(service()),
      "the address is set": stack(service(publish({ internal: 80, external: 8080 }))),
    },
    fails: {
      "the address is empty": fails(/without an address/, service(publish({ internal: 80, external: 8080, ip: "" }))),
      ...Object.fromEntries(
        ["[::]", "*"].map((ip) => [
          `the address is ${ip}`,
          fails(/^Listening on every address/, service(publish({ internal: 80, external: 8080, ip }))),
        ]),
      ),

      "the address is absent": fails(
        /without an address: host port 8080\/tcp/,
        service({ ports: [{ internal: 80, external: 8080 }] }),
      ),
      "the address is every IPv4 one": fails(
        /on every address: host port 8080\/tcp/,
        service(publish({ internal: 80, external: 8080, ip: "0.0.0.0" })),
      ),
      "the address is every IPv6 one": fails(
        /on every address: host port 8080\/tcp/,
        service(publish({ internal: 80, external: 8080, ip: "::" })),
      ),
      "the host port is unknown": fails(
        /host port \?\/tcp/,
        service({ ports: [{ internal: 80, external: UNKNOWN_NUMBER }] }),
      ),
    },
    undecided: {
      "the address is unknown": stack(service(publish({ internal: 80, external: 8080, ip: UNKNOWN_STRING }))),
    },
  },
  {
    rule: rules.ruleNamed("ports-privileged-allowlist"),
    passes: {
      "the port is a web server's": stack(
        service(publish({ internal: 1, external: 80 }, { internal: 2, external: 443 })),
      ),
      "the port is not privileged": stack(service(publish({ internal: 22, external: 1024 }))),
    },
    fails: {
      "the port is privileged": fails(/1023\/tcp is a privileged/, service(publish({ internal: 22, external: 1023 }))),
      "policy config allows fewer": failsUnder(
        { ports: [443] },
        /80\/tcp/,
        service(publish({ internal: 8080, external: 80 })),
      ),
    },
    undecided: { "the port is unknown": stack(service(publish({ internal: 22, external: UNKNOWN_NUMBER }))) },
  },
  {
    rule: rules.ruleNamed("image-digest-pinned"),
    passes: {
      "tag and digest are written": stack(image(`docker.io/library/nginx:1.29@${digest}`)),
      "it is built here": stack(image("sbc-kamailio:0123456789ab", { build: { context: "images/kamailio" } })),
      "a container takes an image's id": stack(service({ image: digest })),
      "a container's image is not known yet": stack(service({ image: UNKNOWN_STRING })),
    },
    fails: {
      "the digest is of another kind": fails(/has no digest/, image(`nginx:1@x${digest}`)),
      "the digest is too long": fails(/has no digest/, image(`nginx:1@${digest}0`)),

      "only a tag is written": fails(/nginx:1\.29 has no digest/, image("nginx:1.29")),
      "nothing is written": fails(/nginx has no digest/, image("nginx")),
      "the digest is too short": fails(/has no digest/, image("nginx:1@sha256:abc")),
      "the tag is missing": fails(/has no tag/, image(`nginx@${digest}`)),
      "a container names an image by tag": fails(/nginx:1 has no digest/, service({ image: "nginx:1" })),
    },
    undecided: { "the name is unknown": stack(image(UNKNOWN_STRING)) },
  },
  {
    rule: rules.ruleNamed("image-registry-allowlist"),
    passes: {
      "it comes from Docker Hub by default": stack(image("grafana/grafana:13")),
      "it comes from Docker Hub by name": stack(image("docker.io/library/nginx:1")),
      "its registry is on the list": under(
        { registries: ["registry.example.org:5000"] },
        image("registry.example.org:5000/a/b:1"),
      ),
      "it is built here": stack(image("localhost/x:1", { build: { context: "." } })),
      "its publisher there is on the list": under({ registries: ["ghcr.io/a"] }, image("ghcr.io/a/b:1")),
    },
    fails: {
      "its publisher there is another": failsUnder(
        { registries: ["ghcr.io/a"] },
        /registry ghcr\.io nor this publisher/,
        image("ghcr.io/ab/b:1"),
      ),
      "its publisher is on the list at another registry": failsUnder(
        { registries: ["ghcr.io/a"] },
        /registry docker\.io nor/,
        image("a/b:1"),
      ),
      "its registry is another": fails(/registry quay\.io nor/, image("quay.io/a/b:1")),
      "its registry has another port": failsUnder(
        { registries: ["r.example.org"] },
        /r\.example\.org:5000/,
        image("r.example.org:5000/b:1"),
      ),
      "its registry is this host": fails(/localhost/, image("localhost/b:1")),
      "a container names it": fails(/ghcr\.io/, service({ image: "ghcr.io/a/b:1" })),
    },
    undecided: { "the name is unknown": stack(image(UNKNOWN_STRING)) },
  },
  {
    rule: rules.ruleNamed("image-min-version"),
    passes: {
      "the product's name holds sbc elsewhere": under(
        { floors: { "my-kamailio": ["9.0"] } },
        image("my-sbc-kamailio:1.0.0"),
      ),
      "the build is unknown and the tag new enough": stack(image("kamailio:6.1.4", { build: UNKNOWN_OBJECT })),
      "the label is unknown and the tag new enough": stack(
        image("kamailio:6.1.4", { build: { context: ".", label: UNKNOWN_OBJECT } }),
      ),
      "the label's value is unknown and the tag new enough": stack(
        image("kamailio:6.1.4", {
          build: { context: ".", label: { "org.opencontainers.image.version": UNKNOWN_STRING } },
        }),
      ),
      "there is no tag": stack(image("kamailio")),

      "the version is the floor": stack(image("asterisk:22.10.1")),
      "the version is above the floor of its line": stack(image("sbc-asterisk:20.21.0")),
      "the line is above every floor": stack(image("rtpengine:26.0.1.26")),
      "the product has no floor": stack(image("nginx:0.1.0")),
      "the tag is the hash of a build": stack(image("sbc-kamailio:5a6b7c8d9e0f", { build: { context: "." } })),
      "the label of the build tells": stack(
        image("sbc-kamailio:5a6b", {
          build: { context: ".", label: { "org.opencontainers.image.version": "6.1.5-1" } },
        }),
      ),
    },
    fails: {
      "both floors are told": fails(
        /^asterisk 19\.1\.2 is below its floor \(20\.20\.1, 22\.10\.1\)\.$/,
        image("asterisk:19.1.2"),
      ),

      "the version is below the floor of its line": fails(/asterisk 22\.10\.0 is below/, image("asterisk:22.10.0")),
      "the line is between two floors": fails(/asterisk 21\.99\.0/, image("docker.io/x/asterisk:21.99.0")),
      "the line is below every floor": fails(/kamailio 5\.8\.8/, image("kamailio:5.8.8-bookworm")),
      "the version has a prefix": fails(/rtpengine 13\.3\.1\.4/, image("rtpengine:mr13.3.1.4")),
      "the label of the build tells": fails(
        /kamailio 5\.6\.3/,
        image("sbc-kamailio:5a6b", {
          build: { context: ".", label: { "org.opencontainers.image.version": "1:5.6.3-2" } },
        }),
      ),
      "policy config sets another floor": failsUnder(
        { floors: { nginx: ["1.28.0"] } },
        /nginx 1\.27\.5/,
        image("nginx:1.27.5"),
      ),
    },
    undecided: { "the name is unknown": stack(image(UNKNOWN_STRING)) },
  },
  {
    rule: rules.ruleNamed("tls-key-strength"),
    passes: {
      "it is RSA of 3072 bits": stack(resource("key", "k", { algorithm: "RSA", rsaBits: 3072 })),
      "it is on P-256": stack(resource("key", "k", { algorithm: "ECDSA", ecdsaCurve: "P256" })),
      "it is Ed25519": stack(resource("key", "k", { algorithm: "ED25519" })),
    },
    fails: {
      "RSA has its default size": fails(/2048 \(the default\)/, resource("key", "k", { algorithm: "RSA" })),
      "RSA is too short": fails(/3071 bits/, resource("key", "k", { algorithm: "RSA", rsaBits: 3071 })),
      "ECDSA has its default curve": fails(/P224 \(the default\)/, resource("key", "k", { algorithm: "ECDSA" })),
      "the curve is too small": fails(/P224/, resource("key", "k", { algorithm: "ECDSA", ecdsaCurve: "P224" })),
      "the algorithm is absent": fails(/none of/, resource("key", "k", {})),
    },
    undecided: {
      "the algorithm is unknown": stack(resource("key", "k", { algorithm: UNKNOWN_STRING })),
      "the curve is unknown": stack(resource("key", "k", { algorithm: "ECDSA", ecdsaCurve: UNKNOWN_STRING })),
      "the size is unknown": stack(resource("key", "k", { algorithm: "RSA", rsaBits: UNKNOWN_NUMBER })),
    },
  },
  {
    rule: rules.ruleNamed("network-monitoring-internal"),
    passes: {
      "a name only begins like one": stack(resource("network", "x", { name: "data-network" })),
      "a name has no plane": stack(resource("network", "backbone", { name: "backbone" })),

      "the labelled network is internal": stack(
        resource("network", "m", { internal: true, labels: labels("network", "monitoring") }),
      ),
      "an edge network is not internal": stack(resource("network", "n", { name: "sbc-dev-sbc-net" })),
    },
    fails: {
      "the labelled network is not internal": fails(
        /monitoring network is not/,
        resource("network", "m", { labels: labels("network", "monitoring") }),
      ),
      "its name says monitoring": fails(
        /monitoring network/,
        resource("network", "n", { name: "sbc-dev-monitoring-net", internal: false }),
      ),
      "its name says data": fails(/data network/, resource("network", "data_net", {})),
      "policy config names another plane": failsUnder(
        { planes: ["voice"] },
        /voice network/,
        resource("network", "voice-net", {}),
      ),
    },
    undecided: { "internal is unknown": stack(resource("network", "data-net", { internal: UNKNOWN_BOOLEAN })) },
  },
];
