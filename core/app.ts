/** An App: what to render from a source, for which clusters, and how it syncs. */
import * as z from "zod";
import { approvalSpecSchema } from "./approval.ts";
import { chartSchema } from "./chart.ts";
import { durationSchema } from "./duration.ts";
import { GATES_CHARS_MAX, gatesSchema } from "./gate.ts";
import { healthRulesSchema } from "./health-rule.ts";
import { CLUSTERS_BUDGET_DEFAULT, DELETES_BUDGET_DEFAULT, IGNORE_BYTES_MAX } from "./limits.ts";
import { API_VERSION, metadataSchema, nameSchema } from "./metadata.ts";
import { orderedChecksSchema } from "./object-check.ts";
import { windowSpecsSchema } from "./rollout/calendar.ts";
import { selectorSchema } from "./selector.ts";
import { serviceAccountSchema } from "./service-account.ts";

const ignoreSchema = z.strictObject({
  paths: z
    .array(z.string().startsWith("/", "must be a JSON pointer such as /spec/replicas").max(500))
    .min(1)
    .max(50),
  kinds: z.array(z.string().min(1).max(100)).max(50).optional(),
});

/** Every option here stands in the signed statement: a hub's row cannot loosen one. */
export const syncSchema = z.strictObject({
  prune: z.boolean().default(true),
  drift: z.enum(["correct", "report"]).default("correct"),
  /** Fields of the bundle that another manager owns: taken, or a failure. */
  conflicts: z.enum(["take", "fail"]).default("take"),
  /** An object whose change is refused because a field is immutable is deleted and made again. */
  force: z.boolean().default(false),
  /** Nothing is applied and nothing compared. */
  suspend: z.boolean().default(false),
  adopt: z.boolean().default(false),
  deletion: z.enum(["delete", "orphan"]).default("delete"),
  ignore: z.array(ignoreSchema).max(50).default([]),
  /** Whose rights its objects are read and written with; absent: the agent's own. */
  serviceAccount: serviceAccountSchema.optional(),
});

/**
 * What is signed: the App's options, with what else of it the agent obeys. Absent where nothing is said, so that an agent
 * that does not know it goes on with every App that does not use it, and refuses one that does.
 */
export const orderedSyncSchema = syncSchema.extend({
  health: healthRulesSchema.optional(),
  /** Of the gates of the cluster's stage. */
  checks: orderedChecksSchema.optional(),
});
export type SyncOptions = z.infer<typeof orderedSyncSchema>;

const countOrPercent = z.union([
  z.number().int().min(1, "must be at least 1: 0 would never move a cluster"),
  z.string().regex(/^([1-9]|[1-9]\d|100)%$/, "must be a count from 1 or a percentage from 1% to 100%"),
]);

const SOAK_MS_MAX = 14 * 86_400_000;
const STAGES_MAX = 20;
const DEPENDENCIES_MAX = 20;

const stageSchema = z.strictObject({
  name: nameSchema,
  /** The first stage that matches holds a cluster; those that none matches are the last stage, `rest`. */
  clusters: selectorSchema,
  /** Of this stage; absent: as for the whole rollout. */
  maxUnavailable: countOrPercent.optional(),
  maxConcurrent: countOrPercent.optional(),
  /** All of the stage has to stay healthy for this long. */
  soak: durationSchema(1000, SOAK_MS_MAX).optional(),
  /** Judged while its clusters soak and after that; all have to pass before an approval is asked for. */
  gates: gatesSchema.optional(),
  approval: approvalSpecSchema.optional(),
  /** Instead of the whole rollout's; an empty list: at any time. */
  windows: windowSpecsSchema.optional(),
});

const mostOf = z.number().int().min(0).max(100_000);

/** What a release may make vanish without an approval: on each cluster, and `clusters` that the App is taken off. */
const budgetSchema = z.strictObject({
  deletes: mostOf.default(DELETES_BUDGET_DEFAULT),
  namespaces: mostOf.default(0),
  crds: mostOf.default(0),
  clusters: z.union([z.literal(0), countOrPercent]).default(CLUSTERS_BUDGET_DEFAULT),
});

const rolloutSpecSchema = z.strictObject({
  stages: z
    .array(stageSchema)
    .max(STAGES_MAX)
    .refine((stages) => new Set(stages.map(({ name }) => name)).size === stages.length, {
      message: "hold two of one name: an approval would count for both",
    })
    .refine((stages) => stages.every(({ name }) => name !== "rest" && name !== "returning"), {
      message:
        "may not be named rest or returning: these are made of what no stage holds, and of silent clusters",
    })
    .refine((stages) => JSON.stringify(stages.map(({ gates = [] }) => gates)).length <= GATES_CHARS_MAX, {
      message: `hold gates of more than ${GATES_CHARS_MAX} characters: let Prometheus record what is long to ask for`,
    })
    .default([]),
  /** When clusters may move; none: at any time. */
  windows: windowSpecsSchema.optional(),
  maxUnavailable: countOrPercent.default("100%"),
  /** So many failed clusters stop the rollout. */
  maxFailures: countOrPercent.default(1),
  onFailure: z.enum(["rollback", "halt"]).default("halt"),
  /** A newer release waits for the rollout under way, or takes its place. */
  supersede: z.enum(["queue", "replace"]).default("replace"),
  progressDeadline: durationSchema(1000, 86_400_000).default("10m"),
  budget: budgetSchema.prefault({}),
});

/** Values are what Helm takes from a values file; texts in them and file names may hold `${cluster.…}`. */
const helmSchema = z.strictObject({
  valuesFiles: z.array(z.string().min(1).max(500)).max(50).default([]),
  values: z.record(z.string(), z.json()).default({}),
});

/** Where people put what they share, and Jsonnet's package managers what they fetch. */
export const JSONNET_LIBRARIES = ["lib", "vendor"] as const;

const jsonnetValues = z
  .record(z.string().regex(/^[A-Za-z_]\w{0,99}$/, "must be a name such as replicas"), z.json())
  .default({});

/** Texts in the values may hold `${cluster.…}`. */
const jsonnetSchema = z.strictObject({
  /** Arguments of `main.jsonnet`, where that is a function. */
  tlas: jsonnetValues,
  /** What `std.extVar` gives. */
  extVars: jsonnetValues,
});

const overrideSchema = z.strictObject({
  clusters: selectorSchema,
  path: z.string().max(500).optional(),
  helm: helmSchema.optional(),
  jsonnet: jsonnetSchema.optional(),
});

const specSchema = z.strictObject({
  source: nameSchema,
  /** The folder to render; with `chart` the one that values files are relative to. */
  path: z.string().max(500).default("."),
  /** A chart from a Helm repository or an OCI registry, instead of what lies in `path`. */
  chart: chartSchema.optional(),
  namespace: nameSchema.default("default"),
  clusters: selectorSchema,
  /** For a chart, in the folder or by `chart`. Values files are relative to `path`, or start with `/` at the repository's root. */
  helm: helmSchema
    .extend({
      /** `.Release.Name`; the App's own name where absent. Helm allows 53 characters. */
      release: nameSchema.max(53, "must have at most 53 characters: Helm takes no more").optional(),
      skipCrds: z.boolean().default(false),
    })
    .optional(),
  /** For a folder with a `main.jsonnet`. */
  jsonnet: jsonnetSchema
    .extend({
      /** Folders from the root of the repository, looked through for imports that do not lie beside who asks. */
      libs: z
        .array(z.string().min(1).max(500))
        .max(20)
        .default([...JSONNET_LIBRARIES]),
    })
    .optional(),
  /** Put `${cluster.…}` into the rendered objects' texts too. */
  variables: z.boolean().default(false),
  /** What differs for some clusters. */
  overrides: z.array(overrideSchema).max(100).default([]),
  overrideMode: z.enum(["first", "all"]).default("first"),
  /** Apps of the project that have to be healthy on a cluster before this one moves there. */
  dependsOn: z.array(nameSchema).max(DEPENDENCIES_MAX).optional(),
  rollout: rolloutSpecSchema.prefault({}),
  sync: syncSchema
    .refine(({ ignore }) => new TextEncoder().encode(JSON.stringify(ignore)).length <= IGNORE_BYTES_MAX, {
      path: ["ignore"],
      message: `takes more than ${IGNORE_BYTES_MAX} bytes, all of which stand in each signed statement: name kinds and paths that cover more at once`,
    })
    .prefault({}),
  /** When objects of a kind are healthy, in place of the rules that are built in. */
  health: healthRulesSchema.optional(),
});

/** A path that nothing would be read from is a mistake: told, not passed over. */
function fits({ chart, path, helm, overrides }: z.infer<typeof specSchema>, context: z.RefinementCtx): void {
  if (chart === undefined) return;
  const files = [helm, ...overrides.map((one) => one.helm)].some((one) => (one?.valuesFiles.length ?? 0) > 0);
  const field = path === "." ? overrides.findIndex((one) => one.path !== undefined) : -1;
  if (files || (path === "." && field === -1)) return;
  context.addIssue({
    code: "custom",
    path: field === -1 ? ["path"] : ["overrides", field, "path"],
    message:
      "names a folder, and spec.chart comes from a chart repository: take one of the two, or name files of the folder in spec.helm.valuesFiles",
  });
}

export const appSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("App"),
  metadata: metadataSchema,
  spec: specSchema.superRefine(fits),
});
export type App = z.infer<typeof appSchema>;
