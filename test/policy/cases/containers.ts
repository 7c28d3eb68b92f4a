import * as rules from "../../../policy/registry.ts";
import {
  UNKNOWN_BOOLEAN,
  UNKNOWN_LIST,
  UNKNOWN_NUMBER,
  UNKNOWN_OBJECT,
  UNKNOWN_STRING,
  job,
  labels,
  service,
} from "../helpers.ts";
import { fails, failsUnder, stack, under } from "./case.ts";
import type { RuleCases } from "./case.ts";

const because = "a reason that is long enough to be one";
const bind = (hostPath: string, readOnly = true) => ({ volumes: [{ hostPath, containerPath: "/data", readOnly }] });
const bindMount = (source: string, readOnly = true, bindOptions?: object) => ({
  mounts: [{ type: "bind", source, target: "/data", readOnly, ...(bindOptions ? { bindOptions } : {}) }],
});
const health = (change: object) => ({
  healthcheck: { tests: ["CMD", "true"], interval: "3s", timeout: "2s", retries: 3, ...change },
});
const logs = (logDriver: string | undefined, logOpts?: object) => ({ logDriver, logOpts });

export const containerCases: readonly RuleCases[] = [
  {
    rule: rules.ruleNamed("container-no-privileged"),
    passes: { "privileged is absent": stack(service()), "privileged is false": stack(service({ privileged: false })) },
    fails: {
      "privileged is true": fails(/is privileged/, service({ privileged: true })),
      "privileged is true and everything else unknown": fails(
        /is privileged/,
        service({ privileged: true, user: UNKNOWN_STRING, capabilities: UNKNOWN_OBJECT }),
      ),
    },
    undecided: { "privileged is unknown": stack(service({ privileged: UNKNOWN_BOOLEAN })) },
  },
  {
    rule: rules.ruleNamed("container-drop-all-capabilities"),
    passes: {
      "ALL is dropped": stack(service()),
      "ALL is dropped in another spelling": stack(service({ capabilities: { drops: ["cap_all"] } })),
      "ALL is dropped beside an unknown one": stack(service({ capabilities: { drops: ["ALL", UNKNOWN_STRING] } })),
    },
    fails: {
      "capabilities are absent": fails(/Not all/, service({ capabilities: undefined })),
      "drops are absent": fails(/Not all/, service({ capabilities: { adds: ["CAP_CHOWN"] } })),
      "only one is dropped": fails(/Not all/, service({ capabilities: { drops: ["CAP_CHOWN"] } })),
    },
    undecided: {
      "capabilities are unknown": stack(service({ capabilities: UNKNOWN_OBJECT })),
      "a dropped one is unknown": stack(service({ capabilities: { drops: [UNKNOWN_STRING] } })),
    },
  },
  {
    rule: rules.ruleNamed("container-capability-allowlist"),
    passes: {
      "nothing is added": stack(service()),
      "the role is allowed it, in any spelling": under(
        { allowed: [{ role: "web", capabilities: ["CAP_CHOWN"], reason: because }] },
        service({ capabilities: { drops: ["ALL"], adds: ["chown"] } }),
      ),
    },
    fails: {
      "it is not allowed": fails(
        /CHOWN is not allowed for the role "web"/,
        service({ capabilities: { adds: ["CAP_CHOWN"] } }),
      ),
      "another role is allowed it": failsUnder(
        { allowed: [{ role: "job", capabilities: ["CHOWN"], reason: because }] },
        /CHOWN is not allowed/,
        service({ capabilities: { adds: ["CHOWN"] } }),
      ),
      ...Object.fromEntries(
        ["ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "SYS_PTRACE", "DAC_READ_SEARCH"].map((name) => [
          `${name} is allowed, which it never is`,
          failsUnder(
            { allowed: [{ role: "web", capabilities: [name], reason: because }] },
            new RegExp(`^Capability ${name} is as good as root`),
            service({ capabilities: { adds: [name] } }),
          ),
        ]),
      ),
      "one is unknown and another not allowed": fails(
        /NET_RAW is not allowed/,
        service({ capabilities: { adds: [UNKNOWN_STRING, "NET_RAW"] } }),
      ),
    },
    undecided: { "adds are unknown": stack(service({ capabilities: { drops: ["ALL"], adds: UNKNOWN_LIST } })) },
  },
  {
    rule: rules.ruleNamed("container-no-new-privileges"),
    passes: {
      "it is set to true": stack(service()),
      "it is set without a value": stack(service({ securityOpts: ["no-new-privileges"] })),
      "it is set with an equals sign": stack(service({ securityOpts: ["no-new-privileges=true"] })),
    },
    fails: {
      "another option has that value": fails(/not set/, service({ securityOpts: ["apparmor=true"] })),

      "security options are absent": fails(/not set/, service({ securityOpts: undefined })),
      "security options are empty": fails(/not set/, service({ securityOpts: [] })),
      "it is set to false": fails(/not set/, service({ securityOpts: ["no-new-privileges:false"] })),
    },
    undecided: { "an option is unknown": stack(service({ securityOpts: [UNKNOWN_STRING] })) },
  },
  {
    rule: rules.ruleNamed("container-no-unconfined"),
    passes: {
      "nothing is switched off": stack(service()),
      "a profile of one's own is given": stack(
        service({ securityOpts: ["seccomp=/etc/sbc/seccomp.json", "label=type:svirt"] }),
      ),
      "security options are absent": stack(service({ securityOpts: undefined })),
    },
    fails: {
      "seccomp is off": fails(/seccomp=unconfined/, service({ securityOpts: ["seccomp=unconfined"] })),
      "AppArmor is off": fails(/apparmor=unconfined/, service({ securityOpts: ["apparmor:unconfined"] })),
      "SELinux is off": fails(/label=disable/, service({ securityOpts: ["label:disable"] })),
      "system paths are open": fails(/systempaths=unconfined/, service({ securityOpts: ["systempaths=unconfined"] })),
      "one is unknown and another off": fails(
        /seccomp/,
        service({ securityOpts: [UNKNOWN_STRING, "seccomp=unconfined"] }),
      ),
    },
    undecided: { "options are unknown": stack(service({ securityOpts: UNKNOWN_LIST })) },
  },
  {
    rule: rules.ruleNamed("container-no-host-namespaces"),
    passes: {
      "modes are absent": stack(service()),
      "modes are private": stack(service({ ipcMode: "private", pidMode: "" })),
    },
    fails: Object.fromEntries(
      ["pidMode", "ipcMode", "usernsMode", "cgroupnsMode"].map((mode) => [
        `${mode} is the host's`,
        fails(new RegExp(mode), service({ [mode]: "host" })),
      ]),
    ),
    undecided: { "a mode is unknown": stack(service({ pidMode: UNKNOWN_STRING })) },
  },
  {
    rule: rules.ruleNamed("container-no-host-network"),
    passes: { "it is on a bridge": stack(service()), "the mode is absent": stack(service({ networkMode: undefined })) },
    fails: {
      "it is on the host's network": fails(/host's network/, service({ networkMode: "host" })),
      "it shares another container's": fails(/another container/, service({ networkMode: "container:abc" })),
    },
    undecided: { "the mode is unknown": stack(service({ networkMode: UNKNOWN_STRING })) },
  },
  {
    rule: rules.ruleNamed("container-no-docker-socket"),
    passes: {
      "no host path is mounted": stack(service()),
      "a path that only begins like it is mounted": stack(service(bind("/srv/docker.sock.d"))),
      "a volume of that name is mounted": stack(
        service({ volumes: [{ volumeName: "docker.sock", containerPath: "/var/run/docker.sock" }] }),
      ),
    },
    fails: {
      "it is mounted as a volume, read-only": fails(/docker\.sock/, service(bind("/var/run/docker.sock"))),
      "it is mounted as a mount": fails(/containerd\.sock/, service(bindMount("/run/containerd/containerd.sock"))),
      "its path has detours": fails(/docker\.sock/, service(bind("/var/../var/run//docker.sock"))),
      "another mount is unknown": fails(
        /podman\.sock/,
        service({ volumes: [UNKNOWN_OBJECT, { hostPath: "/run/podman/podman.sock", containerPath: "/s" }] }),
      ),
    },
    undecided: { "the path is unknown": stack(service(bind(UNKNOWN_STRING))) },
  },
  {
    rule: rules.ruleNamed("container-no-sensitive-bind"),
    passes: {
      "no host path is mounted": stack(service()),
      "a folder of one's own is mounted": stack(service(bind("/srv/sbc"))),
      "a folder below a home is mounted": stack(service(bind("/home/me/sbc"))),
      "a folder with a like name is mounted": stack(service(bind("/etcetera"))),
      "the role may read it": under(
        { allowedReadOnly: [{ role: "web", path: "/proc", reason: because }] },
        service(bindMount("/proc")),
      ),
    },
    fails: {
      ...Object.fromEntries(
        ["/var", "/var/lib", "/var/log"].map((path) => [
          `${path} is mounted`,
          fails(new RegExp(`path ${path} is mounted`), service(bind(path))),
        ]),
      ),
      "the role may read another path": failsUnder(
        { allowedReadOnly: [{ role: "web", path: "/proc", reason: because }] },
        /path \/sys is mounted/,
        service(bind("/sys")),
      ),

      "the whole host is mounted": fails(/path \/ is/, service(bind("/"))),
      "all homes are mounted": fails(/path \/home is/, service(bind("/home/"))),
      "a system folder is mounted": fails(/path \/etc is/, service(bind("/etc"))),
      "a file in a system folder is mounted": fails(/path \/etc\/shadow/, service(bindMount("/etc/shadow"))),
      "Docker's own data are mounted": fails(/docker\/volumes/, service(bind("/var/lib/docker/volumes"))),
      "another role may read it": failsUnder(
        { allowedReadOnly: [{ role: "exporter", path: "/proc", reason: because }] },
        /path \/proc is mounted/,
        service(bind("/proc")),
      ),
      "the role may read it and mounts it writable": failsUnder(
        { allowedReadOnly: [{ role: "web", path: "/proc", reason: because }] },
        /allowed read-only/,
        service(bind("/proc", false)),
      ),
    },
    undecided: { "volumes are unknown": stack(service({ volumes: UNKNOWN_LIST })) },
  },
  {
    rule: rules.ruleNamed("container-bind-readonly"),
    passes: {
      "binds are read-only": stack(service({ ...bind("/srv/a"), ...bindMount("/srv/b") })),
      "a volume is writable": stack(service({ volumes: [{ volumeName: "data", containerPath: "/data" }] })),
      "a temporary file system is writable": stack(service({ mounts: [{ type: "tmpfs", target: "/tmp" }] })),
    },
    fails: {
      "a volume's bind is writable": fails(/\/srv\/a is mounted writable/, service(bind("/srv/a", false))),
      "a mount's bind is writable": fails(/\/srv\/b/, service(bindMount("/srv/b", false))),
      "readOnly is absent": fails(/\/srv\/c/, service({ volumes: [{ hostPath: "/srv/c", containerPath: "/c" }] })),
    },
    undecided: {
      "readOnly is unknown": stack(
        service({ volumes: [{ hostPath: "/srv/c", containerPath: "/c", readOnly: UNKNOWN_BOOLEAN }] }),
      ),
    },
  },
  {
    rule: rules.ruleNamed("container-no-shared-propagation"),
    passes: {
      "propagation is a word that only holds one of those": stack(
        service(bindMount("/srv/a", true, { propagation: "unshared" })),
        service(bindMount("/srv/a", true, { propagation: "slaves" }), { name: "other" }),
      ),

      "propagation is absent": stack(service(bindMount("/srv/a"))),
      "propagation is private": stack(service(bindMount("/srv/a", true, { propagation: "rprivate" }))),
    },
    fails: {
      "the target is unknown": fails(
        /^The mount at an unknown path has/,
        service({
          mounts: [
            {
              type: "bind",
              source: "/a",
              target: UNKNOWN_STRING,
              readOnly: true,
              bindOptions: { propagation: "shared" },
            },
          ],
        }),
      ),

      ...Object.fromEntries(
        ["shared", "rshared", "slave", "rslave"].map((propagation) => [
          `propagation is ${propagation}`,
          fails(
            new RegExp(`at /data has propagation "${propagation}"`),
            service(bindMount("/srv/a", true, { propagation })),
          ),
        ]),
      ),
    },
    undecided: { "propagation is unknown": stack(service(bindMount("/srv/a", true, { propagation: UNKNOWN_STRING }))) },
  },
  {
    rule: rules.ruleNamed("container-no-devices"),
    passes: {
      "there are none": stack(service()),
      "lists are empty": stack(service({ devices: [], cgroupParent: "" })),
    },
    fails: {
      "a device is given": fails(/devices is/, service({ devices: [{ hostPath: "/dev/snd" }] })),
      "a device request is given": fails(/deviceRequests/, service({ deviceRequests: [{ count: 1 }] })),
      "a device rule is given": fails(/deviceCgroupRules/, service({ deviceCgroupRules: ["c 1:3 mr"] })),
      "graphics cards are given": fails(/gpus/, service({ gpus: "all" })),
      "a foreign cgroup is given": fails(/cgroupParent/, service({ cgroupParent: "/system.slice" })),
    },
    undecided: { "devices are unknown": stack(service({ devices: UNKNOWN_LIST })) },
  },
  {
    rule: rules.ruleNamed("container-nonroot-user"),
    passes: {
      "a number that ends with 0 is set": stack(service({ user: "4100" })),

      "a number is set": stack(service({ user: "4101" })),
      "a number that only begins with 0 is set": stack(service({ user: "01:01" })),
      "a name is set": stack(service({ user: "rooted" })),
    },
    fails: {
      "the user is absent": fails(/No user is set/, service({ user: undefined })),
      "the user is empty": fails(/No user is set/, service({ user: "" })),
      "the user is root": fails(/as root/, service({ user: "root" })),
      "the user is 0 with a group": fails(/as root/, service({ user: "0:4101" })),
      "the user is 00": fails(/as root/, service({ user: "00" })),
    },
    undecided: { "the user is unknown": stack(service({ user: UNKNOWN_STRING })) },
  },
  {
    rule: rules.ruleNamed("container-readonly-rootfs"),
    passes: { "it is read-only": stack(service()), "it is a job": stack(job()) },
    fails: {
      "readOnly is absent": fails(/writable/, service({ readOnly: undefined })),
      "readOnly is false": fails(/writable/, service({ readOnly: false })),
      "it only looks like a job": fails(/writable/, service({ readOnly: false, mustRun: false })),
    },
    undecided: { "readOnly is unknown": stack(service({ readOnly: UNKNOWN_BOOLEAN })) },
  },
  {
    rule: rules.ruleNamed("container-readonly-without-uploads"),
    passes: {
      "it has no uploads": stack(service()),
      "its root is writable": stack(service({ readOnly: false, uploads: [{ file: "/a", content: "a" }] })),
      "uploads are empty": stack(service({ uploads: [] })),
    },
    fails: {
      "it has both": fails(/1 file/, service({ uploads: [{ file: "/a", content: "a" }] })),
      "an upload's content is unknown": fails(
        /1 file/,
        service({ uploads: [{ file: "/a", content: UNKNOWN_STRING }] }),
      ),
    },
    undecided: {
      "readOnly is unknown": stack(service({ readOnly: UNKNOWN_BOOLEAN, uploads: [{ file: "/a", content: "a" }] })),
    },
  },
  {
    rule: rules.ruleNamed("container-memory-and-cpu-limit"),
    passes: {
      "memory and cpus are set": stack(service()),
      "cpuShares stand in for cpus": stack(service({ cpus: undefined, cpuShares: 512 })),
      "a CPU quota stands in for cpus": stack(service({ cpus: undefined, cpuQuota: 50000 })),
      "memory is a number's spelling": stack(service({ memory: "128" })),
      "the CPU share is unknown and the cpus are set": stack(service({ memorySwap: undefined })),
    },
    fails: {
      "cpus are 0": fails(/no CPU limit/, service({ cpus: "0" })),

      "memory is absent": fails(/no memory limit/, service({ memory: undefined })),
      "memory is 0": fails(/no memory limit/, service({ memory: 0 })),
      "swap is unlimited": fails(/Swap is unlimited/, service({ memorySwap: -1 })),
      "cpus are absent": fails(/no CPU limit/, service({ cpus: undefined })),
      "everything is absent": fails([/no memory/, /no CPU/], service({ memory: undefined, cpus: undefined })),
      "memory is unknown and cpus are absent": fails(/no CPU/, service({ memory: UNKNOWN_NUMBER, cpus: undefined })),
    },
    undecided: { "memory is unknown": stack(service({ memory: UNKNOWN_NUMBER })) },
  },
  {
    rule: rules.ruleNamed("container-process-limits"),
    passes: {
      "the limit is zero": stack(service({ ulimits: [{ name: "nproc", soft: 0, hard: 0 }] })),

      "processes are limited": stack(service({ ulimits: [{ name: "nproc", soft: 1, hard: 1 }] })),
      "files are limited where they must be": stack(service({ labels: labels("kamailio", "edge") })),
      "it is a job": stack(job({ ulimits: undefined })),
    },
    fails: {
      "ulimits are absent": fails(/no nproc/, service({ ulimits: undefined })),
      "the limit is unlimited": fails(
        /nproc limit is unlimited/,
        service({ ulimits: [{ name: "nproc", soft: -1, hard: -1 }] }),
      ),
      "files are not limited where they must be": fails(
        /no nofile/,
        service({ labels: labels("rtpengine", "media"), ulimits: [{ name: "nproc", soft: 1, hard: 1 }] }),
      ),
      "policy config names another role": failsUnder(
        { nofileRoles: ["web"] },
        /no nofile/,
        service({ ulimits: [{ name: "nproc", soft: 1, hard: 1 }] }),
      ),
    },
    undecided: { "ulimits are unknown": stack(service({ ulimits: UNKNOWN_LIST })) },
  },
  {
    rule: rules.ruleNamed("container-healthcheck"),
    passes: { "it is complete": stack(service()), "it is a job": stack(job()) },
    fails: {
      "it is absent": fails(/no health check/, service({ healthcheck: undefined })),
      "it has no command": fails(/no command/, service(health({ tests: [] }))),
      "it is switched off": fails(/switched off/, service(health({ tests: ["NONE"] }))),
      "it has no interval": fails(/no interval/, service(health({ interval: undefined }))),
      "its interval is zero": fails(/no interval/, service(health({ interval: "0s" }))),
      "it has no timeout": fails(/no timeout/, service(health({ timeout: null }))),
      "it has no retries": fails(/no retries/, service(health({ retries: 0 }))),
      "its command is unknown and retries are absent": fails(
        /no retries/,
        service(health({ tests: ["CMD", UNKNOWN_STRING], retries: undefined })),
      ),
    },
    undecided: {
      "it is unknown": stack(service({ healthcheck: UNKNOWN_OBJECT })),
      "its command is unknown": stack(service(health({ tests: UNKNOWN_LIST }))),
      "its interval is unknown": stack(service(health({ interval: UNKNOWN_STRING }))),
      "its retries are unknown": stack(service(health({ retries: UNKNOWN_NUMBER }))),
    },
  },
  {
    rule: rules.ruleNamed("container-restart-policy"),
    passes: {
      "its count is the least": stack(service({ restart: "on-failure", maxRetryCount: 1 })),

      "it is unless-stopped": stack(service()),
      "it is always": stack(service({ restart: "always" })),
      "it is on-failure with a count": stack(service({ restart: "on-failure", maxRetryCount: 5 })),
      "it is a job": stack(job()),
    },
    fails: {
      "it is on-failure with the count 0": fails(
        /without a count/,
        service({ restart: "on-failure", maxRetryCount: 0 }),
      ),

      "it is absent": fails(/is not set/, service({ restart: undefined })),
      "it is no": fails(/is "no"/, service({ restart: "no" })),
      "it is on-failure without a count": fails(/without a count/, service({ restart: "on-failure" })),
      "it is on-failure with too large a count": fails(
        /without a count/,
        service({ restart: "on-failure", maxRetryCount: 6 }),
      ),
    },
    undecided: {
      "it is unknown": stack(service({ restart: UNKNOWN_STRING })),
      "its count is unknown": stack(service({ restart: "on-failure", maxRetryCount: UNKNOWN_NUMBER })),
    },
  },
  {
    rule: rules.ruleNamed("container-log-rotation"),
    passes: {
      "json-file rotates": stack(service()),
      "local rotates by itself": stack(service(logs("local"))),
      "a remote driver is allowed and does not block": under(
        { drivers: ["syslog"] },
        service(logs("syslog", { mode: "non-blocking" })),
      ),
    },
    fails: {
      "the driver is absent": fails(/No log driver/, service(logs(undefined))),
      "nothing is kept": fails(/driver "none" is not allowed/, service(logs("none", { mode: "non-blocking" }))),
      "nothing is kept, and policy config says so": failsUnder(
        { drivers: ["none"] },
        /driver "none" is not allowed/,
        service(logs("none", { mode: "non-blocking" })),
      ),
      "options are absent": fails([/max-size/, /max-file/], service(logs("json-file"))),
      "one option is absent": fails(/max-file/, service(logs("json-file", { "max-size": "1m" }))),
      "a remote driver blocks": failsUnder(
        { drivers: ["syslog"] },
        /non-blocking/,
        service(logs("syslog", { mode: "blocking" })),
      ),
      "a remote driver says nothing about blocking": failsUnder(
        { drivers: ["syslog"] },
        /non-blocking/,
        service(logs("syslog")),
      ),
      "options are unknown and the driver is not allowed": fails(
        /not allowed/,
        service(logs("gelf", UNKNOWN_OBJECT as never)),
      ),
    },
    undecided: {
      "the driver is unknown": stack(service(logs(UNKNOWN_STRING))),
      "options are unknown": stack(service({ logOpts: UNKNOWN_OBJECT })),
    },
  },
  {
    rule: rules.ruleNamed("container-grace-period"),
    passes: {
      "it is long enough for any role": stack(service({ destroyGraceSeconds: 10 })),
      "it is long enough for a database": stack(service({ labels: labels("mariadb", "data") })),
      "it is a job": stack(job()),
    },
    fails: {
      "it is absent": fails(/needs 10 seconds/, service({ destroyGraceSeconds: undefined })),
      "it is too short": fails(/is 9 seconds; the role "web" needs 10/, service({ destroyGraceSeconds: 9 })),
      "it is too short for a database": fails(
        /needs 60/,
        service({ destroyGraceSeconds: 59, labels: labels("mariadb", "data") }),
      ),
      "policy config asks for more": failsUnder({ seconds: 20 }, /needs 20/, service({ destroyGraceSeconds: 19 })),
    },
    undecided: { "it is unknown": stack(service({ destroyGraceSeconds: UNKNOWN_NUMBER })) },
  },
  {
    rule: rules.ruleNamed("container-replace-order"),
    passes: {
      "its host port is left to chance": stack(
        service({ name: undefined, ports: [{ internal: 80 }] }, { options: { deleteBeforeReplace: false } }),
      ),

      "it is deleted first": stack(service({ ports: [{ internal: 80, external: 8080 }] })),
      "nothing is fixed": stack(service({ name: undefined }, { options: { deleteBeforeReplace: undefined } })),
      "the provider made its name": stack(
        service({ name: "web-0a1b2c3" }, { options: { deleteBeforeReplace: false } }),
      ),
    },
    fails: {
      "everything is fixed": fails(
        /^It has a fixed name, address, host port, and/,
        service(
          { networksAdvanced: [{ name: "n", ipv4Address: "10.5.0.2" }], ports: [{ internal: 80, external: 8080 }] },
          { options: { deleteBeforeReplace: false } },
        ),
      ),

      "its name is fixed": fails(/fixed name,/, service({}, { options: { deleteBeforeReplace: false } })),
      ...Object.fromEntries(
        ["web-0a1b2c", "web-0a1b2c34", "web-front", "app-0a1b2c3", "web0a1b2c3"].map((name) => [
          `its name is ${name}`,
          fails(/fixed name,/, service({ name }, { options: { deleteBeforeReplace: false } })),
        ]),
      ),
      "its address is fixed": fails(
        /fixed address,/,
        service(
          { name: undefined, networksAdvanced: [{ name: "n", ipv4Address: "10.5.0.2" }] },
          { options: { deleteBeforeReplace: undefined } },
        ),
      ),
      "its port is fixed": fails(
        /fixed host port,/,
        service(
          { name: undefined, ports: [{ internal: 80, external: 8080 }] },
          { options: { deleteBeforeReplace: false } },
        ),
      ),
    },
    undecided: {
      "its name is unknown": stack(service({ name: UNKNOWN_STRING }, { options: { deleteBeforeReplace: false } })),
    },
  },
  {
    rule: rules.ruleNamed("env-no-plaintext-secret"),
    passes: {
      "there is no environment": stack(service()),
      "keys name files": stack(
        service({ envs: ["MARIADB_ROOT_PASSWORD_FILE=/run/secrets/root", "TOKEN_PATH=/run/t"] }),
      ),
      "keys are about secrets": stack(
        service({
          envs: ["PASSWORD_MIN_LENGTH=12", "ALLOW_EMPTY_PASSWORD=no", "RANDOM_ROOT_PASSWORD=please", "TOKEN_TTL=1 h"],
        }),
      ),
      "values are switches, quantities or nothing": stack(
        service({ envs: ["API_KEY=true", "USE_TOKEN=off", "SECRET=", "PASS=3", "PW"] }),
      ),
      "keys only look alike": stack(service({ envs: ["COMPASS=north", "TOKENIZER=plain", "BYPASS=/x", "PWDX=there"] })),
      ...Object.fromEntries(
        [
          ...["FILE", "PATH", "DIR", "LENGTH", "LIFETIME", "TTL", "TIMEOUT", "EXPIR", "EXPIRES", "EXPIRY", "POLICY"],
          "ALGORITHM",
        ].map((word) => [
          `a key is about a secret's ${word}`,
          stack(service({ envs: [`TOKEN_${word}=of some kind`] })),
        ]),
      ),
      ...Object.fromEntries(
        ["true", "False", "yes", "NO", "on", "off", "3", "12", "3.25", "10s", "1.5 GB", "30  ms"].map((value) => [
          `a value is the switch or quantity "${value}"`,
          stack(service({ envs: [`TOKEN=${value}`] })),
        ]),
      ),
    },
    fails: {
      ...Object.fromEntries(
        [
          ...[
            "DB_PASSWORD",
            "secret",
            "API_TOKEN",
            "MYSQL_PWD",
            "ADMIN_PASS",
            "APIKEY",
            "API_KEY",
            "TLS_PRIVATE_KEY_PEM",
          ],
          ...["PASSWD", "PASSPHRASE", "PW", "ACCESSKEY", "ACCESS_KEY", "PRIVATEKEY", "ENCRYPTIONKEY", "ENCRYPTION_KEY"],
          ...["CREDENTIAL", "CREDENTIALS", "TOKEN_FILENAME", "TOKEN_EXPIRES_SALT"],
        ].map((key) => [
          `${key} is set`,
          fails(new RegExp(`variable ${key} holds`), service({ envs: [`${key}=hunter2hunter2`] })),
        ]),
      ),
      ...Object.fromEntries(
        ["trueblue", "untrue", "12345secret", "3.x", "3.", "1x2", "77abc", "8 &"].map((value) => [
          `the value is ${value}`,
          fails(/variable TOKEN holds/, service({ envs: [`TOKEN=${value}`] })),
        ]),
      ),
    },
    undecided: {},
  },
  {
    rule: rules.ruleNamed("env-no-credential-url"),
    passes: {
      "there is no health check": stack(service({ healthcheck: undefined })),
      "the health check is unknown": stack(service({ healthcheck: UNKNOWN_OBJECT })),
      "a label is unknown": stack(
        service({ labels: [...labels("web", "edge"), { label: "url", value: UNKNOWN_STRING }] }),
      ),

      "there is no URL": stack(service({ envs: ["A=b"], command: ["-x"] })),
      "URLs hold no password": stack(
        service({ envs: ["A=http://example.org:80/@b", "B=sip:alice@example.org"], command: ["mysql://user@db/name"] }),
      ),
    },
    fails: {
      "its scheme has one letter": fails(/variable A/, service({ envs: ["A=x://u:p@h"] })),
      "its scheme ends with a digit": fails(/variable A/, service({ envs: ["A=s3://key:secret@bucket"] })),
      "its scheme has a sign": fails(/variable A/, service({ envs: ["A=postgresql+://u:p@h"] })),

      "a variable holds one": fails(/variable DB holds/, service({ envs: ["DB=mysql://user:pw@db/name"] })),
      "an argument holds one": fails(/in command/, service({ command: ["--url=redis://:x@r", "amqp://u:p@h"] })),
      "an entrypoint holds one": fails(/in entrypoints/, service({ entrypoints: ["http://u:p@h"] })),
      "the health check holds one": fails(/health check/, service(health({ tests: ["CMD", "curl", "http://u:p@h"] }))),
      "a label holds one": fails(
        /label url/,
        service({ labels: [...labels("web", "edge"), { label: "url", value: "http://u:p@h" }] }),
      ),
      "another variable is unknown": fails(/variable DB/, service({ envs: [UNKNOWN_STRING, "DB=mysql://user:pw@db"] })),
    },
    undecided: {},
  },
  {
    rule: rules.ruleNamed("uploads-secret-mode"),
    passes: {
      "an example of a settings file is not known yet": stack(
        job({ uploads: [{ file: "/s/my.cnf.example", content: UNKNOWN_STRING }] }),
      ),

      ...Object.fromEntries(
        ["0400", "0440", "0600", "0640"].map((permissions) => [
          `the mode is ${permissions}`,
          stack(job({ uploads: [{ file: "/s/server.key", content: "x", permissions }] })),
        ]),
      ),
      "a name only holds a secret's": stack(
        job({
          uploads: ["/s/server.key.example", "/s/htpasswd/readme", "/s/secretary/list", "/s/mysecrets/list"].map(
            (file) => ({
              file,
              content: "x",
            }),
          ),
        }),
      ),
      "a settings file only speaks of passwords": stack(
        job({
          uploads: [
            { file: "/s/a.cnf", content: "# the password = is set elsewhere" },
            { file: "/s/b.cnf", content: "[client]\npassword =\n" },
            { file: "/s/c.cnf", content: "old-password = none" },
            { file: "/s/d.cnf", content: "passwords = none" },
          ],
        }),
      ),
      "the name is unknown and the content plain": stack(job({ uploads: [{ file: UNKNOWN_STRING, content: "x" }] })),

      "there are no uploads": stack(job()),
      "all uploads are unknown": stack(job({ uploads: UNKNOWN_LIST })),
      "the mode is unknown": stack(job({ uploads: [{ file: "/s/a.key", content: "x", permissions: UNKNOWN_STRING }] })),
      "a key is closed": stack(job({ uploads: [{ file: "/s/server.key", content: "x", permissions: "0400" }] })),
      "a plain file is open": stack(job({ uploads: [{ file: "/s/kamailio.cfg", content: "x" }] })),
      "a chain of certificates is open": stack(
        job({ uploads: [{ file: "/s/server.pem", content: "-----BEGIN CERTIFICATE-----" }] }),
      ),
      "a settings file without a password is open": stack(
        job({ uploads: [{ file: "/s/my.cnf", content: "[mariadbd]\n" }] }),
      ),
    },
    fails: {
      ...Object.fromEntries(
        ["/s/tls-key.pem", "/s/htpasswd", "/s/htpasswd-kibana", "/s/a.p12", "/s/a.pfx", "/root/.pgpass"]
          .concat(["secrets/db", "/a/secret/db", "/a/private/db"])
          .map((file) => [
            `${file} is open`,
            fails(
              new RegExp(`^The secret file ${file} has mode 0644, the default`),
              job({ uploads: [{ file, content: "x" }] }),
            ),
          ]),
      ),
      ...Object.fromEntries(
        ["password=hunter2", "  passwd = hunter2", "\tSECRET  =  hunter2"].map((line) => [
          `a settings file says ${line}`,
          fails(/ari\.conf/, job({ uploads: [{ file: "/s/ari.conf", content: `[x]\n${line}\n` }] })),
        ]),
      ),

      "a key has the default mode": fails(
        /server\.key has mode 0644, the default/,
        job({ uploads: [{ file: "/s/server.key", content: UNKNOWN_STRING }] }),
      ),
      "a password file is open": fails(
        /mode 0644/,
        job({ uploads: [{ file: "/s/htpasswd", content: "x", permissions: "0644" }] }),
      ),
      "a file in a folder of secrets is open": fails(
        /mode 0444/,
        job({ uploads: [{ file: "/stage/secrets/db", content: "x", permissions: "0444" }] }),
      ),
      "a private key has another name": fails(
        /odd/,
        job({ uploads: [{ file: "/s/odd", content: "-----BEGIN EC PRIVATE KEY-----\nx" }] }),
      ),
      "a private key is encoded": fails(
        /odd/,
        job({
          uploads: [{ file: "/s/odd", contentBase64: Buffer.from("-----BEGIN PRIVATE KEY-----").toString("base64") }],
        }),
      ),
      "a settings file holds a password": fails(
        /my\.cnf/,
        job({ uploads: [{ file: "/s/my.cnf", content: "[client]\npassword = hunter2hunter2\n" }] }),
      ),
      "a settings file of unknown content is open": fails(
        /manager\.conf/,
        job({ uploads: [{ file: "/s/manager.conf", content: UNKNOWN_STRING }] }),
      ),
    },
    undecided: {},
  },
  {
    rule: rules.ruleNamed("no-known-default-credential"),
    passes: {
      "there is none": stack(service({ envs: ["A=b"] }), job({ uploads: [{ file: "/a", content: "plain" }] })),
      "contents are unknown": stack(job({ uploads: [{ file: "/a", content: UNKNOWN_STRING }] })),
      "all uploads are unknown": stack(job({ uploads: UNKNOWN_LIST })),
    },
    fails: {
      "an entrypoint holds one": fails(/in entrypoints/, service({ entrypoints: ["--password=changeme"] })),

      "a variable holds one": fails(/variable X/, service({ envs: ["X=kamailiorw"] })),
      "an argument holds one": fails(/in command/, service({ command: ["--password", "changeme"] })),
      "a file holds one": fails(/file \/a/, job({ uploads: [{ file: "/a", content: "url admin:admin@" }] })),
      "an encoded file holds one": fails(
        /file \/a/,
        job({ uploads: [{ file: "/a", contentBase64: Buffer.from("homerSeven").toString("base64") }] }),
      ),
      "policy config knows another": failsUnder({ words: ["letmein"] }, /variable X/, service({ envs: ["X=letmein"] })),
    },
    undecided: {},
  },
  {
    rule: rules.ruleNamed("network-no-default-bridge"),
    passes: {
      "it shares another container's, which is another rule's matter": stack(
        service({ networkMode: "container:abc", networksAdvanced: undefined }),
      ),

      "it joins a network": stack(service()),
      "it has no network at all": stack(job({ networkMode: "none", networksAdvanced: undefined })),
      "it is on the host's, which is another rule's matter": stack(
        service({ networkMode: "host", networksAdvanced: undefined }),
      ),
      "the network's name is unknown": stack(service({ networksAdvanced: [{ name: UNKNOWN_STRING }] })),
    },
    fails: {
      "the mode is absent": fails(/No network mode/, service({ networkMode: undefined })),
      "it joins none": fails(/joins no network/, service({ networksAdvanced: undefined })),
      "both are absent": fails(
        [/No network mode/, /joins no/],
        service({ networkMode: undefined, networksAdvanced: [] }),
      ),
    },
    undecided: {
      "the mode is unknown and it joins none": stack(
        service({ networkMode: UNKNOWN_STRING, networksAdvanced: undefined }),
      ),

      "the mode is unknown": stack(service({ networkMode: UNKNOWN_STRING })),
      "networks are unknown": stack(service({ networksAdvanced: UNKNOWN_LIST })),
    },
  },
  {
    rule: rules.ruleNamed("job-one-shot"),
    passes: {
      "it is one": stack(job()),
      "it is a service": stack(service()),
      "restart is absent": stack(job({ restart: undefined })),
    },
    fails: {
      "mustRun is absent": fails(/mustRun/, job({ mustRun: undefined })),
      "nobody waits for it": fails(/attach/, job({ attach: false })),
      "it restarts": fails(/restarts by itself/, job({ restart: "unless-stopped" })),
      "it publishes ports": fails(/publishes ports/, job({ ports: [{ internal: 80, external: 8080 }] })),
    },
    undecided: {
      "attach is unknown": stack(job({ attach: UNKNOWN_BOOLEAN })),
      "restart is unknown": stack(job({ restart: UNKNOWN_STRING })),
      "mustRun is unknown": stack(job({ mustRun: UNKNOWN_BOOLEAN })),
    },
  },
  {
    rule: rules.ruleNamed("container-role-labels"),
    passes: { "both are set": stack(service()) },
    fails: {
      "some labels are unknown and none is ours": fails(
        [/sbc\.role is not set/, /sbc\.plane is not set/],
        service({ labels: [{ label: "other", value: "x" }, UNKNOWN_OBJECT] }),
      ),

      "labels are absent": fails([/sbc\.role is not set/, /sbc\.plane is not set/], service({ labels: undefined })),
      "the plane is absent": fails(/sbc\.plane is not set/, service({ labels: labels("web", "edge").slice(0, 1) })),
      "the plane does not exist": fails(/"front" does not exist/, service({ labels: labels("web", "front") })),
    },
    undecided: { "labels are unknown": stack(service({ labels: UNKNOWN_LIST })) },
  },
];
