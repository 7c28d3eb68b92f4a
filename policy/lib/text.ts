/** `a, b, c and 38 more`: a violation names what is wrong without filling the screen. */
export function enumerate(items: readonly string[], most = 3): string {
  const shown = items.slice(0, most);
  const rest = items.length - shown.length;
  return rest === 0 ? shown.join(", ") : `${shown.join(", ")} and ${rest} more`;
}
