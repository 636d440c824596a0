/** Unfolds lists (`kind: List` and its like) into the objects in them, in their order. */
import type { KubeObject } from "#core/object.ts";
import { LIST_DEPTH_MAX } from "./limits.ts";
import { isRecord, readManifest } from "./manifest.ts";

/** `path` leads from the given value to the refused one. */
type Unfolded =
  | { kind: "found"; objects: KubeObject[] }
  | { kind: "refused"; reason: string; object?: string; path: Array<string | number> };

export function unfold(value: unknown, depth = 0): Unfolded {
  if (!isRecord(value) || !isList(value)) {
    const manifest = readManifest(value);
    if (manifest.kind === "refused") return { ...manifest, path: [] };
    return { kind: "found", objects: [manifest.object] };
  }
  if (depth === LIST_DEPTH_MAX) {
    return {
      kind: "refused",
      reason: `lists lie more than ${LIST_DEPTH_MAX} deep: write them flat`,
      path: [],
    };
  }
  const objects: KubeObject[] = [];
  for (const [index, item] of value["items"].entries()) {
    const found = unfold(item, depth + 1);
    if (found.kind === "refused") return { ...found, path: ["items", index, ...found.path] };
    for (const object of found.objects) objects.push(object);
  }
  return { kind: "found", objects };
}

function isList(value: Record<string, unknown>): value is { items: unknown[] } {
  return typeof value["kind"] === "string" && value["kind"].endsWith("List") && Array.isArray(value["items"]);
}
