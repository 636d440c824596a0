/**
 * What an apply changes of a resource, field by field: for a dry-run and for the answer. Bounded in number and length;
 * defaults are filled in on both sides, so they are never a difference.
 */
import { fieldChanges, type FieldChange } from "./field-changes.ts";
import type { Resource } from "./resource.ts";

export const CHANGES_LISTED_MAX = 50;

/** `more` changes are not listed. */
export interface ResourceDiff {
  changes: FieldChange[];
  more: number;
}

/** Of a resource that is new, every field of its spec; kind and names, which cannot change, are left out. */
export function diffResources(before: Resource | undefined, after: Resource): ResourceDiff {
  const found = fieldChanges(comparable(before), comparable(after));
  const more = Math.max(0, found.length - CHANGES_LISTED_MAX);
  return { changes: found.slice(0, CHANGES_LISTED_MAX), more };
}

function comparable(resource: Resource | undefined): object {
  return { metadata: { labels: resource?.metadata.labels ?? {} }, spec: resource?.spec ?? {} };
}
