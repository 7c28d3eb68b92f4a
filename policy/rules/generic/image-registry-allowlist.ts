import { CONTAINER, IMAGE } from "../../lib/docker.ts";
import { cisDocker } from "../../lib/frameworks.ts";
import { isImageId, parseImageName } from "../../lib/images.ts";
import { resourceRule } from "../../lib/rule.ts";

export const imageRegistryAllowlist = resourceRule<{ registries: readonly string[] }>(
  [IMAGE, CONTAINER],
  {
    name: "image-registry-allowlist",
    displayName: "Images come from known registries",
    description:
      "An image is pulled from a registry, or of a publisher, on the list: another is somebody else, or a mistyped one.",
    level: "mandatory",
    severity: "high",
    framework: cisDocker("4.2", "Ensure that containers use only trusted base images"),
    tags: ["docker", "images", "supply-chain"],
    remediationSteps:
      "Pull from a place on the list, or add the host, or the publisher there, to `registries` in policy config.",
    settings: {
      registries: {
        default: ["docker.io"],
        schema: {
          type: "array",
          items: { type: "string", minLength: 1 },
          description: "Registry hosts, with port where it is not 443, or one publisher there, as ghcr.io/publisher.",
        },
      },
    },
  },
  (subject, { registries }, report) => {
    const name = subject.type === IMAGE ? subject.props.string("name") : subject.props.aside.string("image");
    if (typeof name !== "string" || isImageId(name)) return;
    if (subject.type === IMAGE && subject.props.object("build") !== undefined) return;
    const { registry, path } = parseImageName(name);
    if (!registries.some((entry) => `${registry}/${path}`.startsWith(`${entry}/`)))
      report(`Neither the registry ${registry} nor this publisher there is on the list.`);
  },
);
