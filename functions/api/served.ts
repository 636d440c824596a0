/**
 * Takes what an agent tells of its cluster's API server. A list of APIs, and the shapes of its kinds, are kept once under
 * their digests, asked for only where nobody has sent them yet, and taken only from a cluster that told of them. What is
 * told again, late or in a replay writes nothing.
 */
import { apiSchemasSchema } from "#core/api-schemas.ts";
import { apiListSchema } from "#core/capabilities.ts";
import { canonicalJson, sha256 } from "#core/digest.ts";
import { Problem } from "#core/problem.ts";
import type { ServedAnswer, ServedRequest } from "#core/protocol.ts";
import type { ObjectStore } from "../objects/port.ts";
import { hasApiDocument, putApiDocument, type ApiNoun } from "../release/api-documents.ts";
import type { Line } from "../store/cluster.ts";
import type { Db } from "../store/db.ts";
import { getServed, putServed, type Served } from "../store/served.ts";

interface Deps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
}

export async function takeServed(
  deps: Deps,
  { project, cluster }: Line,
  request: ServedRequest,
): Promise<ServedAnswer> {
  const held = await getServed(deps.db, project, cluster);
  const { seq } = request;
  const list = await listAfter(deps, held, request);
  const shapes = await shapesAfter(deps, held, request);
  const next: Served = { project, cluster, ...list.facts, ...shapes.facts, seq, at: deps.now() };
  const wants = [...(list.wanted ? ["apis"] : []), ...(shapes.wanted ? ["schemas"] : [])];
  if (held !== undefined && saysSame(held, next)) return { wants };
  if (held !== undefined && seq <= held.seq) return { wants: [], stale: held.seq };
  if ((await putServed(deps.db, next, held)) === "lost") throw raced(cluster);
  return { wants };
}

/** Version and list come into force together, and only when the list is there. */
async function listAfter(
  { objects }: Deps,
  held: Served | undefined,
  { kubernetes, apis }: ServedRequest,
): Promise<{ facts: Partial<Served>; wanted: boolean }> {
  if (apis === undefined || (await hasApiDocument(objects, "apis", apis)))
    return { facts: { kubernetes, ...(apis === undefined ? {} : { apis }) }, wanted: false };
  const inForce = told(held, "kubernetes", "apis");
  return { facts: { ...inForce, pending: { kubernetes, apis } }, wanted: true };
}

/** Asked for once for each version that the cluster runs. */
async function shapesAfter(
  { objects }: Deps,
  held: Served | undefined,
  { kubernetes, schemas: digest }: ServedRequest,
): Promise<{ facts: Partial<Served>; wanted: boolean }> {
  if (digest === undefined)
    return {
      facts: told(held, "schemas", "pendingSchemas"),
      wanted: held?.schemas?.kubernetes !== kubernetes,
    };
  const schemas = { kubernetes, digest };
  if (await hasApiDocument(objects, "schemas", digest)) return { facts: { schemas }, wanted: false };
  return { facts: { ...told(held, "schemas"), pendingSchemas: schemas }, wanted: true };
}

/** `bytes` as they came. */
export async function takeDocument(
  deps: Deps,
  { project, cluster }: Line,
  { noun, digest }: { noun: ApiNoun; digest: string },
  bytes: Uint8Array,
): Promise<void> {
  const held = await getServed(deps.db, project, cluster);
  const next = held === undefined ? undefined : inForceWith(held, noun, digest);
  if (held === undefined || next === undefined) {
    // The answer to the first one was lost.
    if ((noun === "apis" ? held?.apis : held?.schemas?.digest) === digest) return;
    throw new Problem(
      "conflict",
      `cluster ${cluster} told of no such ${WHAT[noun].name}: tell what it serves first`,
    );
  }
  checkDocument(WHAT[noun], digest, bytes);
  await putApiDocument(deps.objects, noun, digest, bytes);
  if ((await putServed(deps.db, { ...next, at: deps.now() }, held)) === "lost") throw raced(cluster);
}

/** Undefined where this is not what the cluster told of last. */
function inForceWith(held: Served, noun: ApiNoun, digest: string): Served | undefined {
  const { pending, pendingSchemas, ...rest } = held;
  if (noun === "apis")
    return pending?.apis === digest ? { ...rest, ...told(held, "pendingSchemas"), ...pending } : undefined;
  return pendingSchemas?.digest === digest
    ? { ...rest, ...told(held, "pending"), schemas: pendingSchemas }
    : undefined;
}

function told(held: Served | undefined, ...fields: (keyof Served)[]): Partial<Served> {
  const kept = fields.filter((field) => held?.[field] !== undefined);
  return Object.fromEntries(kept.map((field) => [field, held?.[field]])) as Partial<Served>;
}

function saysSame(a: Served, b: Served): boolean {
  const of = (served: Served): string => canonicalJson({ ...served, seq: 0, at: 0 });
  return of(a) === of(b);
}

const WHAT = {
  apis: { name: "list of APIs", schema: apiListSchema },
  schemas: { name: "shapes of kinds", schema: apiSchemasSchema },
} as const;

function checkDocument({ name, schema }: (typeof WHAT)[ApiNoun], digest: string, bytes: Uint8Array): void {
  if (sha256(bytes) !== digest)
    throw new Problem("invalid-request", `the ${name}: has another digest than its path names`);
  const text = new TextDecoder().decode(bytes);
  const document = schema.safeParse(parsed(text));
  if (!document.success)
    throw new Problem("invalid-request", `the ${name}: ${document.error.issues[0]?.message ?? "unreadable"}`);
  // One content, one digest: else equal clusters would not share it.
  if (canonicalJson(document.data) !== text)
    throw new Problem("invalid-request", `the ${name}: is not canonical JSON`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function raced(cluster: string): Problem {
  return new Problem("conflict", `what cluster ${cluster} serves was told by another process at this moment`);
}
