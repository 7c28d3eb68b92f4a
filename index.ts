import * as pulumi from "@pulumi/pulumi";
import { planAddresses } from "./components/addresses.ts";
import { AsteriskCluster } from "./components/asterisk-cluster.ts";
import { serverCertificate } from "./components/certificates.ts";
import { loadConfig } from "./components/config.ts";
import { containerDefaults } from "./components/container-defaults.ts";
import { Database } from "./components/database.ts";
import { devices as clientCertificates } from "./components/devices.ts";
import { image } from "./components/image.ts";
import { KamailioSbc } from "./components/kamailio-sbc.ts";
import { monitoringStack } from "./components/monitoring-stack.ts";
import { hepCollectorsOf, isWatched, metricsReader, planMonitoring } from "./components/monitoring-tools.ts";
import { RtpEngine } from "./components/rtp-engine.ts";
import { SbcNetwork } from "./components/sbc-network.ts";
import { signatureKeys as companyKeys } from "./components/signature-keys.ts";
import { stackRows, subscriberPasswords } from "./components/subscribers.ts";
import { trunkCas } from "./components/trunks.ts";
import { database } from "./configs/mariadb/index.ts";

const config = loadConfig();
const { asterisk, domain, edge, resources, rotation, rtp, timers } = config;
const plan = planAddresses(config.networks, asterisk.nodes, rtp.instances, edge.ipv6.subnet);
const monitoringPlan = planMonitoring(config);
const defaults = containerDefaults(config, plan, monitoringPlan.tools);

const certificate = serverCertificate(config, plan);
const networks = new SbcNetwork("network", { prefix: config.name, addresses: plan, front: isWatched(config) });
const common = { defaults, networks, addresses: plan, images: config.images };
const { hepCollector, nodesHepCollector } = hepCollectorsOf(config, monitoringPlan.tools, plan);

const db = new Database("database", {
  ...common,
  ...config.database,
  retentionDays: config.accounting.retentionDays,
  address: plan.mariadb,
  resources: resources.mariadb,
  rotation: rotation.database,
  exporter: isWatched(config),
  protect: config.prod,
});
const cluster = new AsteriskCluster("asterisk", {
  ...common,
  hepCollector: nodesHepCollector,
  ...asterisk,
  domain,
  databasePassword: db.passwords.asterisk,
  databaseReady: db.passwordsSet,
  resources: resources.asterisk,
});
const rtpengine = new RtpEngine("rtpengine", {
  ...common,
  hepCollector,
  ...rtp,
  bind: edge.bind,
  publicAddress: edge.publicAddress,
  mediaAddress6: edge.ipv6.mediaAddress,
  callMaxSeconds: timers.callMaxSeconds,
  resources: resources.rtpengine,
});

const passwords = subscriberPasswords(config.subscribers);
const keys = companyKeys(config.signature);
const clients = clientCertificates(config);
const kamailioImage = image("kamailio", config.images, {});
const provision = db.provision("database-provision", {
  image: kamailioImage,
  rows: stackRows(config, plan, rtpengine.relays, { passwords, signatureKeys: keys, devices: clients.rows }),
  nodes: [...cluster.containers, ...rtpengine.containers],
});
const kamailio = new KamailioSbc("kamailio", {
  ...common,
  hepCollector,
  metricsReader: metricsReader(config, plan),
  ...edge,
  image: kamailioImage,
  domain,
  children: edge.workers,
  callRecords: config.accounting,
  limits: { ...config.protection, ...timers },
  numbering: config.protection.numbering,
  signature: config.signature.mode,
  userAgentPattern: config.protection.userAgentPattern,
  certificate,
  clients: clients.authority,
  trunkCas: trunkCas(config.trunks),
  events: config.events,
  databasePassword: db.passwords.kamailio,
  provision,
  relays: rtpengine.relays,
  rotation: rotation.edge,
  resources: resources.kamailio,
});

const monitoring = monitoringStack({
  ...common,
  config,
  plan: monitoringPlan,
  sipCertificate: certificate,
  relays: rtpengine.httpListeners,
  exporterPassword: db.exporterPassword,
});

/** Where phones register and call. */
export const sip = { domain, ...kamailio.sip };
/** Name of the network of edge and voice. */
export const sbcNetwork = networks.sbc.name;
const networkOutputs = { sbc: networks.sbc.name, monitoring: networks.monitoring.name, data: networks.data.name };
export { networkOutputs as networks };
/** Names of the containers. */
export const containers = {
  kamailio: kamailio.container.name,
  rtpengine: rtpengine.containers.map((container) => container.name),
  mariadb: db.container.name,
  asterisk: cluster.containers.map((container) => container.name),
};
/** Fixed addresses; on the host's network RTPengine is at the gateway of sbc_net. */
export const addresses = { ...plan, rtpengine: rtpengine.relays.map(({ name, address: sbc }) => ({ name, sbc })) };
/** User name → password; secret. */
export const subscribers = pulumi.secret(passwords);
/** Id → key of X-Company-Signature, for devices; secret. */
export const signatureKeys = pulumi.secret(keys);
/** Name of the device → its client certificate and key for the mutual TLS port, PEM; secret. */
export const devices = pulumi.secret(clients.certificates);
/** What phones have to trust for TLS, PEM; empty: a public CA, which they know. */
export const caCertificate = certificate.ca;
const report = {
  container: db.container.name,
  name: database.name,
  user: database.users.report,
  password: db.passwords.report,
};
/** Reads call records. */
export { report as database };
/** What the API that is told of registrations and calls checks signatures with; secret, none without such an API. */
export const eventsSecret = kamailio.eventsSecret ?? null;
/** Dashboard → URL. */
export const dashboards = monitoring?.dashboards ?? {};
/** Who passes the dashboards' front door, and the password; secret. */
export const dashboardsLogin = monitoring?.login ?? null;
/** Who may log in to Grafana behind that door, and the password; secret. */
export const grafanaLogin = monitoring?.grafanaLogin ?? null;
/** Password of HOMER's own user `admin`; secret, none without HOMER. */
export const homerPassword = monitoring?.homerPassword ?? null;
/** Kibana's own log-in behind the front door: user → password; secret. */
export const kibanaLogins = monitoring?.kibanaLogins ?? null;
/** What browsers have to trust for the dashboards, PEM; empty: a public CA. */
export const dashboardsCa = monitoring?.ca ?? null;
/** Parts that are not run, each with the reason. */
export const leftOut = monitoring?.leftOut ?? [];
