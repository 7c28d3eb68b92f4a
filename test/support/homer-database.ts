import { docker } from "../sip/docker.ts";

/** What a statement gives in one of HOMER's databases of a stack, asked as PostgreSQL's own user: a line for each row, columns with `|` between them. */
export function homerQuery(prefix: string, database: string, statement: string): Promise<string> {
  const psql = ["psql", "--host", "/run/postgresql", "--username", "postgres", "--tuples-only", "--no-align"];
  return docker(["exec", `${prefix}-homer-db`, ...psql, "--dbname", database, "--command", statement]);
}
