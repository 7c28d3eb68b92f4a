/** The engine's marks for values that a preview cannot know, one per kind (sdk/go/common/resource/plugin/rpc.go). */
const marks = new Set([
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** The mark that a provider gives for an output which only the real operation will tell. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Whether a value as a whole is not known yet. */
export function isUnknown(value: unknown): boolean {
  return typeof value === "string" && marks.has(value);
}

/** Whether any part of a value is not known yet. */
export function hasUnknown(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return isUnknown(value);
  return Object.values(value).some(hasUnknown);
}
