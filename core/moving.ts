/**
 * An object on its way from one App to another of the same cluster: who may take it over, and what a prune leaves to
 * others. The evidence is what signed statements say that this agent holds; an answer that lacks an App is none. Whatever
 * the order in which two statements come, the object is deleted only when no App here is known to want it.
 */
import { assertNever } from "./assert.ts";
import { markOn, ownerMark, type Owner } from "./plan.ts";
import { parseRefKey, refOf, refText, type KubeObject } from "./object.ts";

/** What one App on this agent says of one object. */
export type Claim =
  | {
      /** Its statement in force is to apply a bundle. */
      kind: "bundle";
      declares: boolean;
      /** The object is a namespace, and the bundle has objects in it. */
      uses: boolean;
      /** It is there, and has been seen by that App as its own. */
      took: boolean;
    }
  /** Ordered to go, or gone by such an order. */
  | { kind: "leaving" }
  /** A signed statement has come, and what is in it is not known yet. */
  | { kind: "open" }
  /** Nothing was ever accepted of it, or what was cannot be read. */
  | { kind: "none" };

export type Takeover = "take" | "wait" | "both" | "unknown";

/** `claim` is that of the App whose mark is on the object. */
export function takeoverOf(claim: Claim): Takeover {
  switch (claim.kind) {
    case "bundle":
      return claim.declares ? "both" : "take";
    case "leaving":
      return "take";
    case "open":
      return "wait";
    case "none":
      return "unknown";
    default:
      return assertNever(claim);
  }
}

/** The App of the same hub and project whose mark an object bears, if it is another one. */
export function neighbourOf(live: KubeObject, owner: Owner): string | undefined {
  const held = markOn(live);
  const prefix = ownerMark({ ...owner, app: "" });
  if (held === undefined || held === ownerMark(owner) || !held.startsWith(prefix)) return undefined;
  return held.slice(prefix.length);
}

/** Why an object with another App's mark is not taken over. */
export function takeoverRefusal(live: KubeObject, app: string): string {
  return (
    `${refText(refOf(live))} bears the mark of App ${app}, of which nothing is known here: ` +
    "take its annotation fairlead.dev/owner off and set sync.adopt"
  );
}

/** What becomes of an object that its App does not want any more. */
export type Parting =
  | { kind: "goes" }
  /** `taken`: that App has it already, so that there is nothing left to remember. */
  | { kind: "stays"; app: string; taken: boolean }
  /** A namespace with objects of that App in it. */
  | { kind: "needed"; app: string }
  /** For the statement of that App; absent: for the hub's first answer. */
  | { kind: "waits"; app?: string };

/** `others` are all other Apps on the agent. What somebody declares outweighs what is not known yet. */
export function partingOf(others: readonly { app: string; claim: Claim }[]): Parting {
  let needed: Parting | undefined;
  let waits: Parting | undefined;
  for (const { app, claim } of others) {
    if (claim.kind === "open") waits ??= { kind: "waits", app };
    if (claim.kind !== "bundle") continue;
    if (claim.declares) return { kind: "stays", app, taken: claim.took };
    if (claim.uses) needed ??= { kind: "needed", app };
  }
  return needed ?? waits ?? { kind: "goes" };
}

/** What the objects of a bundle are, by `refKey`, whatever the scope of their kinds, and the namespaces they are in. */
export interface Declared {
  keys: ReadonlySet<string>;
  namespaces: ReadonlySet<string>;
}

/** `namespace` is the App's, for objects that name none. */
export function declaredIn(objects: readonly KubeObject[], namespace: string): Declared {
  const keys = new Set<string>();
  const namespaces = new Set([namespace]);
  for (const object of objects) {
    const { group, kind, name, namespace: own } = refOf(object);
    const within = own === "" ? namespace : own;
    namespaces.add(within);
    // Only one of the two can be a key of an inventory: a kind is namespaced or it is not.
    keys.add(`${group}/${kind}/${within}/${name}`);
    keys.add(`${group}/${kind}//${name}`);
  }
  return { keys, namespaces };
}

/** The namespace that a key is of; undefined for every other kind. */
export function namespaceNamed(key: string): string | undefined {
  const { group, kind, name } = parseRefKey(key);
  return group === "" && kind === "Namespace" ? name : undefined;
}
