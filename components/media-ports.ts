/** A range of UDP ports for media, and where its ports are. */
export interface MediaRange {
  readonly mode: "bridge" | "host";
  /** Every port is published on the host. */
  readonly publish: boolean;
  readonly portMin: number;
  readonly portMax: number;
}

/** Ports of a call: RTP and RTCP, on both sides; a call between two phones goes through twice. */
export const portsPerCall = 8;

/**
 * The ports of one of several RTPengines. On a bridge network each has an address of its own and so the whole range; where they share the
 * host's address (host network, published ports) each gets an equal part, which begins with an even port (RFC 3550 §11).
 */
export function mediaPorts(range: MediaRange, instances: number, index: number): { portMin: number; portMax: number } {
  const { mode, publish, portMin, portMax } = range;
  if (instances === 1 || (mode === "bridge" && !publish)) return { portMin, portMax };
  const first = portMin + (portMin % 2);
  const part = Math.floor((portMax - first + 1) / instances / 2) * 2;
  return { portMin: first + index * part, portMax: first + (index + 1) * part - 1 };
}
