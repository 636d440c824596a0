/**
 * Which changes of the table are records of the audit log, and what each says. Plain over plain, and total: an item of
 * an unknown shape is told by what is known of it. What may be told of an item is picked by name, so that a field that
 * comes to exist, a hash for one, is not in the log unless somebody puts it here.
 */
import type { DynamoDBRecord } from "aws-lambda";
import type { Stamp } from "#core/actor.ts";
import { assertNever } from "#core/assert.ts";
import type { AuditAction, AuditNoun, Draft } from "#core/audit-record.ts";
import { canonicalJson, digestOf } from "#core/digest.ts";
import { fieldChanges } from "#core/field-changes.ts";
import { nameSchema } from "#core/metadata.ts";
import { isFields } from "#core/pointer.ts";
import { HUB_PROJECT } from "#core/project.ts";
import type { Item } from "../store/db.ts";
import { changeOf, type Change } from "../stream/change.ts";

export interface ProjectDraft extends Draft {
  project: string;
}

/** Of somebody who is not known: a change that did not come by the hub's own ways. */
const UNKNOWN = "unknown";
const WHOLE_CHARS_MAX = 16_000;
const CHANGES_MAX = 40;

interface Told {
  noun: AuditNoun;
  name: string;
  action: AuditAction;
  stamp: Stamp;
  project?: string;
  version?: number;
  before?: unknown;
  after?: unknown;
  edit?: [before: unknown, after: unknown];
}

/** Undefined for what is not audited: observed state, the log itself, a write that changed nothing of note. */
export function draftOf(record: DynamoDBRecord): ProjectDraft | undefined {
  const change = changeOf(record);
  const item = change?.after ?? change?.before;
  if (change === undefined || item === undefined) return undefined;
  const at = (record.dynamodb?.ApproximateCreationDateTime ?? 0) * 1000;
  const told = tell(change, item, isExpiry(record, item, at));
  if (told === undefined) return undefined;
  const { stamp, edit, project = projectOf(item), version, before, after, ...what } = told;
  return {
    project,
    id: digestOf([record.dynamodb?.Keys, record.dynamodb?.SequenceNumber, at]).slice(0, 16),
    at,
    ...stampFields(stamp),
    ...what,
    ...(version === undefined ? {} : { version }),
    ...(before === undefined ? {} : { before: bounded(before) }),
    ...(after === undefined ? {} : { after: bounded(after) }),
    ...(edit === undefined ? {} : changesOf(edit)),
  };
}

function stampFields({ by, from, why, request, commit }: Stamp) {
  return {
    by,
    ...(from === undefined ? {} : { from }),
    ...(why === undefined ? {} : { why }),
    ...(request === undefined ? {} : { request }),
    ...(commit === undefined ? {} : { commit }),
  };
}

/** The table's own service removes what aged; engines that do not name it have let its time pass. */
function isExpiry(record: DynamoDBRecord, item: Item, at: number): boolean {
  if (record.eventName !== "REMOVE") return false;
  const identity = (record as { userIdentity?: { type?: string } }).userIdentity;
  if (identity?.type === "Service") return true;
  return item["deleting"] !== true && Number(item["expires"] ?? Infinity) * 1000 <= at;
}

function tell(change: Change, item: Item, expiry: boolean): Told | undefined {
  const name = textOf(item["name"]);
  switch (change.kind) {
    case "project":
    case "source":
    case "app":
    case "cluster":
    case "policy":
    case "promotion":
      return versioned({ noun: change.kind, name, view: resourceView, change, expiry });
    case "credential":
      return versioned({ noun: "credential", name, view: picked(["name", "kind", "at"]), change, expiry });
    case "api-token": {
      const view = picked(["id", "name", "role", "rules", "createdAt", "expiresAt"]);
      return versioned({ noun: "token", name: textOf(item["id"]), view, change, expiry });
    }
    case "identity":
      return keyTold(change, item);
    case "hold":
      return holdTold(change, item);
    case "hub":
      return hubTold(change);
    case "release":
      return releaseTold(change);
    case "rollout":
      return rolloutTold(change);
    case "promotion-state":
      return promotionTold(change);
    case "placement":
      return assignmentTold(change, item);
    case "line":
    case "served":
    case "nudge":
    case "source-state":
    case "drift-audit":
      return undefined;
    default:
      return assertNever(change.kind);
  }
}

type View = (item: Item) => Item;

function picked(names: readonly string[]): View {
  return (item) => Object.fromEntries(names.filter((name) => name in item).map((name) => [name, item[name]]));
}

function resourceView({ resource, managedBy }: Item): Item {
  return { ...(isFields(resource) ? resource : {}), ...(managedBy === undefined ? {} : { managedBy }) };
}

interface Versioned {
  noun: AuditNoun;
  name: string;
  view: View;
  change: Change;
  expiry: boolean;
}

function versioned({ noun, name, view, change, expiry }: Versioned): Told | undefined {
  const { before, after } = change;
  const version = versionOf(after ?? before);
  const base = { noun, name, version };
  if (after === undefined) {
    const stamp = expiry
      ? { by: "hub:expiry" }
      : before?.["deleting"] === true
        ? stampOf(before)
        : { by: UNKNOWN };
    const action = expiry ? "expired" : "deleted";
    return { ...base, action, stamp, ...(before === undefined ? {} : { before: view(before) }) };
  }
  if (before === undefined) return { ...base, action: "created", stamp: stampOf(after), after: view(after) };
  const edit: [unknown, unknown] = [view(before), view(after)];
  if (versionOf(before) === version) {
    // No way of the hub's changes a resource and leaves its version: the stamp is of somebody else.
    const same = canonicalJson(edit[0]) === canonicalJson(edit[1]);
    return same ? undefined : { ...base, action: "configured", stamp: { by: UNKNOWN }, edit };
  }
  const action = after["deleting"] === true ? "deleting" : "configured";
  return { ...base, action, stamp: stampOf(after), edit };
}

const KEY_EVENTS: readonly AuditAction[] = ["registered", "rotation asked", "rotated", "revoked"];

/** The agent's key: fingerprints only. */
function keyTold({ before, after }: Change, item: Item): Told | undefined {
  const base = { noun: "key", name: textOf(item["cluster"]), version: versionOf(item) } as const;
  const view = picked(["key", "registeredAt", "rotatedAt", "revokedAt"]);
  if (after === undefined)
    return { ...base, action: "deleted", stamp: { by: "hub:forget" }, before: view(before ?? {}) };
  if (before !== undefined && versionOf(before) === versionOf(after)) return undefined;
  const action = KEY_EVENTS.find((event) => event === after["event"]) ?? "configured";
  return { ...base, action, stamp: stampOf(after), edit: [view(before ?? {}), view(after)] };
}

function holdTold({ before, after }: Change, item: Item): Told | undefined {
  const base = { noun: "hold", name: textOf(item["cluster"]), version: versionOf(item) } as const;
  const view = picked(["person", "agent"]);
  if (after === undefined)
    return { ...base, action: "deleted", stamp: { by: "hub:forget" }, before: view(before ?? {}) };
  if (before !== undefined && versionOf(before) === versionOf(after)) return undefined;
  const action = before === undefined ? "created" : "configured";
  return { ...base, action, stamp: stampOf(after), edit: [view(before ?? {}), view(after)] };
}

function hubTold({ before, after }: Change): Told | undefined {
  const [was, is] = [hubView(before), hubView(after)];
  if (canonicalJson(was ?? null) === canonicalJson(is ?? null)) return undefined;
  const stamp = after === undefined ? { by: UNKNOWN } : stampOf(after, "hub:open");
  return {
    noun: "hub",
    name: textOf((after ?? before)?.["hub"]),
    project: HUB_PROJECT,
    action: before === undefined ? "created" : after === undefined ? "deleted" : "configured",
    stamp,
    ...(was === undefined ? {} : { before: was }),
    ...(is === undefined ? {} : { after: is }),
  };
}

/** The charter is public; what it certifies is told, its signature is not of interest. */
function hubView(item: Item | undefined): Item | undefined {
  if (item === undefined) return undefined;
  const charter = payloadOf(textOf(item["charter"]));
  const recovery = item["recoveryKey"] === undefined ? {} : { recoveryKey: digestOf(item["recoveryKey"]) };
  return {
    ...picked(["hub", "epoch", "serial"])(item),
    ...picked(["signers", "urls"])(charter),
    ...recovery,
  };
}

function payloadOf(jws: string): Item {
  try {
    const payload: unknown = JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString());
    return isFields(payload) ? payload : {};
  } catch {
    // Not a charter: its digest stands for it, so that a change of it is still told.
    return { signers: digestOf(jws) };
  }
}

function releaseTold({ before, after }: Change): Told | undefined {
  if (before !== undefined || after === undefined) return undefined;
  const { app, release, commit, reason } = after;
  const view = picked(["release", "epoch", "commit", "author", "message", "tree", "appVersion", "inputs"]);
  const targets = picked(["targets", "targetCount", "changed", "removed"]);
  const stamp = { by: "hub:release", why: textOf(reason), commit: textOf(commit) };
  return {
    noun: "release",
    name: `${textOf(app)}/${textOf(release)}`,
    action: "created",
    stamp,
    after: { ...view(after), ...targets(after) },
  };
}

/** Only what a person decides is stamped; the rollout's own steps are no records. */
function rolloutTold({ before, after }: Change): Told | undefined {
  if (after?.["stamp"] === undefined) return undefined;
  if (canonicalJson(before?.["stamp"] ?? null) === canonicalJson(after["stamp"])) return undefined;
  const view = picked(["state", "released", "settled", "fence", "approvals", "pinned"]);
  const name = `${textOf(after["app"])}/${textOf(after["release"])}`;
  return {
    noun: "rollout",
    name,
    action: "configured",
    stamp: stampOf(after),
    edit: [view(before ?? {}), view(after)],
  };
}

/** A person's word alone, as with a rollout; it is told under a name of its own, for it changes no version. */
function promotionTold({ before, after }: Change): Told | undefined {
  if (after?.["stamp"] === undefined) return undefined;
  if (canonicalJson(before?.["stamp"] ?? null) === canonicalJson(after["stamp"])) return undefined;
  const view = picked(["state", "asked", "landed"]);
  const edit: [unknown, unknown] = [view(before ?? {}), view(after)];
  return { noun: "promoted", name: textOf(after["name"]), action: "configured", stamp: stampOf(after), edit };
}

/** An assignment names what was given to the cluster: with the release and the bundle's digest, the exact manifests. */
function assignmentTold({ before, after }: Change, item: Item): Told | undefined {
  const [was, is] = [before?.["assigned"], after?.["assigned"]];
  if (canonicalJson(was ?? null) === canonicalJson(is ?? null)) return undefined;
  const base = { noun: "assignment", name: `${textOf(item["app"])}/${textOf(item["cluster"])}` } as const;
  const replaced = isFields(was) ? { before: picked(["epoch", "generation", "release"])(was) } : {};
  if (!isFields(is)) return { ...base, action: "deleted", stamp: { by: "hub:forget" }, ...replaced };
  return { ...base, action: "assigned", stamp: { by: "hub:rollout" }, ...replaced, after: is };
}

function stampOf(item: Item, otherwise = UNKNOWN): Stamp {
  const stamp = item["stamp"];
  return isFields(stamp) && typeof stamp["by"] === "string" ? (stamp as Stamp) : { by: otherwise };
}

/** What names no project of its own is told in the hub's. */
function projectOf(item: Item): string {
  const name = nameSchema.safeParse(item["project"]);
  return name.success ? name.data : HUB_PROJECT;
}

function versionOf(item: Item | undefined): number {
  return Number(item?.["version"] ?? 0);
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** Too large to be kept in the log, its digest still says what it was. */
function bounded(value: unknown): unknown {
  const chars = canonicalJson(value).length;
  return chars <= WHOLE_CHARS_MAX ? value : { digest: digestOf(value), chars };
}

function changesOf([before, after]: [unknown, unknown]) {
  const all = fieldChanges(before, after);
  const moreChanges = all.length - CHANGES_MAX;
  return { changes: all.slice(0, CHANGES_MAX), ...(moreChanges > 0 ? { moreChanges } : {}) };
}
