import { dump } from "js-yaml";
import { readFolder, type FileMap } from "../files.ts";
import { alertmanagerUid, prometheusUid } from "./provisioning.ts";

/** What Grafana's configuration depends on. A change of any value replaces its container. */
export interface GrafanaConfigArgs {
  /** Address that people reach it by, with a slash at the end. */
  url: string;
  /** `http://name:port` of Prometheus. */
  prometheus: string;
  /** `http://name:port` of Alertmanager. */
  alertmanager: string;
  /** Seconds between two scrapes: shorter intervals have nothing to show. */
  scrapeSeconds: number;
}

/** What Grafana keeps to itself. */
export interface GrafanaSecrets {
  /** Password of `admin`. */
  password: string;
  /** What it signs and encrypts with. */
  secretKey: string;
}

/** TCP port on monitoring_net. */
export const grafanaPort = 3000;
/** The one account that there is. */
export const grafanaUser = "admin";

const folders = { config: "/etc/grafana", secrets: "/run/secrets", data: "/var/lib/grafana" } as const;

/**
 * How the container has to be run. Its database is in memory and made anew at every start: all that it shows is here in files, and its password
 * is always the one of its file, which it would else take when it makes its database, and never again.
 */
export const grafanaRuntime = {
  uid: 472,
  gid: 472,
  /** The image's own entrypoint, which reads `/etc/grafana/grafana.ini`. */
  command: [],
  mounts: { config: folders.config, secrets: folders.secrets },
  tmpfs: {
    [folders.data]: "uid=472,gid=472,mode=0750,size=128m",
    "/tmp": "uid=472,gid=472,mode=0700,size=16m",
  },
  healthcheck: ["CMD", "wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${grafanaPort}/api/health`],
  memoryMb: 512,
  graceSeconds: 10,
} as const;

/** The secret files, for `/run/secrets`. `grafana.ini` names them; by an environment variable they would be in that of the process. */
export function renderGrafanaSecrets({ password, secretKey }: GrafanaSecrets): FileMap {
  return { "admin-password": password, "secret-key": secretKey };
}

/** Folder of the dashboards' JSON, by its name in `configs/grafana` and in the container. */
const dashboards = "dashboards";
const home = "sbc-overview.json";

/** The plain files, for `/etc/grafana`. */
export function renderGrafanaConfig(args: GrafanaConfigArgs): FileMap {
  const files = readFolder(new URL(`static/${dashboards}/`, import.meta.url));
  return {
    "grafana.ini": ini(settings(args)),
    "provisioning/datasources/sbc.yaml": yaml(datasources(args)),
    "provisioning/dashboards/sbc.yaml": yaml(provider),
    // Grafana writes errors into its log when it does not find these.
    "provisioning/alerting/none.yaml": yaml({ apiVersion: 1 }),
    "provisioning/plugins/none.yaml": yaml({ apiVersion: 1, apps: [] }),
    ...Object.fromEntries(Object.entries(files).map(([name, content]) => [`${dashboards}/${name}`, content])),
  };
}

/** Sections and keys of Grafana's configuration reference; only what differs from the defaults. */
function settings({ url }: GrafanaConfigArgs): Record<string, Record<string, string | number | boolean>> {
  return {
    server: { root_url: url, domain: new URL(url).hostname },
    log: { mode: "console" },
    "log.console": { format: "json" },
    security: {
      admin_user: grafanaUser,
      admin_password: `$__file{${folders.secrets}/admin-password}`,
      secret_key: `$__file{${folders.secrets}/secret-key}`,
      cookie_secure: true,
      cookie_samesite: "strict",
      disable_gravatar: true,
      content_security_policy: true,
    },
    // Browsers send the front door's password in the header that Grafana would take for its own.
    "auth.basic": { enabled: false },
    "auth.anonymous": { enabled: false },
    users: { allow_sign_up: false, allow_org_create: false, default_theme: "system" },
    dashboards: { default_home_dashboard_path: `${folders.config}/${dashboards}/${home}` },
    // The network has no way outside: none of this could work, and Grafana would wait for it.
    analytics: {
      reporting_enabled: false,
      check_for_updates: false,
      check_for_plugin_updates: false,
      feedback_links_enabled: false,
    },
    news: { news_feed_enabled: false },
    plugins: { preinstall_disabled: true, plugin_admin_enabled: false, public_key_retrieval_disabled: true },
    snapshots: { enabled: false, external_enabled: false },
    public_dashboards: { enabled: false },
    // Alerts are Prometheus' business; Grafana lists them.
    unified_alerting: { execute_alerts: false },
    metrics: { enabled: false },
  };
}

function datasources({ prometheus, alertmanager, scrapeSeconds }: GrafanaConfigArgs) {
  const common = { access: "proxy", orgId: 1, editable: false };
  return {
    apiVersion: 1,
    prune: true,
    datasources: [
      {
        ...common,
        name: "Prometheus",
        type: "prometheus",
        uid: prometheusUid,
        url: prometheus,
        isDefault: true,
        jsonData: {
          httpMethod: "POST",
          timeInterval: `${scrapeSeconds}s`,
          // Its rules are files; they cannot be changed from here.
          manageAlerts: false,
          alertmanagerUid,
        },
      },
      {
        ...common,
        name: "Alertmanager",
        type: "alertmanager",
        uid: alertmanagerUid,
        url: alertmanager,
        jsonData: { implementation: "prometheus", handleGrafanaManagedAlerts: false },
      },
    ],
  };
}

const provider = {
  apiVersion: 1,
  providers: [
    {
      name: "sbc",
      orgId: 1,
      folder: "SBC",
      folderUid: "sbc",
      type: "file",
      disableDeletion: true,
      allowUiUpdates: false,
      options: { path: `${folders.config}/${dashboards}` },
    },
  ],
};

function ini(sections: ReturnType<typeof settings>): string {
  const text = Object.entries(sections).map(([section, values]) =>
    [`[${section}]`, ...Object.entries(values).map(([key, value]) => `${key} = ${value}`), ""].join("\n"),
  );
  return `# Generated.\n${text.join("\n")}`;
}

function yaml(content: object): string {
  return `# Generated.\n${dump(content, { lineWidth: -1, noRefs: true })}`;
}
