/** Components of this project; their names are part of every URN, so none is renamed without an alias. */
export type ComponentName =
  | "SbcNetwork"
  | "CertificateAuthority"
  | "Database"
  | "KamailioSbc"
  | "AsteriskCluster"
  | "RtpEngine"
  | "ConfigVolume"
  | "AcmeCertificate"
  | "MonitoringStack"
  | "MetricsStack"
  | "HepCapture"
  | "LogPipeline"
  | "FrontDoor"
  | "Grafana";

/** Type token of a component. */
export function componentType(name: ComponentName): string {
  return `sbc:index:${name}`;
}
