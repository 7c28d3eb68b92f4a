import type { Upload } from "../../lib/docker.ts";
import { production } from "../../lib/frameworks.ts";
import { stackRule } from "../../lib/rule.ts";
import type { MemberContainer, Stack } from "../../lib/stack.ts";

interface Settings {
  readonly dashboards: readonly string[];
  readonly frontDoor: string;
  readonly required: boolean;
}

export const stackDashboardsBehindAuth = stackRule<Settings>(
  {
    name: "stack-dashboards-behind-auth",
    displayName: "Dashboards only through the front door",
    description:
      "Dashboards are reached through one front door that asks for a password: Kibana, Prometheus and Homer show calls and messages to whoever opens the page.",
    level: "mandatory",
    severity: "critical",
    framework: production("passwords", "HTTP basic auth for Kibana and Grafana; everything else behind nginx"),
    tags: ["network", "monitoring", "dashboards", "production:ports", "production:passwords"],
    remediationSteps:
      "Publish the front door only, on a network that it shares with each dashboard, with `auth_basic` in every `server` block (or `deny all` behind the few addresses that it is for) and an htpasswd file of mode 0440.",
    settings: {
      dashboards: {
        default: ["grafana", "kibana", "prometheus", "alertmanager", "homer-app", "elasticsearch"],
        schema: { type: "array", items: { type: "string" }, description: "Roles that people open in a browser." },
      },
      frontDoor: { default: "nginx", schema: { type: "string", minLength: 1, description: "Role of the front door." } },
      required: { default: false, schema: { type: "boolean", description: "Must the stack have dashboards?" } },
    },
  },
  (stack, { dashboards, frontDoor, required }, report) => {
    const shown = dashboards.flatMap((role) => stack.withRole(role));
    if (required && shown.length === 0) report("The stack has no dashboard, and policy config requires them.");
    for (const dashboard of shown) {
      if (dashboard.ports().items.length > 0) report("The dashboard publishes ports of its own.", dashboard.member);
    }
    if (shown.length === 0) return;
    const doors = stack.withRole(frontDoor);
    if (doors.length === 0) report(`There are dashboards and no front door (role "${frontDoor}").`);
    for (const door of doors) {
      for (const dashboard of shown) {
        const names = door.networks().items;
        if (!dashboard.networks().items.some((name) => names.includes(name))) {
          report(`It shares no network with the dashboard ${dashboard.role}.`, door.member);
        }
      }
      checkPassword(stack, door, (problem) => report(problem, door.member));
    }
  },
);

function checkPassword(stack: Stack, door: MemberContainer, report: (problem: string) => void): void {
  const files = stack.filesFor(door);
  const sites = files
    .map(({ path, upload }) => ({ path, servers: serverBlocks(upload.content) }))
    .filter(({ servers }) => servers.length > 0);
  for (const { path, servers } of sites) {
    if (!servers.every(isClosed)) report(`The site file ${path} asks for no password.`);
  }
  const passwords = files.filter(({ path }) => /htpasswd[^/]*$/.test(path));
  // In a first preview the password is unknown, and all files that come with it.
  if (sites.length > 0 && passwords.length === 0 && stack.knowsFilesFor(door))
    report("No htpasswd file is staged for it.");
  for (const { path, upload } of passwords) {
    if (!["0400", "0440"].includes(String(upload.permissions)))
      report(`The password file ${path} has mode ${String(upload.permissions ?? "0644")}.`);
  }
}

/** What each `server` block of an nginx file says, without what blocks inside it say. */
function serverBlocks(content: Upload["content"]): string[] {
  if (typeof content !== "string") return [];
  const text = content.replace(/#.*$/gm, "");
  return [...text.matchAll(/^\s*server\s*\{/gm)].map((start) => {
    let depth = 1;
    let own = "";
    for (const char of text.slice(start.index + start[0].length)) {
      if (char === "{") depth += 1;
      else if (char === "}") depth -= 1;
      else if (depth === 1) own += char;
      if (depth === 0) break;
    }
    return own;
  });
}

/** Does it ask everybody for a password, or answer listed addresses only, as one for health and statistics does? */
function isClosed(server: string): boolean {
  const says = (directive: RegExp) => directive.test(server);
  return says(/^\s*auth_basic\s+(?!\s|off\b)/m) || (says(/^\s*deny\s+all\s*;/m) && !says(/^\s*allow\s+all\s*;/m));
}
