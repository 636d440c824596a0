/** Which tags of an image the objects of a release run. */
import type { KubeObject } from "../object.ts";

const LISTS = ["containers", "initContainers", "ephemeralContainers"];
const DEPTH_MAX = 50;

/** `ghcr.io/acme/web:1.2@sha256:…` is `ghcr.io/acme/web`, tag `1.2`; a port is no tag. */
export function splitImage(image: string): { name: string; tag: string | undefined } {
  const [plain = ""] = image.split("@", 1);
  const colon = plain.lastIndexOf(":");
  if (colon <= plain.lastIndexOf("/")) return { name: plain, tag: undefined };
  return { name: plain.slice(0, colon), tag: plain.slice(colon + 1) };
}

/** Tags of `image` in `objects`, each once; an image that stands without a tag gives none. */
export function tagsOf(image: string, objects: readonly KubeObject[]): string[] {
  const found = new Set<string>();
  for (const object of objects) walk(object, 0, image, found);
  return [...found].sort();
}

function walk(value: unknown, depth: number, image: string, found: Set<string>): void {
  if (typeof value !== "object" || value === null || depth > DEPTH_MAX) return;
  for (const [key, member] of Object.entries(value)) {
    if (LISTS.includes(key) && Array.isArray(member)) for (const one of member) note(one, image, found);
    walk(member, depth + 1, image, found);
  }
}

function note(container: unknown, image: string, found: Set<string>): void {
  if (typeof container !== "object" || container === null || !("image" in container)) return;
  if (typeof container.image !== "string") return;
  const { name, tag } = splitImage(container.image);
  if (name === image && tag !== undefined) found.add(tag);
}
