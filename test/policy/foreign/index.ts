import * as pulumi from "@pulumi/pulumi";
import * as docker from "@pulumi/docker";
import * as random from "@pulumi/random";

// A blog and its database, as tutorials write them: nothing here knows of the SBC, its labels or its helpers.
// `SCENARIOS=hardened` is what is left when each finding has been mended as it says.
const hardened = process.env["SCENARIOS"] === "hardened";

const network = new docker.Network("blog", { internal: true });
const front = new docker.Network("front");
const data = new docker.Volume("db-data");
const password = new random.RandomPassword("db", { length: hardened ? 32 : 10, special: false });

if (hardened) {
  const limits: Partial<docker.ContainerArgs> = {
    readOnly: true,
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges:true"],
    memory: 256,
    memorySwap: 256,
    cpus: "1",
    ulimits: [
      { name: "nproc", soft: 256, hard: 256 },
      { name: "nofile", soft: 4096, hard: 4096 },
    ],
    restart: "unless-stopped",
    logDriver: "json-file",
    logOpts: { "max-size": "10m", "max-file": "3" },
    destroyGraceSeconds: 60,
    networkMode: "bridge",
  };
  const replace = { deleteBeforeReplace: true };
  new docker.Container(
    "db",
    {
      ...limits,
      image: `mariadb:11.8@sha256:${"ab".repeat(32)}`,
      user: "999:999",
      envs: ["MARIADB_RANDOM_ROOT_PASSWORD=yes", "MARIADB_PASSWORD_FILE=/run/secrets/password"],
      volumes: [{ volumeName: data.name, containerPath: "/var/lib/mysql" }],
      healthcheck: { tests: ["CMD", "healthcheck.sh", "--connect"], interval: "10s", timeout: "3s", retries: 5 },
      networksAdvanced: [{ name: network.name }],
    },
    replace,
  );
  new docker.Container(
    "web",
    {
      ...limits,
      image: `ghost:6.0@sha256:${"cd".repeat(32)}`,
      user: "1000:1000",
      ports: [{ internal: 2368, external: 8080, ip: "127.0.0.1" }],
      healthcheck: { tests: ["CMD", "true"], interval: "10s", timeout: "3s", retries: 5 },
      networksAdvanced: [{ name: network.name }, { name: front.name }],
    },
    replace,
  );
} else {
  new docker.Container("db", {
    image: "mariadb:10.3",
    envs: [pulumi.interpolate`MYSQL_ROOT_PASSWORD=${password.result}`, "MYSQL_USER=blog", "MYSQL_PASSWORD=blog"],
    volumes: [{ volumeName: data.name, containerPath: "/var/lib/mysql" }],
    networksAdvanced: [{ name: network.name }],
  });
  new docker.Container("web", {
    image: "ghost:latest",
    ports: [{ internal: 2368, external: 80 }],
    volumes: [{ hostPath: "/var/run/docker.sock", containerPath: "/var/run/docker.sock" }],
    networksAdvanced: [{ name: network.name }, { name: front.name }],
  });
}
