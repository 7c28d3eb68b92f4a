import { existsSync } from "node:fs";
import type { Config } from "./config-parse.ts";
import type { ConfigProblem } from "./config-problems.ts";
import { caFileProblems, problemIf, type Rule } from "./config-rule.ts";
import { isWatched } from "./monitoring-tools.ts";

/** The rules over what watches the stack. */
export const monitoringRules: readonly Rule[] = [
  { reads: ["monitoring", "certificates", "environment"], check: certificateProblems },
  { reads: ["monitoring", "environment"], check: alertProblems },
  {
    reads: ["monitoring"],
    check: ({ monitoring: { ports } }) => {
      const entries = Object.entries(ports);
      return entries.flatMap(([name, port], index) => {
        const other = entries.slice(0, index).find(([, taken]) => taken === port);
        return problemIf(other !== undefined, {
          path: ["monitoring", "ports", name],
          value: port,
          problem: `is that of ${other?.[0] ?? ""} as well; each dashboard needs a port of its own`,
          example: String(port + 1),
        });
      });
    },
  },
  { reads: ["monitoring", "edge"], check: portProblems },
];

/** Of dashboards that want a port of the edge. */
function portProblems({ edge, monitoring }: Config): ConfigProblem[] {
  const everywhere = "0.0.0.0";
  const oneHost = edge.bind === monitoring.bind || [edge.bind, monitoring.bind].includes(everywhere);
  if (!isWatched({ monitoring }) || !oneHost) return [];
  const rivals = (["tcp", "tls", "mutualTls", "wss", "trunkTcp"] as const).filter((name) => edge.ports[name] > 0);
  return Object.entries(monitoring.ports).flatMap(([name, port]) => {
    const rival = rivals.find((other) => edge.ports[other] === port);
    return problemIf(rival !== undefined, {
      path: ["monitoring", "ports", name],
      value: port,
      problem: `is also sbc:edge.ports.${rival ?? ""}; it must be a port of its own`,
      example: String(port + 10_000),
    });
  });
}

/** Of the front door's certificate. */
function certificateProblems({ certificates, monitoring, prod }: Config): ConfigProblem[] {
  const files = ["chainFile", "keyFile"] as const;
  const given = files.filter((key) => monitoring[key] !== undefined);
  const path = (key: string) => ["monitoring", key];
  return [
    ...files.flatMap((key) =>
      problemIf(given.length === 1 && monitoring[key] === undefined, {
        path: path(key),
        problem: `is needed beside sbc:monitoring.${given[0] ?? ""}`,
        example: `certificates/dashboards.${key === "keyFile" ? "key" : "pem"}`,
      }),
    ),
    ...given.flatMap((key) => {
      const file = monitoring[key] ?? "";
      return problemIf(!existsSync(file), { path: path(key), value: file, problem: "is no file" });
    }),
    ...problemIf(prod && isWatched({ monitoring }) && given.length === 0 && certificates.mode === "acme", {
      path: path("chainFile"),
      problem: "is needed in prod with ACME: its client obtains certificates for SIP only",
      example: "certificates/dashboards.pem",
    }),
  ];
}

/** Of those who are told of alerts. */
function alertProblems({ monitoring, prod }: Config): ConfigProblem[] {
  const { email, unattended, webhooks } = monitoring.alerts;
  const path = (...keys: (string | number)[]) => ["monitoring", "alerts", ...keys];
  const names = webhooks.map(({ name }) => name);
  return [
    ...problemIf(prod && isWatched({ monitoring }) && email === undefined && webhooks.length === 0 && !unattended, {
      path: path("webhooks", 0, "url"),
      problem:
        "is required in prod, or sbc:monitoring.alerts.email, for nobody would be told of alerts; sbc:monitoring.alerts.unattended says that this is meant",
    }),
    ...webhooks.flatMap(({ name, url, caFile }, index) => [
      ...caFileProblems(path("webhooks", index, "caFile"), caFile),
      ...problemIf(caFile !== undefined && !url.startsWith("https:"), {
        path: path("webhooks", index, "caFile"),
        value: caFile,
        problem: "is for a receiver behind https; its url must be one",
      }),
      ...problemIf(prod && !url.startsWith("https:"), {
        path: path("webhooks", index, "url"),
        value: new URL(url).origin,
        problem: "must be https in prod: alerts say what of the stack is weak just now",
      }),
      ...problemIf(names.indexOf(name) !== index, {
        path: path("webhooks", index, "name"),
        value: name,
        problem: "is the name of another receiver as well",
      }),
    ]),
    ...(email === undefined
      ? []
      : [
          ...caFileProblems(path("email", "caFile"), email.caFile),
          ...problemIf(email.username !== "" && email.password === undefined, {
            path: path("email", "password"),
            problem: "is needed beside sbc:monitoring.alerts.email.username",
          }),
          ...problemIf(email.username === "" && email.password !== undefined, {
            path: path("email", "username"),
            problem: "is needed beside sbc:monitoring.alerts.email.password",
            example: "sbc",
          }),
        ]),
  ];
}
