/** A plan as it is asked for and answered: what a release of some commit or working tree would change on which clusters. */
import * as z from "zod";
import { fieldChangeSchema } from "./field-changes.ts";
import { findingsSchema } from "./finding.ts";
import { PLAN_FILES_MAX } from "./limits.ts";

const refSchema = z.object({
  group: z.string(),
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
});
const refsSchema = z.object({ count: z.number().int(), listed: z.array(refSchema) });

export const planEntrySchema = z.object({
  clusters: z.object({ count: z.number().int(), first: z.array(z.string()) }),
  /** `install`: they have nothing of the App yet; `remove`: they leave it; `options`: the objects stay, how they are synced changes. */
  action: z.enum(["install", "update", "options", "remove"]),
  created: refsSchema,
  changed: z.object({
    count: z.number().int(),
    listed: z.array(
      z.object({
        object: refSchema,
        fields: z.array(fieldChangeSchema),
        /** Fields that are not listed; 100 stands for 100 or more. */
        more: z.number().int(),
      }),
    ),
  }),
  deleted: refsSchema,
  /** Go from the bundle and stay in the cluster: `sync.prune: false`, or `sync.deletion: orphan`. */
  left: refsSchema,
  unchanged: z.number().int(),
});
export type PlanEntry = z.infer<typeof planEntrySchema>;

const countsSchema = z.object({
  created: z.number().int(),
  changed: z.number().int(),
  deleted: z.number().int(),
  left: z.number().int(),
});

export const planChangesSchema = z.object({
  clusters: z.object({ total: z.number().int(), changed: z.number().int() }),
  /** Objects, summed over all clusters. */
  objects: countsSchema,
  /** On the cluster that would lose most; `over` clusters would lose more than `budget`. */
  deletes: z.object({ most: z.number().int(), budget: z.number().int(), over: z.number().int() }),
  /** The one of most clusters first. */
  entries: z.array(planEntrySchema),
  /** What is not listed here; its objects are counted above. */
  more: z.object({ entries: z.number().int(), clusters: z.number().int() }),
});
export type PlanChanges = z.infer<typeof planChangesSchema>;

const troubleSchema = z.object({
  message: z.string(),
  file: z.string().optional(),
  line: z.number().optional(),
  object: z.string().optional(),
  findings: findingsSchema.optional(),
});

export const releasePlanSchema = z.object({
  project: z.string(),
  app: z.string(),
  /** What was planned; a working tree has neither author nor commit. */
  planned: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("commit"), commit: z.string(), author: z.string(), message: z.string() }),
    z.object({ kind: z.literal("files"), files: z.number().int() }),
  ]),
  /** The newest release, whether or not each cluster has it already; 0 before the first. */
  against: z.object({ release: z.number().int(), commit: z.string().optional() }),
  /** What the hub would make of it now. */
  verdict: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("nothing") }),
    z.object({ kind: z.literal("release") }),
    z.object({ kind: z.literal("withheld"), error: troubleSchema }),
  ]),
  warnings: findingsSchema.optional(),
  /** Absent where nothing could be rendered. */
  changes: planChangesSchema.optional(),
});
export type ReleasePlan = z.infer<typeof releasePlanSchema>;

const FILE_PATH_CHARS_MAX = 1024;
/** From the repository's root: no empty part, no `.` or `..`, no control character. */
const FILE_PATH = /^(?!.*(?:^|\/)\.{0,2}(?:\/|$))[^\p{Cc}\\]+$/u;

export function isFilePath(path: string): boolean {
  return path.length <= FILE_PATH_CHARS_MAX && FILE_PATH.test(path);
}

/** A working tree by path; what is no text comes in base64. */
export const workingFilesSchema = z
  .record(
    z.string().refine(isFilePath, "must be a clean path from the repository's root"),
    z.union([z.string(), z.strictObject({ base64: z.base64() })]),
  )
  .superRefine((files, context) => {
    const paths = Object.keys(files);
    if (paths.length > PLAN_FILES_MAX)
      context.addIssue({
        code: "custom",
        message: `${paths.length} files are more than a plan takes (${PLAN_FILES_MAX}): plan a commit or a branch`,
      });
    const both = paths.find((path) => foldersOf(path).some((folder) => Object.hasOwn(files, folder)));
    if (both !== undefined)
      context.addIssue({ code: "custom", message: `${both} lies in what is a file itself` });
  });
export type WorkingFiles = z.infer<typeof workingFilesSchema>;

function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join("/"));
}

/** What to plan: a commit or a branch of the App's Source, or a working tree. */
export const planRequestSchema = z.union([
  z.strictObject({
    commit: z.string().regex(/^[0-9a-f]{40}$/, "must be a full commit id of 40 hex digits"),
  }),
  z.strictObject({ branch: z.string().min(1).max(255) }),
  z.strictObject({ files: workingFilesSchema }),
]);
export type PlanRequest = z.infer<typeof planRequestSchema>;
