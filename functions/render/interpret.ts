/**
 * Turns what became of a render job into the answer: objects that are really Kubernetes objects and within the limits,
 * or one error that says what happened and what to do.
 */
import type * as z from "zod";
import { assertNever } from "#core/assert.ts";
import { BUNDLE_BYTES_MAX, BUNDLE_OBJECTS_MAX } from "#core/limits.ts";
import type { KubeObject } from "#core/object.ts";
import { readEngineFailure } from "./failure.ts";
import { readHelmFailure } from "./helm.ts";
import { readJsonnetFailure } from "./jsonnet.ts";
import { engineReplySchema } from "./job.ts";
import { mebibytes, QUEUE_MAX } from "./limits.ts";
import type { JobOutcome } from "./pool.ts";
import { failed } from "./result.ts";
import type { RenderFailure, RenderResult } from "./result.ts";
import { kustomizationIn, readsOf } from "./select.ts";
import { unfold } from "./unfold.ts";
import type { RepositoryFiles, Selection } from "./select.ts";

const SHUTTING_DOWN = "the renderer is shutting down: try again";
const TOO_MANY_WAIT = `more than ${QUEUE_MAX} renders wait: try again later`;

/** One render's bounds; memory is one worker's. */
export type Limits = { timeoutMs: number; memoryBytesMax: number };

/** What was rendered, under which limits. */
export type Asked = { files: RepositoryFiles; selected: Exclude<Selection, RenderFailure>; limits: Limits };

/** The render's answer: every way in which a job can end has its own sentence. */
export function interpret(outcome: JobOutcome, { files, selected, limits }: Asked): RenderResult {
  const place = selected.folder === "" ? "the repository's root" : selected.folder;
  switch (outcome.kind) {
    case "manifests":
      return {
        ...readManifests(outcome.json, selected, files),
        reads: readsOf(selected, files, outcome.reads),
      };
    case "failed":
      return outcome;
    case "timeout":
      return failed(`rendering ${place} took longer than ${limits.timeoutMs} ms: render less in one App`);
    case "out-of-memory":
      return outOfMemory(place, limits);
    case "broken":
      return brokenOff(place, outcome.lastWords, limits);
    case "died":
      return failed(`the render worker ended while rendering ${place}: ${outcome.reason}`);
    case "refused":
      return failed(outcome.reason === "closed" ? SHUTTING_DOWN : TOO_MANY_WAIT);
    default:
      return assertNever(outcome);
  }
}

function brokenOff(place: string, lastWords: string, limits: Limits): RenderFailure {
  if (/out of memory|cannot allocate memory/.test(lastWords)) return outOfMemory(place, limits);
  if (/Maximum call stack/.test(lastWords))
    return failed(`rendering ${place} calls itself more deeply than the engine can: end its recursion`);
  return failed(`the render engine broke off while rendering ${place}: ${lastWords}`);
}

function outOfMemory(place: string, { memoryBytesMax }: Limits): RenderFailure {
  return failed(
    `rendering ${place} needs more memory than ${mebibytes(memoryBytesMax)}: render less in one App`,
  );
}

function readManifests(json: string, selected: Asked["selected"], files: RepositoryFiles): RenderResult {
  if (Buffer.byteLength(json) > BUNDLE_BYTES_MAX) {
    const size = mebibytes(Buffer.byteLength(json));
    return failed(
      `the rendered objects have ${size}, the limit is ${mebibytes(BUNDLE_BYTES_MAX)}: split the App`,
    );
  }
  const reply = engineReplySchema.parse(JSON.parse(json));
  return {
    ...readReply(reply, selected, files),
    ...(reply.asked === undefined ? {} : { asked: reply.asked }),
  };
}

function readReply(
  reply: z.infer<typeof engineReplySchema>,
  { kind, folder }: Asked["selected"],
  files: RepositoryFiles,
): RenderResult {
  if (!reply.ok && kind === "helm") return readHelmFailure(reply.message, folder);
  if (!reply.ok && kind === "jsonnet") return readJsonnetFailure(reply.message, folder);
  if (!reply.ok) {
    const context = { folder, kustomizationIn: (at: string) => kustomizationIn(files, at) };
    return readEngineFailure(reply.message, reply.file, context);
  }
  const count = reply.manifests.length;
  if (count === 0) return failed(`${folder === "" ? "the repository's root" : folder} renders no objects`);
  if (count > BUNDLE_OBJECTS_MAX) {
    return failed(`the render makes ${count} objects, the limit is ${BUNDLE_OBJECTS_MAX}: split the App`);
  }
  return readObjects(reply.manifests);
}

function readObjects(manifests: readonly unknown[]): RenderResult {
  const objects: KubeObject[] = [];
  for (const value of manifests) {
    const found = unfold(value);
    if (found.kind === "refused")
      return failed(found.reason, found.object === undefined ? {} : { object: found.object });
    objects.push(...found.objects);
  }
  return { kind: "rendered", objects };
}
