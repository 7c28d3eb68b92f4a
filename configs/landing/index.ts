import { readFolder, type FileMap } from "../files.ts";

/** Something whose state Prometheus knows: labels of its `up`, or of its `probe_success`. */
export interface Watched {
  readonly job: string;
  readonly instance: string;
}

/** What the landing page shows. A change is filled into the volume of the page. */
export interface LandingArgs {
  /** Name of the stack, as Pulumi knows it. */
  readonly stack: string;
  /** Dashboards by the name of their port in the configuration, with the port on the page's own host. */
  readonly dashboards: readonly { readonly name: keyof typeof tools; readonly port: number }[];
  /** Job → instances, of all that Prometheus scrapes and probes. */
  readonly watched: Readonly<Record<string, readonly string[]>>;
  /** Tool that is not run → the reason. */
  readonly leftOut: Readonly<Record<string, string>>;
  /** Who may log in at the front door, and with another password in a tool. */
  readonly logins: readonly Login[];
}

/** Somewhere that asks for a password. */
export interface Login {
  /** Where the password is asked for. */
  readonly where: string;
  readonly user: string;
  /** Output of the stack that has the password. */
  readonly output: string;
}

/** What there is to say of each tool, and what Prometheus calls it. */
const tools = {
  grafana: { name: "Grafana", about: "Dashboards: calls, quality, security, hosts.", instance: "grafana" },
  prometheus: {
    name: "Prometheus",
    // The package has no pages, its first one only says so.
    about: "Metrics and the rules of alerts, by its API. To ask for a metric: Grafana, Explore.",
    path: "api/v1/rules",
    instance: "prometheus",
  },
  alertmanager: { name: "Alertmanager", about: "Alerts that fire; silences.", instance: "alertmanager" },
  homer: { name: "HOMER", about: "Ladders of SIP messages, by call.", instance: "homer-app" },
  kibana: { name: "Kibana", about: "Logs, by Call-ID and correlation id.", instance: "kibana" },
} as const;

/** Jobs in the order of the page, and what they are called there. Others come after them by their own names. */
const jobs: Readonly<Record<string, string>> = {
  kamailio: "Kamailio",
  sip: "SIP",
  tls: "TLS",
  asterisk: "Asterisk",
  rtpengine: "RTPengine",
  mysqld: "Database",
  tool: "Pages",
  prometheus: "Prometheus",
  alertmanager: "Alertmanager",
  heplify: "HEP collector",
  nginx: "Front door",
  node: "Host",
  blackbox: "Probes",
};

/** The landing page, for the root of its site. */
export function renderLanding(args: LandingArgs): FileMap {
  return {
    ...readFolder(new URL("static/", import.meta.url)),
    "page.json": `${JSON.stringify(page(args), null, 2)}\n`,
  };
}

/** What `landing.js` reads. */
function page({ stack, dashboards, watched, leftOut, logins }: LandingArgs) {
  const known = Object.keys(jobs);
  const order = [
    ...known.filter((job) => job in watched),
    ...Object.keys(watched).filter((job) => !known.includes(job)),
  ];
  const jobOf = (instance: string) =>
    Object.keys(watched).find((job) => watched[job]?.includes(instance) === true) ?? "tool";
  return {
    stack,
    tools: dashboards.map(({ name, port }) => {
      const { instance, ...said } = { path: "", ...tools[name] };
      return { ...said, port, target: { job: jobOf(instance), instance } satisfies Watched };
    }),
    parts: order.map((job) => ({
      name: jobs[job] ?? job,
      targets: (watched[job] ?? []).map((instance): Watched => ({ job, instance })),
    })),
    leftOut: Object.entries(leftOut).map(([name, reason]) => ({ name, reason })),
    logins: logins.map(({ where, user, output }) => ({
      where,
      user,
      command: `eval "$(npm run -s env)"; pulumi stack output ${output} --show-secrets -s ${stack}`,
    })),
  };
}
