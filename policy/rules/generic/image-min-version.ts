import { IMAGE } from "../../lib/docker.ts";
import { UNKNOWN } from "../../lib/properties.ts";
import type { Properties } from "../../lib/properties.ts";
import { cisDocker } from "../../lib/frameworks.ts";
import { parseImageName } from "../../lib/images.ts";
import { resourceRule } from "../../lib/rule.ts";
import { isBelowFloor, parseVersion } from "../../lib/versions.ts";

const VERSION_LABEL = "org.opencontainers.image.version";

export const imageMinVersion = resourceRule<{ floors: Readonly<Record<string, readonly string[]>> }>(
  [IMAGE],
  {
    name: "image-min-version",
    displayName: "Versions without known holes",
    description:
      "A product's version is at least the first one without its known remote holes: older ones are attacked as soon as they are reachable.",
    level: "mandatory",
    severity: "critical",
    framework: cisDocker("4.4", "Ensure images are scanned and rebuilt to include security patches"),
    tags: ["docker", "images", "vulnerabilities"],
    remediationSteps:
      "Raise the version to the floor or above; floors are `floors` in policy config, one per maintained line.",
    settings: {
      floors: {
        // Asterisk: 20 advisories of 2026-06-25. Kamailio: heap overflow in multipart bodies. RTPengine: CVE-2025-53399.
        default: { asterisk: ["20.20.1", "22.10.1"], kamailio: ["6.1.4"], rtpengine: ["13.4.1.1"] },
        schema: {
          type: "object",
          additionalProperties: {
            type: "array",
            items: { type: "string", pattern: "^[0-9]+(\\.[0-9]+)*$" },
            minItems: 1,
          },
          description:
            "Product name (last part of the image name, without a leading sbc-) → lowest version of each line.",
        },
      },
    },
  },
  (subject, { floors }, report) => {
    const name = subject.props.string("name");
    if (typeof name !== "string") return;
    const { product, tag } = parseImageName(name);
    const key = product.replace(/^sbc-/, "");
    const lines = floors[key];
    // A tag that is the hash of a build's context tells no version; then the label that the build writes is judged.
    const version = parseVersion(labelledVersion(subject.props) ?? tag ?? "");
    if (lines === undefined || version === undefined) return;
    if (isBelowFloor(version, lines)) report(`${key} ${version.join(".")} is below its floor (${lines.join(", ")}).`);
  },
);

function labelledVersion(image: Properties): string | undefined {
  const build = image.object("build");
  if (build === undefined || build === UNKNOWN) return undefined;
  const labels = build.aside.object("label");
  const value = labels === undefined || labels === UNKNOWN ? undefined : labels.string(VERSION_LABEL);
  return typeof value === "string" ? value : undefined;
}
