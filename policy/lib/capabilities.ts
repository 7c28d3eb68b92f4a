import type { Container } from "./docker.ts";
import { UNKNOWN } from "./properties.ts";
import type { KnownList } from "./properties.ts";

/** Capabilities in one spelling (`NET_ADMIN`): Docker takes them with and without `CAP_`, in any case. */
export function capabilities(container: Container, list: "adds" | "drops"): KnownList<string> {
  const all = container.props.object("capabilities");
  if (all === UNKNOWN) return { items: [], complete: false };
  if (all === undefined) return { items: [], complete: true };
  const { items, complete } = all.strings(list);
  return { items: items.map(capabilityName), complete };
}

/** `cap_net_admin` → `NET_ADMIN`. */
export function capabilityName(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, "");
}
