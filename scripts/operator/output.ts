/** What an action has to say: rows for `--json` and for a table, or a sentence. */
export interface Outcome {
  /** For `--json`. */
  readonly data: unknown;
  /** For people; a table when it is left out and `data` is a list of rows. */
  readonly text?: string;
}

/** A table of rows: columns as wide as they need to be, under their names. */
export function table(rows: readonly Readonly<Record<string, unknown>>[]): string {
  const [first] = rows;
  if (first === undefined) return "none";
  const columns = Object.keys(first);
  const cells = [columns, ...rows.map((row) => columns.map((column) => show(row[column])))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)));
  return cells
    .map((line) =>
      line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Comma-separated values (RFC 4180). A cell that a spreadsheet would run as a formula is put in front of by an apostrophe. */
export function csv(columns: readonly string[], rows: readonly Readonly<Record<string, unknown>>[]): string {
  const cell = (value: unknown) => {
    const text = show(value);
    const safe = /^[=@\t\r]|^[+-](?!\d+$)/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [columns, ...rows.map((row) => columns.map((column) => row[column]))]
    .map((line) => `${line.map(cell).join(",")}\r\n`)
    .join("");
}

function show(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.map(show).join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}
