/**
 * MiniStack's matcher takes `exists: false` for a field whose parent is there; AWS's own (event-ruler 1.8.1) matches also where
 * the parent, or the whole image, is absent. So a pattern is written for the emulator as AWS means it.
 */

/** DynamoDB's marks of a value's type. */
const TYPES = ["S", "N", "BOOL", "M", "L"];

/** One pattern, and a second one for removals: they have no image in which anything could be absent. */
export function emulated(pattern: string): string[] {
  if (!pattern.includes('"exists":false')) return [pattern];
  return [JSON.stringify(raised(JSON.parse(pattern))), JSON.stringify({ eventName: ["REMOVE"] })];
}

/** `{ heardAt: { N: [{ exists: false }] } }` says of `heardAt` itself that it is absent. */
function raised(part: unknown): unknown {
  if (Array.isArray(part) || typeof part !== "object" || part === null) return part;
  const entries = Object.entries(part).map(([name, inner]): [string, unknown] => [name, raised(inner)]);
  const [only] = entries;
  if (TYPES.includes(only?.[0] ?? "") && JSON.stringify(only?.[1]) === '[{"exists":false}]') return only?.[1];
  return Object.fromEntries(entries);
}
