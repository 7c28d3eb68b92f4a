import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { imageContext, imageHash, imageName } from "./context-hash.ts";
import { upstreamNames, type UpstreamTool } from "./upstream-images.ts";
import { pinnedName, type ImageService, type ImageSettings } from "./image-pins.ts";

/**
 * An image of ours: built from `images/<service>`, or what was built from there, pulled by digest. Equal sources have equal names, so
 * two stacks on one engine share it; it stays when the stack goes.
 */
export function image(
  service: ImageService,
  settings: ImageSettings,
  options: pulumi.CustomResourceOptions,
): docker.RemoteImage {
  return new docker.RemoteImage(
    `${service}-image`,
    { ...(settings.source === "build" ? built(service, settings.base) : pulled(service, settings)), keepLocally: true },
    // The new image is there before a container is touched; a fixed name would have it the other way round.
    { ...options, deleteBeforeReplace: false },
  );
}

/** The publisher's image of a tool, or another one that the configuration names. It stays when the stack goes. */
export function upstreamImage(
  tool: UpstreamTool,
  images: Readonly<Partial<Record<UpstreamTool, string>>>,
  options: pulumi.CustomResourceOptions,
): docker.RemoteImage {
  const name = images[tool] ?? upstreamNames()[tool];
  return new docker.RemoteImage(
    `${tool}-image`,
    { name, keepLocally: true },
    { ...options, deleteBeforeReplace: false },
  );
}

function built(service: ImageService, base: string): docker.RemoteImageArgs {
  return {
    name: imageName(service, base),
    build: { context: imageContext(service), buildArgs: { BASE: base } },
    triggers: { context: imageHash(service, base) },
  };
}

function pulled(service: ImageService, settings: ImageSettings): docker.RemoteImageArgs {
  const name = pinnedName(service, settings);
  const sources = imageName(service, settings.base);
  // Configuration and image are written for each other. A warning only: whoever changes sources cannot push before the review.
  if (!name.includes(`/${sources}@`)) {
    void pulumi.log.warn(`${name} was not built from the present ${imageContext(service)}, which would be ${sources}`);
  }
  return { name };
}
