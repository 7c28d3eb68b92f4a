import { cisDocker } from "../../lib/frameworks.ts";
import { containerRule } from "../../lib/rule.ts";

const SOCKET = /\/(docker|containerd|podman|crio|dockershim)\.sock$/;

export const containerNoDockerSocket = containerRule(
  {
    name: "container-no-docker-socket",
    displayName: "No engine socket",
    description: "No container mounts the socket of a container engine: it is root on the host, read-only as well.",
    level: "mandatory",
    severity: "critical",
    framework: cisDocker("5.32", "Ensure that the Docker socket is not mounted inside any containers"),
    tags: ["docker", "isolation", "mounts"],
    remediationSteps:
      "Remove the mount; have the engine push (log driver, metrics endpoint) instead of letting a container pull.",
  },
  (container, _settings, report) => {
    for (const { path } of container.bindSources()) {
      if (SOCKET.test(path)) report(`The engine's socket ${path} is mounted.`);
    }
  },
);
