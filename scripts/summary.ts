import { dashboardTools } from "../components/monitoring-tools.ts";
import type { StackOutputs } from "./outputs.ts";

/** What a person needs after `npm run up`, as text. */
export function summary(stack: string, { sip, dashboards = {}, dashboardsCa, leftOut = [] }: StackOutputs): string {
  const addresses = (["udp", "tcp", "tls"] as const).flatMap((transport) => {
    const uri = sip[transport];
    return uri ? [`  ${transport.toUpperCase().padEnd(4)} ${uri}`] : [];
  });
  const tools = Object.keys(dashboardTools).flatMap((name) => {
    const url = dashboards[name];
    return url === undefined ? [] : [`  ${name.padEnd(14)} ${url}`];
  });
  const watched = tools.length > 0;
  const output = (name: string, what: string) => `  pulumi stack output ${name.padEnd(38)} # ${what}`;
  const secret = (name: string, what: string) => output(`${name} --show-secrets -s ${stack}`, what);
  return [
    "",
    `SIP domain ${sip.domain}, reached at`,
    ...addresses,
    ...(watched
      ? ["dashboards, all linked from the landing page", ...tools]
      : ["dashboards", `  none in this stack: pulumi config set --path sbc:monitoring.profile light -s ${stack}`]),
    "users and passwords",
    '  eval "$(npm run -s env)"',
    secret("subscribers", "phones"),
    ...(watched ? [secret("dashboardsLogin", "dashboards")] : []),
    // Without one it is a public CA, which browsers know.
    ...(watched && dashboardsCa ? [output(`dashboardsCa -s ${stack}`, "what browsers have to trust")] : []),
    "left out",
    ...(leftOut.length > 0 ? leftOut.map((text) => `  ${text}`) : ["  nothing"]),
  ].join("\n");
}
