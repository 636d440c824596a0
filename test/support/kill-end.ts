/** What a story leaves on its API server, without what differs from run to run: names of namespaces, UIDs, times. */
import type { KubeObject } from "#core/object.ts";
import type { Rig } from "./agent-rig.ts";

export const SYSTEM = "fairlead-system";
const KINDS = [
  "api/v1/configmaps",
  "api/v1/secrets",
  "api/v1/serviceaccounts",
  "apis/rbac.authorization.k8s.io/v1/roles",
  "apis/rbac.authorization.k8s.io/v1/rolebindings",
];

export interface End {
  /** As a person would compare them, with whose fields are whose. */
  objects: string[];
  /** What the inventory holds; an entry whose UID is not the live one's says so. */
  inventory: string[];
  /** Names of what the agent keeps for itself. */
  own: string[];
}

interface Live extends KubeObject {
  metadata: KubeObject["metadata"] & { uid: string; resourceVersion: string; managedFields: Managed[] };
}

interface Managed {
  manager: string;
  operation: string;
  fieldsV1: unknown;
}

const pathOf = (kind: string, namespace: string): string => {
  const at = kind.lastIndexOf("/");
  return `/${kind.slice(0, at)}/namespaces/${namespace}${kind.slice(at)}`;
};

/** The agent starts as in a cluster that it has never seen. */
export async function wipe(rig: Rig, namespace: string = SYSTEM): Promise<void> {
  await Promise.all(KINDS.map((kind) => rig.ask("DELETE", pathOf(kind, namespace))));
}

/** Versions by kind and name. */
export async function versionsOf(rig: Rig, namespace: string): Promise<Map<string, string>> {
  const live = await liveIn(rig, namespace);
  return new Map(live.map(({ at, object }) => [at, object.metadata.resourceVersion]));
}

export async function endOf(rig: Rig, namespace: string): Promise<End> {
  const live = await liveIn(rig, namespace);
  const system = await liveIn(rig, SYSTEM);
  const uids = new Map(live.map(({ object }) => [object.metadata.name, object.metadata.uid]));
  const neutral = (text: string): string => text.replaceAll(namespace, "NAMESPACE");
  return {
    objects: live.map(({ object }) => neutral(textOf(object))).sort(),
    inventory: system
      .flatMap(({ object }) => entriesOf(object, uids))
      .map(neutral)
      .sort(),
    own: system.map(({ at }) => at).sort(),
  };
}

async function liveIn(rig: Rig, namespace: string): Promise<{ at: string; object: Live }[]> {
  const lists = await Promise.all(
    KINDS.map(async (kind) => ({
      kind,
      list: await rig.ask<{ items: Live[] }>("GET", pathOf(kind, namespace)),
    })),
  );
  return lists.flatMap(({ kind, list }) =>
    list.items.map((object) => ({ at: `${kind.split("/").at(-1)}/${object.metadata.name}`, object })),
  );
}

function textOf({ metadata, ...rest }: Live): string {
  const { name, labels, annotations, managedFields } = metadata;
  const fields = managedFields.map(({ manager, operation, fieldsV1 }) =>
    JSON.stringify({ manager, operation, fieldsV1 }),
  );
  return JSON.stringify({ name, labels, annotations, ...rest, fields: fields.sort() });
}

function entriesOf(object: Live, uids: ReadonlyMap<string, string>): string[] {
  if (!object.metadata.name.startsWith("fairlead-inventory-")) return [];
  const data = object["data"] as { inventory: string };
  const { entries } = JSON.parse(data.inventory) as { entries: Record<string, { uid?: string }> };
  return Object.entries(entries).map(([key, { uid }]) =>
    uid !== undefined && uid === uids.get(key.split("/").at(-1) ?? "") ? key : `${key}, with another UID`,
  );
}
