/**
 * Secrets that come encrypted by SOPS (https://getsops.io) and are opened here, with age keys that live in this cluster
 * alone. Every value is authenticated by itself and bound to its place; the bundle as a whole is what the hub signed, so
 * SOPS' own digest over the file, which Kustomize's changes would break, is not asked for.
 *
 * What is opened is never told: an object that is not a Secret is refused, because its fields show in reports.
 */
import { createDecipheriv } from "node:crypto";
import * as z from "zod";
import { refKey, refOf, refText, type KubeObject } from "#core/object.ts";
import { isFields, type Fields } from "#core/pointer.ts";
import { isSecret } from "#core/secret.ts";
import { sentence } from "#core/text.ts";
import type { Kube } from "./kube/port.ts";
import { readState, SYSTEM_NAMESPACE } from "./state/system.ts";

/** Secret in the agent's namespace; each of its values holds age identities, one on a line. */
export const SOPS_KEYS = "fairlead-sops";

const KEYS_MAX = 50;
const DEPTH_MAX = 50;
const DATA_KEY_BYTES = 32;

const metadataSchema = z.object({
  age: z
    .array(z.object({ enc: z.string().max(20_000) }))
    .max(KEYS_MAX)
    .nullish(),
});
type Metadata = z.infer<typeof metadataSchema>;

export interface Opened {
  objects: KubeObject[];
  /** Why an object could not be opened, by its `refKey`; it stays as it was. */
  problems: Map<string, string>;
}

/** Objects as they are but for those with a `sops` field. The key is read once, and only when something needs it. */
export async function openSecrets(kube: Kube, bundle: readonly KubeObject[]): Promise<Opened> {
  const problems = new Map<string, string>();
  if (!bundle.some(isEncrypted)) return { objects: [...bundle], problems };
  const identities = await readIdentities(kube);
  const objects: KubeObject[] = [];
  for (const object of bundle) {
    const opened = isEncrypted(object) ? await open(object, identities) : object;
    if (typeof opened === "string") problems.set(refKey(refOf(object)), opened);
    objects.push(typeof opened === "string" ? object : opened);
  }
  return { objects, problems };
}

function isEncrypted(object: KubeObject): boolean {
  return isFields(object["sops"]);
}

async function readIdentities(kube: Kube): Promise<string[]> {
  const held = (await readState(kube, "Secret", SOPS_KEYS)) ?? {};
  const lines = Object.values(held).flatMap((text) => text.split(/\s+/));
  return lines.filter((line) => line.startsWith("AGE-SECRET-KEY-")).slice(0, KEYS_MAX);
}

/** The opened object, or why not. */
async function open(object: KubeObject, identities: readonly string[]): Promise<KubeObject | string> {
  const name = refText(refOf(object));
  if (!isSecret(object))
    return `${name} is encrypted by SOPS and no Secret: what is opened may stand in a Secret only`;
  const metadata = metadataSchema.safeParse(object["sops"]);
  if (!metadata.success || !metadata.data.age?.length)
    return `${name} is encrypted by SOPS for no age key: other kinds of keys are not opened here`;
  if (identities.length === 0)
    return `${name} is encrypted: put the age key into the Secret ${SOPS_KEYS} in ${SYSTEM_NAMESPACE} of this cluster`;
  try {
    const key = await dataKey(metadata.data, identities);
    if (key === undefined)
      return `${name} is encrypted for none of the age keys in the Secret ${SOPS_KEYS} of ${SYSTEM_NAMESPACE}`;
    const { sops: _, ...encrypted } = object;
    return openFields(encrypted, [], key) as KubeObject;
  } catch (error) {
    // Its own words may quote what was read.
    return `${name} cannot be opened: ${error instanceof SopsError ? sentence(error.message) : "a value of it was altered, or it is damaged"}`;
  }
}

class SopsError extends Error {}

/** The key of the values, which stands in the file once for each recipient. */
async function dataKey({ age }: Metadata, identities: readonly string[]): Promise<Uint8Array | undefined> {
  // Loaded when it is needed: most clusters never do, and it is not small.
  const { Decrypter, armor } = await import("age-encryption");
  for (const { enc } of age ?? []) {
    for (const identity of identities) {
      const decrypter = new Decrypter();
      decrypter.addIdentity(identity);
      const key = await decrypter.decrypt(armor.decode(enc)).catch(() => undefined);
      if (key?.length === DATA_KEY_BYTES) return key;
    }
  }
  return undefined;
}

/** Names of fields are part of what a value is bound to; places in a list are not. */
function openFields(value: unknown, path: readonly string[], key: Uint8Array): unknown {
  if (path.length > DEPTH_MAX) throw new SopsError(`its fields lie more than ${DEPTH_MAX} deep`);
  if (typeof value === "string") return value.startsWith("ENC[") ? openValue(value, path, key) : value;
  if (Array.isArray(value)) return value.map((item) => openFields(item, path, key));
  if (!isFields(value)) return value;
  const opened = Object.entries(value).map(([name, item]) => [name, openFields(item, [...path, name], key)]);
  return Object.fromEntries(opened) as Fields;
}

const VALUE =
  /^ENC\[AES256_GCM,data:([A-Za-z0-9+/=]*),iv:([A-Za-z0-9+/=]+),tag:([A-Za-z0-9+/=]+),type:(str|int|float|bool|bytes)\]$/;

function openValue(text: string, path: readonly string[], key: Uint8Array): unknown {
  const [, data = "", iv = "", tag = "", type = ""] = VALUE.exec(text) ?? [];
  const at = path.join(".");
  if (type === "") throw new SopsError(`${at} is encrypted in a way that is not known here`);
  const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(iv, "base64"), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(`${path.join(":")}:`));
  decipher.setAuthTag(Buffer.from(tag, "base64"));
  const plain = Buffer.concat([decipher.update(Buffer.from(data, "base64")), decipher.final()]).toString(
    "utf8",
  );
  if (type === "int" || type === "float") return Number(plain);
  return type === "bool" ? plain.toLowerCase() === "true" : plain;
}
