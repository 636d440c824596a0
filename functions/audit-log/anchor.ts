/**
 * A batch's hash in an object that is written once. Whoever can write the table cannot also change what was anchored,
 * so a log that was rewritten or cut does not fit its anchors any more.
 */
import { anchorSchema, type Anchor } from "#core/audit-chain.ts";
import type { ChainPoint } from "#core/audit-record.ts";
import { canonicalJson } from "#core/digest.ts";
import type { ObjectStore } from "../objects/port.ts";

function anchorKey(project: string, n: number): string {
  return `audit-log/${project}/${String(n).padStart(12, "0")}.json`;
}

export async function putAnchor(
  objects: ObjectStore,
  project: string,
  { n, hash, last, upTo }: ChainPoint,
): Promise<void> {
  if (n === 0) return;
  const anchor: Anchor = { project, n, hash, last, upTo };
  await objects.put(anchorKey(project, n), new TextEncoder().encode(canonicalJson(anchor)));
}

/** One that cannot be read counts as another one: it fits nothing. */
export async function getAnchor(
  objects: Pick<ObjectStore, "get">,
  project: string,
  n: number,
): Promise<Anchor | undefined> {
  const bytes = await objects.get(anchorKey(project, n));
  if (bytes === undefined) return undefined;
  const anchor = anchorSchema.safeParse(parsed(new TextDecoder().decode(bytes)));
  return anchor.success ? anchor.data : { project, n, hash: "unreadable", last: 0, upTo: 0 };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Told as an anchor that does not fit.
    return undefined;
  }
}
