/** A plan as the API answers it: outcome and field changes of each resource, bounded as a whole. */
import type { Change } from "#core/apply-plan.ts";
import { idOf } from "#core/apply-plan.ts";
import { assertNever } from "#core/assert.ts";
import type { ApplyAnswer } from "#core/view.ts";
import { resourceOf } from "./write.ts";

/** Over all resources of one answer; what is above it is counted. */
const CHANGES_MAX = 2000;

type Result = ApplyAnswer["results"][number];

/** `versions` are those after writing; before it, the stored ones are told. */
export function answerOf(
  changes: readonly Change[],
  versions: ReadonlyMap<string, number>,
  told: Omit<ApplyAnswer, "results">,
): ApplyAnswer {
  let room = CHANGES_MAX;
  const results = changes.map((change): Result => {
    const resource = resourceOf(change);
    const { kind, metadata } = resource;
    const version = versions.get(idOf(resource)) ?? change.before?.version;
    const told = outcomeOf(change, room);
    room -= told.changes?.length ?? 0;
    const isGone = change.kind === "remove" && kind !== "App";
    return {
      kind,
      project: metadata.project,
      name: metadata.name,
      ...(version === undefined || isGone ? {} : { version }),
      ...told,
    };
  });
  return { results, ...told };
}

function outcomeOf(change: Change, room: number): Pick<Result, "outcome" | "changes" | "more" | "note"> {
  switch (change.kind) {
    case "put": {
      const { outcome, diff, managedBy, before } = change;
      const changes = diff.changes.slice(0, room);
      const more = diff.more + diff.changes.length - changes.length;
      const moved = before !== undefined && before.managedBy !== managedBy;
      return {
        outcome,
        ...(changes.length === 0 ? {} : { changes }),
        ...(more === 0 ? {} : { more }),
        ...(moved
          ? { note: `managed by ${managedBy ?? "nobody"} now, by ${before.managedBy ?? "nobody"} before` }
          : {}),
      };
    }
    case "remove":
      return change.before.resource.kind === "App"
        ? { outcome: "deleted", note: "leaves its clusters first" }
        : { outcome: "deleted" };
    case "keep":
      return { outcome: "skipped", note: change.why };
    default:
      return assertNever(change);
  }
}
