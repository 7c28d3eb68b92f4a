import * as pulumi from "@pulumi/pulumi";
import { admissionPolicy } from "../configs/kamailio/admission.ts";
import { mediaPolicy } from "../configs/kamailio/media.ts";
import { defaultClass, type DeviceRow, type MediaRelay, type Policy, type Rows } from "../configs/mariadb/rows.ts";
import { emergencyPolicy } from "../configs/mariadb/trunks.ts";
import { trunkSocket } from "../configs/kamailio/index.ts";
import type { AddressPlan } from "./addresses.ts";
import type { Config } from "./config-parse.ts";
import { sipSockets } from "./kamailio-sbc.ts";
import { password } from "./password.ts";
import { trunkOf } from "./trunks.ts";

/** One generated password per subscriber: name → password. A new subscriber leaves the others' alone. */
export function subscriberPasswords(
  subscribers: Config["subscribers"],
  options: pulumi.CustomResourceOptions = {},
): Record<string, pulumi.Output<string>> {
  return Object.fromEntries(
    subscribers.map(({ name, rotation }) => [name, password(`subscriber-${name}-password`, rotation, options)]),
  );
}

/** What the rows hold beside the configuration. */
export interface Identities {
  /** User name → password. */
  readonly passwords: Readonly<Record<string, pulumi.Output<string>>>;
  /** Id → key of `X-Company-Signature`. */
  readonly signatureKeys: Readonly<Record<string, pulumi.Output<string>>>;
  /** Devices whose certificates are let in. */
  readonly devices: pulumi.Output<readonly DeviceRow[]>;
}

/** All rows that the stack owns in the database. */
export function stackRows(
  config: Config,
  addresses: AddressPlan,
  relays: readonly MediaRelay[],
  identities: Identities,
): pulumi.Output<Rows> {
  const { asterisk, domain, protection } = config;
  const { passwords, signatureKeys, devices } = identities;
  const { weights } = asterisk;
  const weighted = Object.keys(weights).length > 0;
  const known = pulumi.all([pulumi.all(passwords), pulumi.all(signatureKeys), devices]);
  const rows = known.apply(([values, keys, certificates]) => ({
    domain,
    subscribers: config.subscribers.map(({ name, class: group }) => ({
      name,
      password: values[name] ?? "",
      class: group,
    })),
    nodes: addresses.asterisk.map(({ name, sbc }) => ({
      name,
      address: sbc,
      drain: asterisk.drain.includes(name),
      ...(weighted && { weight: weights[name] ?? 1 }),
    })),
    relays,
    addresses: [
      ...(["blocked", "unlimited", "allowed", "office"] as const).flatMap((group) =>
        protection[group].map((cidr) => ({ cidr, group })),
      ),
    ],
    policy: edgePolicy(config),
    signatureKeys: Object.entries(keys).map(([id, key]) => ({ id, key })),
    devices: certificates,
    trunks: config.trunks.map(trunkOf),
    trunkSocket: trunkSocket(sipSockets(addresses, config.edge)),
    blockedUserAgents: protection.blockedUserAgents,
  }));
  // Trunks have passwords as well.
  return pulumi.secret(rows);
}

/** What the edge allows, by the keys that its script looks up. */
export function edgePolicy(config: Config): Policy {
  return {
    ...admissionPolicy(config),
    ...identityPolicy(config),
    ...nodePolicy(config),
    ...mediaPolicy(config.rtp),
    ...emergencyPolicy(config.emergency),
    ...originPolicy(config.edge),
  };
}

/** How the subscribers of each class have to prove who they are. */
function identityPolicy({ classes }: Config): Policy {
  const defaults = { name: defaultClass, signature: "optional", certificate: "optional" } as const;
  // The one that is listed comes last, and so counts.
  const rules = [defaults, ...classes].flatMap(({ name, signature, certificate }) => [
    [`class.${name}.signature`, Number(signature === "required")] as const,
    [`class.${name}.certificate`, Number(certificate === "required")] as const,
  ]);
  return Object.fromEntries(rules);
}

/** The pages whose scripts may open the WebSocket. */
function originPolicy({ websocketOrigins }: Config["edge"]): Policy {
  return Object.fromEntries(websocketOrigins.map((origin) => [`origin.${origin}`, 1]));
}

/** 4: each node in turn; 11: by relative weight. */
function nodePolicy({ asterisk: { weights } }: Config): Policy {
  return { "nodes.algorithm": Object.keys(weights).length > 0 ? 11 : 4 };
}
