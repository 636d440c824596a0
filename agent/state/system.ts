/**
 * The agent's own objects: Secrets and ConfigMaps in `fairlead-system`, labelled, applied under our field manager
 * and part of no App. Whoever may write here is an administrator of the cluster: what is read back is parsed and
 * bounded, but not verified again.
 */
import type { KubeObject, ObjectRef } from "#core/object.ts";
import { AGENT_NAMESPACE as SYSTEM_NAMESPACE } from "#core/plan.ts";
import type { Address, Kube } from "../kube/port.ts";

export { SYSTEM_NAMESPACE };
const LABELS = { "app.kubernetes.io/managed-by": "fairlead", "fairlead.dev/state": "agent" };
const OWN_NAMES = /^fairlead-(agent|apps|hold|sops|app-.+|inventory-.+|bundle-.+)$/;

type Holder = "Secret" | "ConfigMap";

/** True for what the agent lives on: no App may bring it, nothing may prune it. */
export function isOwnState(ref: ObjectRef): boolean {
  if (ref.group === "fairlead.dev") return ref.kind === "Placement" && ref.namespace === SYSTEM_NAMESPACE;
  if (ref.group !== "") return false;
  if (ref.kind === "Namespace") return ref.name === SYSTEM_NAMESPACE;
  const holder = ref.kind === "Secret" || ref.kind === "ConfigMap";
  return holder && ref.namespace === SYSTEM_NAMESPACE && OWN_NAMES.test(ref.name);
}

/** Creates the namespace when it is absent; a namespace that is there is not touched. */
export async function ensureNamespace(kube: Kube, name: string): Promise<void> {
  const live = await kube.get({ apiVersion: "v1", kind: "Namespace", namespace: "", name });
  if (live !== undefined) return;
  await kube.apply(
    { apiVersion: "v1", kind: "Namespace", metadata: { name } },
    { dryRun: false, force: true },
  );
}

/** The values by key, or undefined when the object is absent. */
export async function readState(
  kube: Kube,
  kind: Holder,
  name: string,
): Promise<Record<string, string> | undefined> {
  const live = await kube.get(address(kind, name));
  if (live === undefined) return undefined;
  const data = (live["data"] ?? {}) as Record<string, string>;
  if (kind === "ConfigMap") return { ...data };
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, fromBase64(value).toString("utf8")]),
  );
}

export async function writeState(
  kube: Kube,
  kind: Holder,
  name: string,
  values: Record<string, string>,
): Promise<void> {
  const data =
    kind === "ConfigMap"
      ? values
      : Object.fromEntries(
          Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
        );
  await applyState(kube, kind, name, data);
}

/** One chunk of bytes in a Secret of its own. */
export async function writeBytes(kube: Kube, name: string, bytes: Uint8Array): Promise<void> {
  await applyState(kube, "Secret", name, { bytes: Buffer.from(bytes).toString("base64") });
}

export async function readBytes(kube: Kube, name: string): Promise<Buffer | undefined> {
  const live = await kube.get(address("Secret", name));
  const data = live?.["data"] as Record<string, string> | undefined;
  return data?.["bytes"] === undefined ? undefined : fromBase64(data["bytes"]);
}

/** True when there was something to drop. */
export async function dropState(kube: Kube, kind: Holder, name: string): Promise<boolean> {
  if ((await kube.get(address(kind, name))) === undefined) return false;
  return (await kube.delete(address(kind, name), undefined)) === "deleted";
}

async function applyState(
  kube: Kube,
  kind: Holder,
  name: string,
  data: Record<string, string>,
): Promise<void> {
  const object: KubeObject = {
    apiVersion: "v1",
    kind,
    metadata: { name, namespace: SYSTEM_NAMESPACE, labels: { ...LABELS } },
    data,
  };
  if (kind === "Secret") object["type"] = "Opaque";
  await kube.apply(object, { dryRun: false, force: true });
}

function address(kind: Holder, name: string): Address {
  return { apiVersion: "v1", kind, namespace: SYSTEM_NAMESPACE, name };
}

function fromBase64(text: string): Buffer {
  return Buffer.from(text, "base64");
}
