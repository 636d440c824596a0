/**
 * A placement as people in the cluster see it: the definition of the kind, and the status of one App. Bounded in size,
 * and without a ticking time, so that equal states are equal objects.
 */
import * as z from "zod";
import type { Rest } from "./news.ts";
import { AGENT_NAMESPACE } from "./plan.ts";
import type { KubeObject } from "./object.ts";
import { PHASES, type PlacementReport } from "./protocol.ts";
import { sentence } from "./text.ts";

const FAILURES_MAX = 10;
const DRIFTS_MAX = 10;
const COMMIT_CHARS = 12;
const GROUP = "fairlead.dev";
const VERSION = "v1";
const KIND = "Placement";
const LABEL = "fairlead.dev/placement";
/** Grows with the definition below, so that an agent knows whether it has to write it. */
const REVISION = "2";
const REVISION_ANNOTATION = "fairlead.dev/revision";

const text = (description: string) => ({ type: "string", description });
const whole = (description: string) => ({ type: "integer", format: "int64", description });
const pairs = (description: string, names: readonly string[]) => ({
  type: "array",
  description,
  items: { type: "object", properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])) },
});

const STATUS = {
  type: "object",
  properties: {
    phase: text(
      "As the agent reports it: received, applying, progressing, healthy, failed, refused, orphaned.",
    ),
    message: text("One sentence on the phase."),
    release: whole("The release in force."),
    commit: text("What was committed that it was made of, in short."),
    generation: text("Epoch and number of the statement in force."),
    bundle: text("SHA-256 of the bundle in force."),
    objects: whole("How many objects the bundle holds."),
    drift: whole("How many of them differ, or were restored last."),
    drifted: pairs("Some of those, and who changed them.", ["object", "by"]),
    failures: pairs("What could not be applied, and why.", ["object", "reason"]),
  },
};

const DEFINITION: KubeObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `placements.${GROUP}`, annotations: { [REVISION_ANNOTATION]: REVISION } },
  spec: {
    group: GROUP,
    scope: "Namespaced",
    names: { kind: KIND, listKind: "PlacementList", plural: "placements", singular: "placement" },
    versions: [
      {
        name: VERSION,
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [
          { name: "Release", type: "integer", jsonPath: ".status.release" },
          { name: "Commit", type: "string", jsonPath: ".status.commit" },
          { name: "Phase", type: "string", jsonPath: ".status.phase" },
          { name: "Drift", type: "integer", jsonPath: ".status.drift" },
          { name: "Objects", type: "integer", jsonPath: ".status.objects" },
          { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
          { name: "Message", type: "string", jsonPath: ".status.message" },
        ],
        schema: {
          openAPIV3Schema: {
            type: "object",
            description:
              "What the Fairlead agent holds of one App. Written by the agent; edits change nothing.",
            properties: { spec: { type: "object" }, status: STATUS },
          },
        },
      },
    ],
  },
};

export const PLACEMENT_DEFINITION = {
  apiVersion: `${GROUP}/${VERSION}`,
  kind: KIND,
  label: LABEL,
  definition: DEFINITION,
  revision: REVISION,
  revisionAnnotation: REVISION_ANNOTATION,
};

export function placementObject(app: string): KubeObject {
  const labels = { "app.kubernetes.io/managed-by": "fairlead", [LABEL]: app };
  return {
    apiVersion: PLACEMENT_DEFINITION.apiVersion,
    kind: KIND,
    metadata: { name: app, namespace: AGENT_NAMESPACE, labels },
  };
}

export type ShownStatus = Record<string, unknown>;

/** Enough to find it, in a column. */
export function shortCommit(commit: string): string {
  return sentence(commit).slice(0, COMMIT_CHARS);
}

export function shownStatus(report: Omit<PlacementReport, "seq">, commit: string | undefined): ShownStatus {
  const { phase, message, release, epoch, generation, bundle, objects, driftTotal } = report;
  const failures = report.failures
    .slice(0, FAILURES_MAX)
    .map(({ object, reason }) => ({ object: sentence(object), reason: sentence(reason) }));
  const drifted = report.drift.slice(0, DRIFTS_MAX).map(({ object, by }) => ({
    object: sentence(object),
    ...(by === undefined ? {} : { by: sentence(by) }),
  }));
  return {
    phase,
    message: sentence(message),
    release,
    ...(commit === undefined ? {} : { commit: shortCommit(commit) }),
    generation: `${epoch}.${generation}`,
    ...(bundle === undefined ? {} : { bundle }),
    objects,
    drift: driftTotal,
    drifted,
    failures,
  };
}

const restSchema = z.object({ phase: z.enum(PHASES), message: z.string(), generation: z.string() });

/** What was shown last; undefined where that cannot be read. */
export function shownRest(live: KubeObject): Rest | undefined {
  return restSchema.safeParse(live["status"]).data;
}
