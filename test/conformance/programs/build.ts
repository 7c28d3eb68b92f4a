import * as docker from "@pulumi/docker";

const { image } = JSON.parse(process.env["CONFORMANCE_VARIANT"] ?? "{}") as { image: string };

new docker.RemoteImage("built", { name: image, keepLocally: true, build: { context: "context" } });
