import * as pulumi from "@pulumi/pulumi";
import { admissionPolicy } from "../configs/kamailio/admission.ts";
import type { Policy, Rows } from "../configs/mariadb/rows.ts";
import type { AddressPlan } from "./addresses.ts";
import type { Config } from "./config-parse.ts";
import { password } from "./password.ts";

/** One generated password per subscriber: name → password. A new subscriber leaves the others' alone. */
export function subscriberPasswords(
  subscribers: Config["subscribers"],
  options: pulumi.CustomResourceOptions = {},
): Record<string, pulumi.Output<string>> {
  return Object.fromEntries(
    subscribers.map(({ name, rotation }) => [name, password(`subscriber-${name}-password`, rotation, options)]),
  );
}

/** All rows that the stack owns in the database. */
export function stackRows(
  config: Config,
  addresses: AddressPlan,
  passwords: Readonly<Record<string, pulumi.Output<string>>>,
): pulumi.Output<Rows> {
  const { asterisk, domain, protection } = config;
  return pulumi.all(passwords).apply((values) => ({
    domain,
    subscribers: config.subscribers.map(({ name, class: group }) => ({
      name,
      password: values[name] ?? "",
      class: group,
    })),
    nodes: addresses.asterisk.map(({ name, sbc }) => ({ name, address: sbc, drain: asterisk.drain.includes(name) })),
    addresses: [
      ...protection.blocked.map((cidr) => ({ cidr, group: "blocked" as const })),
      ...protection.unlimited.map((cidr) => ({ cidr, group: "unlimited" as const })),
    ],
    policy: edgePolicy(config),
  }));
}

/** What the edge allows, by the keys that its script looks up. */
function edgePolicy(config: Config): Policy {
  return admissionPolicy(config);
}
