/** A label as the official provider writes it. */
export interface Label {
  readonly label: string;
  readonly value: string;
}

/** Labels in the form that Docker's API takes. */
export function labelMap(labels: readonly Label[] = []): Record<string, string> {
  return Object.fromEntries(labels.map(({ label, value }) => [label, value]));
}

/** Labels in the official provider's form, sorted by name. */
export function labelList(labels: Readonly<Record<string, string>> | null | undefined): Label[] {
  return Object.entries(labels ?? {})
    .map(([label, value]) => ({ label, value }))
    .sort((a, b) => (a.label < b.label ? -1 : 1));
}
