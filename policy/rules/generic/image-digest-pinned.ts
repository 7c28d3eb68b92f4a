import { CONTAINER, IMAGE } from "../../lib/docker.ts";
import { cisDocker } from "../../lib/frameworks.ts";
import { isImageId, parseImageName } from "../../lib/images.ts";
import { resourceRule } from "../../lib/rule.ts";

export const imageDigestPinned = resourceRule(
  [IMAGE, CONTAINER],
  {
    name: "image-digest-pinned",
    displayName: "Images are pinned by digest",
    description:
      "An image that is pulled is named by tag and digest: a tag alone can be moved to other content by whoever owns the registry account.",
    level: "mandatory",
    severity: "high",
    framework: cisDocker(
      "5.28",
      "Ensure that Docker commands always make use of the latest version of their image (by a pinned digest)",
    ),
    tags: ["docker", "images", "supply-chain"],
    remediationSteps:
      "Write `name:tag@sha256:<digest>`; give containers the `imageId` or `repoDigest` of a RemoteImage.",
  },
  (subject, _settings, report) => {
    // In a preview a container's image is mostly unknown; its RemoteImage is then what is judged.
    const name = subject.type === IMAGE ? subject.props.string("name") : subject.props.aside.string("image");
    if (typeof name !== "string" || isImageId(name)) return;
    // What is built here has no digest before it is pushed; its content is fixed by the Dockerfile and the context.
    if (subject.type === IMAGE && subject.props.object("build") !== undefined) return;
    const { tag, digest } = parseImageName(name);
    if (!/^sha256:[0-9a-f]{64}$/.test(digest ?? "")) report(`The image ${name} has no digest.`);
    else if (tag === undefined) report(`The image ${name} has no tag, so nobody sees which version it is.`);
  },
);
