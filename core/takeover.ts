/**
 * Fields that people's tools have set and the bundle does not declare: they go, on adoption and as drift. Their tools'
 * ownership becomes ours, so that the next apply removes what it does not name; ignored fields stay with whom they are.
 * Controllers keep theirs.
 */
import { MANAGER, tokenOf } from "./managed.ts";
import type { KubeObject } from "./object.ts";
import { withEncodedData } from "./secret.ts";
import { isAtOrBelow, isFields, pointerTo, type Fields } from "./pointer.ts";

/** `kubectl` and all that it calls itself by its command, and those who synced before us. */
const PEOPLES_TOOLS =
  /^(kubectl(-.*)?|before-first-apply|argocd-controller|argocd-application-controller|kustomize-controller|helm|Helm)$/;

export interface TakeOver {
  /** What `metadata.managedFields` has to become. */
  managedFields: Fields[];
  /** Pointers into the live object of what then belongs to nobody's declaration. */
  undeclared: string[];
}

/** Undefined where nothing of theirs is undeclared: then there is nothing to take. */
export function takeOver(
  live: KubeObject,
  bundle: KubeObject,
  ignored: readonly string[],
): TakeOver | undefined {
  const list = live.metadata["managedFields"];
  if (!Array.isArray(list)) return undefined;
  const entries = list.filter(isFields);
  const theirs = entries.filter(isPeoples);
  const declared = withEncodedData(bundle);
  const undeclared = theirs.flatMap((entry) => undeclaredIn(fieldsOf(entry), live, declared, "", ignored));
  if (undeclared.length === 0) return undefined;
  const parts = theirs.map((entry) => ({ entry, ...split(fieldsOf(entry), live, "", ignored) }));
  const ours = entries.find((entry) => entry["manager"] === MANAGER && entry["operation"] === "Apply");
  const taken = parts.reduce(
    (all, { taken: some }) => merged(all, some),
    ours === undefined ? {} : fieldsOf(ours),
  );
  const base = ours ?? { ...theirs[0], manager: MANAGER, operation: "Apply" };
  const rest = entries.filter((entry) => entry !== ours && !theirs.includes(entry));
  const left = parts.filter(({ kept }) => Object.keys(kept).length > 0);
  const managedFields = [
    ...rest,
    ...left.map(({ entry, kept }) => ({ ...entry, fieldsV1: kept })),
    { ...base, fieldsV1: taken },
  ];
  return { managedFields, undeclared: [...new Set(undeclared)].sort() };
}

function isPeoples(entry: Fields): boolean {
  const { manager, subresource = "", fieldsV1 } = entry;
  // What came by a subresource (`kubectl scale`) is told apart from the object's own fields.
  return (
    typeof manager === "string" && PEOPLES_TOOLS.test(manager) && subresource === "" && isFields(fieldsV1)
  );
}

function fieldsOf(entry: Fields): Fields {
  return isFields(entry["fieldsV1"]) ? entry["fieldsV1"] : {};
}

function undeclaredIn(
  fields: Fields,
  live: unknown,
  bundle: unknown,
  pointer: string,
  ignored: readonly string[],
): string[] {
  return Object.entries(fields).flatMap(([key, inner]) => {
    const token = key === "." ? undefined : tokenOf(key, live);
    if (token === undefined) return [];
    const here = pointerTo(pointer, token);
    if (ignored.some((one) => isAtOrBelow(here, one))) return [];
    const wanted = tokenOf(key, bundle);
    const declared = wanted === undefined ? undefined : memberOf(bundle, wanted);
    const value = memberOf(live, token);
    if (value === undefined) return [];
    const deeper = isFields(inner) && Object.keys(inner).some((name) => name !== ".");
    if (deeper) return undeclaredIn(inner, value, declared, here, ignored);
    return declared === undefined ? [here] : [];
  });
}

/** `kept` is what stands at or below an ignored pointer. */
function split(
  fields: Fields,
  live: unknown,
  pointer: string,
  ignored: readonly string[],
): { taken: Fields; kept: Fields } {
  const taken: Fields = {};
  const kept: Fields = {};
  for (const [key, inner] of Object.entries(fields)) {
    const token = key === "." ? undefined : tokenOf(key, live);
    const here = token === undefined ? pointer : pointerTo(pointer, token);
    if (token !== undefined && ignored.some((one) => isAtOrBelow(here, one))) kept[key] = inner;
    else if (!isFields(inner) || Object.keys(inner).length === 0) taken[key] = inner;
    else {
      const parts = split(inner, token === undefined ? live : memberOf(live, token), here, ignored);
      taken[key] = parts.taken;
      if (Object.keys(parts.kept).length > 0) kept[key] = parts.kept;
    }
  }
  return { taken, kept };
}

function merged(one: Fields, two: Fields): Fields {
  const out: Fields = { ...one };
  for (const [key, value] of Object.entries(two)) {
    const held = out[key];
    out[key] = isFields(held) && isFields(value) ? merged(held, value) : value;
  }
  return out;
}

function memberOf(value: unknown, token: string): unknown {
  if (Array.isArray(value)) return value[Number(token)];
  return isFields(value) && Object.hasOwn(value, token) ? value[token] : undefined;
}
