import { production } from "../../lib/frameworks.ts";
import { stackRule } from "../../lib/rule.ts";
import type { MemberContainer, Stack } from "../../lib/stack.ts";

export const portsRtpRangeBudget = stackRule<{ max: number; role: string }>(
  {
    name: "ports-rtp-range-budget",
    displayName: "Few published media ports",
    description:
      "A container publishes few UDP ports, and they are the ones that RTPengine uses: each costs the engine a process, megabytes and a tenth of a second, and a call on an unpublished one has no sound.",
    level: "mandatory",
    severity: "medium",
    framework: production("media", "RTPengine relays media without privileges"),
    tags: ["network", "ports", "media", "production:ports"],
    remediationSteps:
      "Publish the range of port-min to port-max and at most this many ports; for more, run RTPengine on the host's network.",
    settings: {
      max: {
        default: 40,
        schema: { type: "integer", minimum: 0, description: "Most UDP ports that one container may publish." },
      },
      role: { default: "rtpengine", schema: { type: "string", minLength: 1, description: "Role of the media relay." } },
    },
  },
  (stack, { max, role }, report) => {
    for (const container of stack.containers) {
      const published = container.ports().items.filter((port) => port.protocol === "udp");
      if (published.length > max)
        report(`It publishes ${published.length} UDP ports, more than ${max}.`, container.member);
      if (container.role !== role || published.length === 0) continue;
      const range = mediaRange(stack, container);
      if (range === undefined) continue;
      const internal = published.map((port) => port.internal).filter((port) => typeof port === "number");
      const missing = Array.from({ length: range.max - range.min + 1 }, (_, index) => range.min + index).filter(
        (port) => !internal.includes(port),
      );
      if (missing.length > 0) {
        report(
          `RTPengine uses ports ${range.min} to ${range.max}, and ${missing.length} of them are not published.`,
          container.member,
        );
      }
    }
  },
);

function mediaRange(stack: Stack, container: MemberContainer): { min: number; max: number } | undefined {
  for (const { upload } of stack.filesFor(container)) {
    if (typeof upload.content !== "string" || !upload.content.includes("[rtpengine]")) continue;
    const min = /^port-min\s*=\s*(\d+)/m.exec(upload.content)?.[1];
    const max = /^port-max\s*=\s*(\d+)/m.exec(upload.content)?.[1];
    if (min !== undefined && max !== undefined) return { min: Number(min), max: Number(max) };
  }
  return undefined;
}
