import { readFileSync } from "node:fs";

/** Tools that Debian does not package: their publishers' images. */
export const upstreamTools = [
  "grafana",
  "heplify-server",
  "homer-app",
  "elasticsearch",
  "logstash",
  "filebeat",
  "kibana",
] as const;
export type UpstreamTool = (typeof upstreamTools)[number];

/** Where they are named; `npm run images -- pin` adds the digests. */
export const upstreamFile = "images/upstream.json";

/** Tool → `name:tag`, or `name:tag@sha256:digest` once pinned. */
export function upstreamNames(): Readonly<Record<UpstreamTool, string>> {
  return JSON.parse(readFileSync(upstreamFile, "utf8")) as Record<UpstreamTool, string>;
}

/** Why prod cannot run it, if it cannot: a tag alone can be moved to other content. */
export function upstreamProblem(tool: UpstreamTool, image: string = upstreamNames()[tool]): string | undefined {
  return image.includes("@sha256:")
    ? undefined
    : `${image} has no digest; npm run images -- pin writes it to ${upstreamFile}`;
}
