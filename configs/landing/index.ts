import type { FileMap } from "../files.ts";

/** What the landing page shows. */
export interface LandingArgs {
  /** Dashboards, each with the tool (its `job` in Prometheus) and the port on the page's own host. */
  readonly dashboards: readonly { readonly name: string; readonly tool: string; readonly port: number }[];
  /** Tool that is not run → the reason. */
  readonly leftOut: Readonly<Record<string, string>>;
  /** Who may log in at the front door. */
  readonly user: string;
  /** Name of the stack. */
  readonly stack: string;
}

/** The landing page, for the root of its site. */
export function renderLanding(args: LandingArgs): FileMap {
  const links = args.dashboards
    .filter(({ name }) => name !== "landing")
    .map(({ name, port }) => `<li>${name}: port ${port}</li>`)
    .join("");
  return { "index.html": `<!doctype html><meta charset="utf-8"><title>${args.stack}</title><ul>${links}</ul>\n` };
}
