/**
 * What a proved webhook tells: a push and to which refs, a trial, or something that is none of our business. Where the payload cannot
 * be understood it counts as a push to any ref: to look once too often costs little, to miss one costs the wait for the next poll.
 */
import * as z from "zod";
import type { GitRef } from "#core/source.ts";
import type { Claim } from "./claim.ts";

export type Told =
  /** `refs` undefined: any. */
  | { readonly kind: "push"; readonly refs: readonly string[] | undefined }
  | { readonly kind: "ping" }
  | { readonly kind: "other" };

const PUSHES = new Set([
  "push",
  "Push Hook",
  "Tag Push Hook",
  "repo:push",
  "repo:refs_changed",
  "mirror:repo_synchronized",
]);
const SYSTEM_HOOK = "System Hook";
const SYSTEM_PUSHES = new Set(["push", "tag_push", "repository_update"]);
const PINGS = new Set(["ping", "diagnostics:ping"]);
const CHANGES_MAX = 1000;

const name = z.string().min(1).max(1000);
/** Bitbucket Cloud says `new` and `old` (null where there is none), Data Center says `ref`. */
const end = z.object({ type: z.string(), name }).nullish();
const change = z.object({ new: end, old: end, ref: z.object({ id: name }).nullish() });
const payloadSchema = z.object({
  ref: name.optional(),
  event_name: z.string().optional(),
  push: z.object({ changes: z.array(z.unknown()) }).optional(),
  changes: z.array(z.unknown()).optional(),
});
type Payload = z.infer<typeof payloadSchema>;

export function toldBy({ provider, event }: Claim, contentType: string, body: Buffer): Told {
  if (PINGS.has(event)) return { kind: "ping" };
  const payload = payloadOf(contentType, body);
  if (provider !== "generic" && !isPush(event, payload)) return { kind: "other" };
  return { kind: "push", refs: payload === undefined ? undefined : refsOf(payload) };
}

function isPush(event: string, payload: Payload | undefined): boolean {
  if (event === SYSTEM_HOOK) return SYSTEM_PUSHES.has(payload?.event_name ?? "");
  return PUSHES.has(event);
}

/** GitHub can be told to send the JSON as the field `payload` of a form. */
function payloadOf(contentType: string, body: Buffer): Payload | undefined {
  const text = body.toString("utf8");
  const isForm = contentType.toLowerCase().startsWith("application/x-www-form-urlencoded");
  try {
    const json: unknown = JSON.parse(isForm ? (new URLSearchParams(text).get("payload") ?? "") : text);
    return payloadSchema.safeParse(json).data;
  } catch {
    // Nothing is told by it; see above.
    return undefined;
  }
}

function refsOf({ ref, push, changes }: Payload): string[] | undefined {
  if (ref !== undefined) return [ref];
  const all = push?.changes ?? changes ?? [];
  if (all.length === 0 || all.length > CHANGES_MAX) return undefined;
  const refs = all.flatMap((one) => {
    const { data } = change.safeParse(one);
    const moved = data?.new ?? data?.old;
    if (data?.ref?.id !== undefined) return [data.ref.id];
    return moved === undefined || moved === null
      ? []
      : [`refs/${moved.type === "tag" ? "tags" : "heads"}/${moved.name}`];
  });
  return refs.length === all.length ? refs : undefined;
}

/** Whether a push to these refs can move what a Source follows. A name without `refs/` may be a branch's or a tag's. */
export function concerns(refs: readonly string[] | undefined, ref: GitRef): boolean {
  if (refs === undefined || "commit" in ref) return true;
  return refs.some((pushed) => {
    const [full, short] = pushed.startsWith("refs/") ? [pushed, undefined] : ["", pushed];
    if ("branch" in ref) return full === `refs/heads/${ref.branch}` || short === ref.branch;
    if ("tag" in ref) return full === `refs/tags/${ref.tag}` || short === ref.tag;
    return full.startsWith("refs/tags/") || short !== undefined;
  });
}
