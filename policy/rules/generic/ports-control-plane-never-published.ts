import { containerRule } from "../../lib/rule.ts";
import { cisDocker } from "../../lib/frameworks.ts";

interface Settings {
  readonly ports: readonly number[];
  readonly roles: readonly string[];
}

export const portsControlPlaneNeverPublished = containerRule<Settings>(
  {
    name: "ports-control-plane-never-published",
    displayName: "Control ports stay inside",
    description:
      "A control, database or dashboard port is never published: whoever reaches it owns the service behind it.",
    level: "mandatory",
    severity: "critical",
    framework: cisDocker("5.9", "Ensure that only needed ports are open on the container"),
    tags: ["docker", "network", "ports", "production:ports"],
    remediationSteps: "Remove the port; reach it from a container on the same network, or through the front door.",
    settings: {
      ports: {
        // MariaDB, PostgreSQL, Redis · Asterisk AMI, ARI · RTPengine ng, HTTP · HEP · Elasticsearch, Logstash · Kibana, Grafana,
        // Prometheus, Alertmanager, HEP collector's metrics · Kamailio's JSON-RPC · the Docker engine.
        default: [
          3306, 5432, 6379, 5038, 8088, 2223, 2225, 22222, 9060, 9200, 9300, 5044, 5601, 3000, 9090, 9093, 9096, 8880,
          2375, 2376,
        ],
        schema: {
          type: "array",
          items: { type: "integer" },
          description: "Ports inside containers that nobody may publish.",
        },
      },
      roles: {
        default: [],
        schema: { type: "array", items: { type: "string" }, description: "Roles that may not publish any port." },
      },
    },
  },
  (container, { ports, roles }, report) => {
    for (const { internal } of container.ports().items) {
      if (typeof internal !== "number") continue;
      if (ports.includes(internal)) report(`Port ${internal} is a control port and published.`);
      else if (roles.includes(container.role))
        report(`Port ${internal} is published, and the role "${container.role}" may publish none.`);
    }
  },
);
