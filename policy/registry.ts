import type { Rule } from "./lib/rule.ts";
import { containerBindReadonly } from "./rules/generic/container-bind-readonly.ts";
import { containerCapabilityAllowlist } from "./rules/generic/container-capability-allowlist.ts";
import { containerDropAllCapabilities } from "./rules/generic/container-drop-all-capabilities.ts";
import { containerGracePeriod } from "./rules/generic/container-grace-period.ts";
import { containerHealthcheck } from "./rules/generic/container-healthcheck.ts";
import { containerLogRotation } from "./rules/generic/container-log-rotation.ts";
import { containerMemoryAndCpuLimit } from "./rules/generic/container-memory-and-cpu-limit.ts";
import { containerNoDevices } from "./rules/generic/container-no-devices.ts";
import { containerNoDockerSocket } from "./rules/generic/container-no-docker-socket.ts";
import { containerNoHostNamespaces } from "./rules/generic/container-no-host-namespaces.ts";
import { containerNoHostNetwork } from "./rules/generic/container-no-host-network.ts";
import { containerNoNewPrivileges } from "./rules/generic/container-no-new-privileges.ts";
import { containerNoPrivileged } from "./rules/generic/container-no-privileged.ts";
import { containerNoSensitiveBind } from "./rules/generic/container-no-sensitive-bind.ts";
import { containerNoSharedPropagation } from "./rules/generic/container-no-shared-propagation.ts";
import { containerNoUnconfined } from "./rules/generic/container-no-unconfined.ts";
import { containerNonrootUser } from "./rules/generic/container-nonroot-user.ts";
import { containerProcessLimits } from "./rules/generic/container-process-limits.ts";
import { containerReadonlyRootfs } from "./rules/generic/container-readonly-rootfs.ts";
import { containerReadonlyWithoutUploads } from "./rules/generic/container-readonly-without-uploads.ts";
import { containerReplaceOrder } from "./rules/generic/container-replace-order.ts";
import { containerRestartPolicy } from "./rules/generic/container-restart-policy.ts";
import { envNoCredentialUrl } from "./rules/generic/env-no-credential-url.ts";
import { envNoPlaintextSecret } from "./rules/generic/env-no-plaintext-secret.ts";
import { imageDigestPinned } from "./rules/generic/image-digest-pinned.ts";
import { imageMinVersion } from "./rules/generic/image-min-version.ts";
import { imageRegistryAllowlist } from "./rules/generic/image-registry-allowlist.ts";
import { networkNoDefaultBridge } from "./rules/generic/network-no-default-bridge.ts";
import { noKnownDefaultCredential } from "./rules/generic/no-known-default-credential.ts";
import { portsAllowlist } from "./rules/generic/ports-allowlist.ts";
import { portsControlPlaneNeverPublished } from "./rules/generic/ports-control-plane-never-published.ts";
import { portsExplicitBind } from "./rules/generic/ports-explicit-bind.ts";
import { portsPrivilegedAllowlist } from "./rules/generic/ports-privileged-allowlist.ts";
import { randomCredentials } from "./rules/generic/random-credentials.ts";
import { stackPublishedOnReachableNet } from "./rules/generic/stack-published-on-reachable-net.ts";
import { tlsKeyStrength } from "./rules/generic/tls-key-strength.ts";
import { tlsLeafShape } from "./rules/generic/tls-leaf-shape.ts";
import { tlsNotDue } from "./rules/generic/tls-not-due.ts";
import { uploadsSecretMode } from "./rules/generic/uploads-secret-mode.ts";
import { containerRoleLabels } from "./rules/stack/container-role-labels.ts";
import { jobOneShot } from "./rules/stack/job-one-shot.ts";
import { kamailioConfigHardened } from "./rules/stack/kamailio-config-hardened.ts";
import { networkMonitoringInternal } from "./rules/stack/network-monitoring-internal.ts";
import { portsRtpRangeBudget } from "./rules/stack/ports-rtp-range-budget.ts";
import { stackCdrPersistent } from "./rules/stack/stack-cdr-persistent.ts";
import { stackDashboardsBehindAuth } from "./rules/stack/stack-dashboards-behind-auth.ts";
import { stackDbPrivateAndPersistent } from "./rules/stack/stack-db-private-and-persistent.ts";
import { stackMinRedundancy } from "./rules/stack/stack-min-redundancy.ts";
import { stackMonitoringIsolated } from "./rules/stack/stack-monitoring-isolated.ts";
import { tlsNoSelfSignedInProd } from "./rules/stack/tls-no-self-signed-in-prod.ts";

/** Rules for any Pulumi program that uses @pulumi/docker, @pulumi/tls or @pulumi/random. */
export const genericRules: readonly Rule[] = [
  containerBindReadonly,
  containerCapabilityAllowlist,
  containerDropAllCapabilities,
  containerGracePeriod,
  containerHealthcheck,
  containerLogRotation,
  containerMemoryAndCpuLimit,
  containerNoDevices,
  containerNoDockerSocket,
  containerNoHostNamespaces,
  containerNoHostNetwork,
  containerNoNewPrivileges,
  containerNoPrivileged,
  containerNoSensitiveBind,
  containerNoSharedPropagation,
  containerNoUnconfined,
  containerNonrootUser,
  containerProcessLimits,
  containerReadonlyRootfs,
  containerReadonlyWithoutUploads,
  containerReplaceOrder,
  containerRestartPolicy,
  envNoCredentialUrl,
  envNoPlaintextSecret,
  imageDigestPinned,
  imageMinVersion,
  imageRegistryAllowlist,
  networkNoDefaultBridge,
  noKnownDefaultCredential,
  portsAllowlist,
  portsControlPlaneNeverPublished,
  portsExplicitBind,
  portsPrivilegedAllowlist,
  randomCredentials,
  stackPublishedOnReachableNet,
  tlsKeyStrength,
  tlsLeafShape,
  tlsNotDue,
  uploadsSecretMode,
];

/** Rules of this stack, keyed on the labels `sbc.role` and `sbc.plane`. */
export const stackRules: readonly Rule[] = [
  containerRoleLabels,
  jobOneShot,
  kamailioConfigHardened,
  networkMonitoringInternal,
  portsRtpRangeBudget,
  stackCdrPersistent,
  stackDashboardsBehindAuth,
  stackDbPrivateAndPersistent,
  stackMinRedundancy,
  stackMonitoringIsolated,
  tlsNoSelfSignedInProd,
];

/** Every rule: the one place where a rule is registered. */
export const rules: readonly Rule[] = [...genericRules, ...stackRules];

/** The rule of that name. */
export function ruleNamed(name: string): Rule {
  const rule = rules.find((candidate) => candidate.name === name);
  if (rule === undefined) throw new Error(`there is no rule "${name}"; policy/registry.ts lists them`);
  return rule;
}
