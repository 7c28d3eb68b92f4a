import { dump } from "js-yaml";
import type { FileMap } from "../files.ts";
import { httpHealthcheck } from "../health.ts";

/** Which alerts a receiver gets: all with something to do, the critical ones only, or the one that always fires. */
export const receives = ["all", "critical", "watchdog"] as const;
export type Receives = (typeof receives)[number];

/** An HTTP API that is told of alerts, as Alertmanager's webhook does it. */
export interface Webhook {
  /** In logs and file names. */
  readonly name: string;
  readonly receives: Receives;
  /** Whether a token is sent (`Authorization: Bearer`). */
  readonly token: boolean;
  /** CA of its certificate, PEM. Default: public ones. */
  readonly ca?: string;
}

/** Where alerts are mailed to. */
export interface Email {
  readonly to: readonly string[];
  readonly from: string;
  readonly host: string;
  readonly port: number;
  /** Empty: no log-in. */
  readonly username: string;
  /** CA of its certificate, PEM. Default: public ones. */
  readonly ca?: string;
  readonly receives: Exclude<Receives, "watchdog">;
}

/** What Alertmanager's configuration depends on. A change replaces its container; silences stay. */
export interface AlertmanagerConfigArgs {
  /** Address that people reach it by, for links in messages. */
  externalUrl: string;
  webhooks: readonly Webhook[];
  email?: Email;
  /** Multiplies every time that is waited before a message: 1 as it is meant, 0 (nearly) at once. */
  patience: number;
}

/** What is in files that nobody else reads. */
export interface AlertmanagerSecrets {
  /** In the order of the webhooks. A URL may hold a key, so it is kept like one. */
  readonly webhooks: readonly { readonly url: string; readonly token?: string | undefined }[];
  readonly emailPassword?: string | undefined;
}

/** TCP port on monitoring_net. */
export const alertmanagerPort = 9093;

const configFolder = "/etc/alertmanager";
const secretsFolder = "/run/secrets";

/** How the container has to be run. Its volume keeps silences, and what was sent already. */
export function alertmanagerRuntime({ externalUrl }: Pick<AlertmanagerConfigArgs, "externalUrl">) {
  return {
    uid: 4112,
    gid: 4112,
    command: [
      `--config.file=${configFolder}/alertmanager.yml`,
      "--storage.path=/var/lib/alertmanager",
      `--web.listen-address=:${alertmanagerPort}`,
      `--web.external-url=${externalUrl}`,
      "--web.route-prefix=/",
      // There is only this one.
      "--cluster.listen-address=",
      "--log.format=json",
    ],
    mounts: { config: configFolder, secrets: secretsFolder, data: "/var/lib/alertmanager" },
    tmpfs: {},
    healthcheck: httpHealthcheck(alertmanagerPort, "/-/ready"),
    memoryMb: 128,
    graceSeconds: 10,
  } as const;
}

/** An alert that makes others superfluous. `same`: only those with the same values of these labels. */
const inhibitions: readonly { readonly source: string; readonly target: string; readonly same?: readonly string[] }[] =
  [
    // Without the edge there are no calls, and nothing is known of those that there were.
    {
      source: 'alertname="EdgeDown"',
      target: 'area=~"calls|registrations|trunks|media|security|records"',
    },
    { source: 'alertname="EdgeDown"', target: 'alertname=~"SipProbeFailed|TlsProbeFailed|ServerErrors|MetricMissing"' },
    { source: 'alertname="AllVoiceNodesDown"', target: 'alertname=~"VoiceNodeDown|CallsWithoutService|NerLow|AsrLow"' },
    { source: 'alertname="AllMediaRelaysDown"', target: 'alertname=~"CallsWithoutService|NerLow|AsrLow"' },
    { source: 'alertname="NerLow"', target: 'alertname="AsrLow"' },
    { source: 'alertname="TrunkDown"', target: 'alertname="TrunkCallsFail"', same: ["trunk"] },
    { source: 'alertname="MosVeryLow"', target: 'alertname="MosLow"' },
    { source: 'alertname="CertificateExpires"', target: 'alertname="CertificateExpiresSoon"', same: ["instance"] },
    { source: 'alertname="DiskFull"', target: 'alertname=~"DiskFills|StorageDamaged"' },
    { source: 'alertname="DatabaseDown"', target: 'alertname="CallRecordsWait"' },
  ];

/** The plain files, for `/etc/alertmanager`. */
export function renderAlertmanagerConfig({ webhooks, email, patience }: AlertmanagerConfigArgs): FileMap {
  const seconds = (value: number) => `${Math.max(1, Math.round(value * patience))}s`;
  const receiver = (name: Receives) => {
    const gets = (kind: Receives) => kind === name || (name === "critical" && kind === "all");
    const hooks = webhooks.filter((webhook) => gets(webhook.receives));
    const mail = email !== undefined && gets(email.receives) ? [email] : [];
    return {
      name,
      ...(hooks.length > 0 && { webhook_configs: hooks.map(webhookConfig) }),
      ...(mail.length > 0 && { email_configs: mail.map(emailConfig) }),
    };
  };
  const content = {
    route: {
      receiver: "all",
      group_by: ["alertname", "area"],
      group_wait: seconds(30),
      group_interval: seconds(300),
      repeat_interval: seconds(4 * 3600),
      routes: [
        { receiver: "critical", matchers: ['severity="critical"'], group_wait: seconds(10) },
        // Whoever waits for it has to be told again and again.
        {
          receiver: "watchdog",
          matchers: ['alertname="Watchdog"'],
          group_wait: seconds(0),
          group_interval: seconds(60),
          repeat_interval: seconds(60),
        },
      ],
    },
    inhibit_rules: inhibitions.map(({ source, target, same }) => ({
      source_matchers: [source],
      target_matchers: [target],
      ...(same !== undefined && { equal: same }),
    })),
    receivers: receives.map(receiver),
  };
  const files: Record<string, string> = {
    "alertmanager.yml": `# Generated.\n${dump(content, { lineWidth: -1, noRefs: true })}`,
  };
  for (const { name, ca } of webhooks) if (ca !== undefined) files[caOf(name)] = ca;
  if (email?.ca !== undefined) files[mailCa] = email.ca;
  return files;
}

/** The secret files, for `/run/secrets`. */
export function renderAlertmanagerSecrets(
  { webhooks }: Pick<AlertmanagerConfigArgs, "webhooks">,
  secrets: AlertmanagerSecrets,
): FileMap {
  const files: Record<string, string> = {};
  webhooks.forEach(({ name }, index) => {
    const { url, token } = secrets.webhooks[index] ?? { url: "" };
    files[`${name}.url`] = url;
    if (token !== undefined) files[`${name}.token`] = token;
  });
  if (secrets.emailPassword !== undefined) files["email.password"] = secrets.emailPassword;
  return files;
}

const caOf = (webhook: string) => `${webhook}.ca.pem`;
const mailCa = "mail-server.pem";

function webhookConfig({ name, token, ca }: Webhook) {
  const http = {
    ...(token && { authorization: { type: "Bearer", credentials_file: `${secretsFolder}/${name}.token` } }),
    ...(ca !== undefined && { tls_config: { ca_file: `${configFolder}/${caOf(name)}` } }),
  };
  return {
    send_resolved: true,
    url_file: `${secretsFolder}/${name}.url`,
    ...(Object.keys(http).length > 0 && { http_config: http }),
  };
}

function emailConfig({ to, from, host, port, username, ca }: Email) {
  return {
    send_resolved: true,
    to: to.join(", "),
    from,
    smarthost: `${host}:${port}`,
    // STARTTLS, or TLS from the beginning on port 465; never without.
    require_tls: true,
    ...(ca !== undefined && { tls_config: { ca_file: `${configFolder}/${mailCa}` } }),
    ...(username !== "" && { auth_username: username, auth_password_file: `${secretsFolder}/email.password` }),
  };
}
