import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import {
  elasticsearchPort,
  elasticsearchRuntime,
  elasticsearchUrl,
  renderElasticsearchConfig,
  renderElasticsearchSecrets,
  renderSetupBodies,
  renderSetupLogin,
  setupCommand,
  setupJob,
  type TlsFiles,
} from "../configs/elasticsearch/index.ts";
import { users } from "../configs/elasticsearch/objects.ts";
import {
  filebeatHttpPort,
  filebeatRuntime,
  renderFilebeatConfig,
  renderFilebeatSecrets,
  syslogPort,
} from "../configs/filebeat/index.ts";
import type { FileMap } from "../configs/files.ts";
import {
  importCommand,
  importJob,
  kibanaRuntime,
  kibanaUrl,
  renderImportLogin,
  renderImportObjects,
  renderKibanaConfig,
  renderKibanaSecrets,
} from "../configs/kibana/index.ts";
import { beatsPort, logstashRuntime, renderLogstashConfig, renderLogstashSecrets } from "../configs/logstash/index.ts";
import type { AddressPlan } from "./addresses.ts";
import { CertificateAuthority, type CertificateAuthorityArgs } from "./certificate-authority.ts";
import { ConfigVolume } from "./config-volume.ts";
import { labels, type ContainerDefaults, type VolumeMount } from "./container.ts";
import { upstreamImage } from "./image.ts";
import { job } from "./job.ts";
import type { MonitoringPlan } from "./monitoring-tools.ts";
import { password } from "./password.ts";
import type { SbcNetwork } from "./sbc-network.ts";
import { service } from "./service.ts";
import { componentType } from "./types.ts";
import type { UpstreamTool } from "./upstream-images.ts";

/** Where log lines go. A change of any value replaces the containers that it is for; what is stored stays, unless it says otherwise. */
export interface LogPipelineArgs {
  readonly defaults: ContainerDefaults;
  readonly networks: SbcNetwork;
  readonly addresses: AddressPlan;
  /** Which of the four run; Elasticsearch always. */
  readonly tools: MonitoringPlan["tools"];
  /** Other images than the publisher's. */
  readonly images: Readonly<Partial<Record<UpstreamTool, string>>>;
  /** Sizes and times. */
  readonly settings: {
    /** Days that lines are kept. Live: by the set-up job. */
    readonly retentionDays: number;
    /** Java heap of Elasticsearch. */
    readonly elasticsearchHeapMb: number;
    /** Java heap of Logstash. */
    readonly logstashHeapMb: number;
    /** Most that waits on disk while Elasticsearch is away. */
    readonly queueMb: number;
  };
  /** URL by which browsers reach Kibana. */
  readonly publicUrl?: string | undefined;
  /** Life and rotation of the pipeline's own certificates. */
  readonly certificates: Omit<CertificateAuthorityArgs, "organization">;
  /** Counter: another value makes new passwords; the people's ones change live, the programs' restart them. */
  readonly rotation: number;
  /** Keep the stored lines when the stack is destroyed. */
  readonly protect: boolean;
}

/** Address that the engine sends log lines to, where a stack has the pipeline: for {@link ContainerDefaults}. */
export function logCollector(addresses: AddressPlan, tools: MonitoringPlan["tools"]): string | undefined {
  return tools.has("filebeat") ? `${addresses.monitoring.filebeat}:${syslogPort}` : undefined;
}

/** Where the parts without pages take connections: whether they do is probed. */
export function pipelinePorts(tools: MonitoringPlan["tools"]) {
  const ports = { elasticsearch: elasticsearchPort, logstash: beatsPort, filebeat: filebeatHttpPort } as const;
  return (["elasticsearch", "logstash", "filebeat"] as const)
    .filter((tool) => tools.has(tool))
    .map((tool) => ({ tool, port: ports[tool] }));
}

/** Seconds that a job waits for a program that has been healthy before. */
const patienceSeconds = 120;

/** A program of the pipeline: its runtime, and the files that it finds. */
interface Program {
  readonly runtime: {
    readonly uid: number;
    readonly gid: number;
    readonly command: readonly string[];
    readonly mounts: { readonly config: string; readonly secrets: string; readonly data?: string };
    readonly tmpfs: Readonly<Record<string, string>>;
    readonly healthcheck: readonly string[];
    readonly memoryMb: number;
    readonly graceSeconds: number;
    readonly startSeconds: number;
  };
  readonly files: FileMap;
  readonly secrets: pulumi.Output<FileMap>;
}

/** Filebeat, Logstash, Elasticsearch and Kibana, with certificates and passwords that nobody else has. Nothing waits for them. */
export class LogPipeline extends pulumi.ComponentResource {
  /** Names of the containers by role. */
  public readonly containers: Readonly<Record<string, pulumi.Output<string>>>;
  /** Kibana's own log-in: user → password; secret. Undefined where there is no Kibana. */
  public readonly logins: pulumi.Output<Record<string, string>> | undefined;
  /** CA of Kibana's certificate, for the front door. */
  public readonly ca: pulumi.Output<string>;
  private readonly args: LogPipelineArgs;

  constructor(name: string, args: LogPipelineArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentType("LogPipeline"), name, {}, options);
    // What the pipeline says about itself stays with the engine: it would come round again.
    const { maxSizeMb, maxFiles } = args.defaults.logs;
    this.args = { ...args, defaults: { ...args.defaults, logs: { maxSizeMb, maxFiles } } };
    const { defaults, networks, rotation, settings } = this.args;
    const own = { parent: this };

    // A CA of its own: whoever has a certificate for SIP must not get in here by it.
    const authority = new CertificateAuthority(
      "logs-ca",
      { organization: `${defaults.prefix} logs`, ...args.certificates },
      own,
    );
    this.ca = authority.certificate;
    const server = (tool: string): pulumi.Output<TlsFiles> => {
      const certificateRotation = args.certificates.rotation;
      const { chain, pkcs8, ca } = authority.server(`${tool}-tls`, {
        dnsNames: [tool, "localhost"],
        ipAddresses: [],
        rotation: certificateRotation,
      });
      return pulumi.all([ca, chain, pkcs8]).apply(tlsFiles);
    };
    const client = authority.client("filebeat-tls", {
      name: "filebeat",
      keyId: () => "log shipper",
      rotation: args.certificates.rotation,
    });

    const secret = (user: string) => password(`logs-${user}-password`, rotation, own);
    const key = (use: string) => password(`kibana-${use}-key`, 0, own);
    const passwords = pulumi.secret(
      pulumi
        .all([secret("setup"), secret("kibana"), secret("writer"), secret("reader"), secret("admin")])
        .apply(([setup, kibana, writer, reader, admin]) => ({ setup, kibana, writer, reader, admin })),
    );

    const salt = password("logs-setup-salt", rotation, own);
    const elasticsearch = this.run(
      "elasticsearch",
      {
        runtime: elasticsearchRuntime({ heapMb: settings.elasticsearchHeapMb }),
        files: renderElasticsearchConfig({ clusterName: defaults.prefix, heapMb: settings.elasticsearchHeapMb }),
        secrets: pulumi
          .all([server("elasticsearch"), passwords, salt])
          .apply(([tls, { setup }, salted]) =>
            renderElasticsearchSecrets({ tls, setupPassword: setup, salt: salted.slice(0, 22) }),
          ),
      },
      [],
    );
    const { uid, gid } = elasticsearchRuntime();
    const jobImage = elasticsearch.image;
    const login = { uid, gid, mode: "0400" } as const;
    const common = {
      defaults,
      plane: "monitoring",
      image: jobImage,
      user: `${uid}:${gid}`,
      networks: [{ network: networks.monitoring }],
      memoryMb: 64,
    } as const;
    const setUp = job(
      "elasticsearch-setup",
      {
        ...common,
        command: setupCommand(elasticsearchUrl, patienceSeconds),
        staged: [
          {
            ...login,
            path: setupJob.login,
            files: pulumi.all([passwords, this.ca]).apply(([values, ca]) => renderSetupLogin(values, ca)),
          },
          { path: setupJob.bodies, mode: "0444", files: renderSetupBodies(settings.retentionDays) },
        ],
      },
      { parent: this, dependsOn: [elasticsearch.container] },
    );

    const logstash = this.runIf(
      "logstash",
      {
        runtime: logstashRuntime({ heapMb: settings.logstashHeapMb }),
        files: renderLogstashConfig({ heapMb: settings.logstashHeapMb, queueMb: settings.queueMb }),
        secrets: pulumi
          .all([server("logstash"), passwords])
          .apply(([tls, { writer }]) => renderLogstashSecrets({ tls, password: writer })),
      },
      [setUp.done],
    );
    // Not after Logstash: it listens from the start, and tries until Logstash is there.
    const filebeat = this.runIf(
      "filebeat",
      {
        runtime: filebeatRuntime,
        files: renderFilebeatConfig(),
        secrets: pulumi
          .all([this.ca, client.certificate, client.pkcs8])
          .apply((values) => renderFilebeatSecrets(tlsFiles(values))),
      },
      [],
    );
    const kibana = this.runIf(
      "kibana",
      {
        runtime: kibanaRuntime(),
        files: renderKibanaConfig({ publicUrl: args.publicUrl }),
        secrets: pulumi
          .all([server("kibana"), passwords, key("session"), key("objects"), key("reporting")])
          .apply(([tls, values, session, objects, reporting]) =>
            renderKibanaSecrets({ tls, password: values.kibana, keys: { session, objects, reporting } }),
          ),
      },
      [setUp.done],
    );
    if (kibana !== undefined) {
      job(
        "kibana-import",
        {
          ...common,
          command: importCommand(kibanaUrl, patienceSeconds),
          staged: [
            {
              ...login,
              path: importJob.login,
              files: pulumi.all([passwords, this.ca]).apply(([values, ca]) => renderImportLogin(values, ca)),
            },
            { path: importJob.objects, mode: "0444", files: renderImportObjects() },
          ],
        },
        { parent: this, dependsOn: [kibana.container] },
      );
    }

    this.logins =
      kibana &&
      pulumi.secret(
        passwords.apply(({ admin, reader }): Record<string, string> => ({
          [users.reader]: reader,
          [users.admin]: admin,
        })),
      );
    const running = { elasticsearch, logstash, filebeat, kibana };
    this.containers = Object.fromEntries(
      Object.entries(running).flatMap(([tool, made]) => (made === undefined ? [] : [[tool, made.container.name]])),
    );
    this.registerOutputs({ containers: this.containers });
  }

  /** The same, where the stack has it. */
  private runIf(...[tool, program, after]: Parameters<LogPipeline["run"]>) {
    return this.args.tools.has(tool) ? this.run(tool, program, after) : undefined;
  }

  /** One of the four. @param after what must have ended well before it starts */
  private run(tool: "elasticsearch" | "logstash" | "filebeat" | "kibana", program: Program, after: Dependencies) {
    const { addresses, defaults, images, networks, protect } = this.args;
    const { uid, gid, mounts, ...runtime } = program.runtime;
    const own = { parent: this };
    const toolImage = upstreamImage(tool, images, own);
    const volume = { defaults, plane: "monitoring", image: toolImage, uid, gid } as const;
    const config = new ConfigVolume(
      `${tool}-config`,
      { ...volume, path: mounts.config, content: { kind: "plain", files: program.files } },
      own,
    );
    const secrets = new ConfigVolume(
      `${tool}-secrets`,
      { ...volume, path: mounts.secrets, content: { kind: "secret", files: program.secrets } },
      own,
    );
    const data: VolumeMount[] = [];
    const owned: pulumi.Output<docker.Container>[] = [];
    if (mounts.data !== undefined) {
      const { name } = new docker.Volume(
        `${tool}-data`,
        {
          name: `${defaults.prefix}-${tool}-data`,
          labels: labels({ "sbc.stack": defaults.prefix, "sbc.plane": "monitoring" }),
        },
        // Any change of a volume replaces it, and its data are gone.
        { parent: this, protect, retainOnDelete: protect, ignoreChanges: ["labels"] },
      );
      data.push({ volume: name, path: mounts.data, readOnly: false });
      // A new volume has the owner that the publisher gave the folder in the image, which is not ours to rely on.
      const owner = job(
        `${tool}-data-owner`,
        {
          defaults,
          plane: "monitoring",
          image: toolImage,
          user: "0:0",
          command: ["/bin/chown", `${uid}:${gid}`, mounts.data],
          staged: [],
          mounts: data,
          capabilities: ["CAP_CHOWN"],
          memoryMb: 64,
        },
        own,
      );
      owned.push(owner.done);
    }
    const container = service(
      tool,
      {
        ...runtime,
        defaults,
        role: tool,
        plane: "monitoring",
        image: toolImage,
        uid,
        gid,
        mounts: [config.mount, secrets.mount, ...data],
        networks: [{ network: networks.monitoring, address: addresses.monitoring[tool], aliases: [tool] }],
        healthSeconds: 5,
        cpus: 1,
      },
      { parent: this, dependsOn: [config.filled, secrets.filled, ...owned, ...after] },
    );
    return { container, image: toolImage };
  }
}

type Dependencies = readonly pulumi.Output<docker.Container>[];

function tlsFiles([ca, certificate, key]: readonly [string, string, string]): TlsFiles {
  return { ca, certificate, key };
}
