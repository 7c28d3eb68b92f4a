/** The `runtime.options` of Pulumi.yaml that this host honours. */
export interface RuntimeOptions {
  /** Load the program through ts-node (Pulumi's default). `false`: Node strips the types itself. */
  readonly typescript: boolean;
  /** Path of the tsconfig that ts-node takes. */
  readonly tsconfig: string;
  /** Arguments for `node` itself. */
  readonly nodeargs: readonly string[];
}

/** Reads `runtime.options`. @throws Error naming the option whose type is wrong */
export function parseOptions(options: Readonly<Record<string, unknown>>): RuntimeOptions {
  const { typescript = true, tsconfig = "", nodeargs = "", packagemanager = "npm" } = options;
  if (typeof typescript !== "boolean") throw new Error("runtime option `typescript` must be a boolean");
  if (typeof tsconfig !== "string") throw new Error("runtime option `tsconfig` must be a string");
  if (typeof nodeargs !== "string") throw new Error("runtime option `nodeargs` must be a string");
  if (packagemanager !== "npm" && packagemanager !== "auto") {
    throw new Error(`runtime option \`packagemanager\` must be npm here, not ${JSON.stringify(packagemanager)}`);
  }
  return { typescript, tsconfig, nodeargs: splitArguments(nodeargs) };
}

/** Splits a command line at blanks; single and double quotes group, a backslash takes the next character as it is. */
export function splitArguments(line: string): string[] {
  const words = line.match(/(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+/g) ?? [];
  return words.map((word) =>
    word.replace(
      /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/g,
      (_match, single?: string, double?: string, escaped?: string) =>
        single !== undefined ? single : double !== undefined ? double.replace(/\\(["\\])/g, "$1") : (escaped ?? ""),
    ),
  );
}
