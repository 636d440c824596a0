/**
 * The outbox rule: which facts a change of the table is. Plain over plain; a change that says nothing new is no
 * fact, so a record that was written without changing anything stays silent.
 */
import type { DynamoDBRecord } from "aws-lambda";
import { assertNever } from "#core/assert.ts";
import { canonicalJson } from "#core/digest.ts";
import type { HubEvent } from "#core/event.ts";
import { placementSchema } from "#core/placement.ts";
import { releaseSchema } from "#core/release.ts";
import { rolloutSchema, type Rollout } from "#core/rollout.ts";
import { lastRead, sourceStateSchema } from "#core/source.ts";
import type { Item } from "../store/db.ts";
import { changeOf, type Change } from "./change.ts";

export function factsOf(record: DynamoDBRecord): HubEvent[] {
  const change = changeOf(record);
  return change === undefined ? [] : facts(change);
}

function facts({ kind, before, after }: Change): HubEvent[] {
  if (kind === "source-state") return sourceFacts(before, after);
  if (kind === "app") return resourceFacts("app.changed", "app", before, after);
  if (kind === "cluster") return resourceFacts("cluster.changed", "cluster", before, after);
  if (kind === "line") return lineFacts(before, after);
  if (kind === "release") return after === undefined ? [] : releaseFacts(after);
  if (kind === "rollout") return after === undefined ? [] : rolloutFacts(before, rolloutSchema.parse(after));
  if (kind === "placement") return driftFacts(before, after);
  if (kind === "drift-audit" && before === undefined && after !== undefined)
    return [
      { type: "audit.completed", detail: { project: text(after, "project"), slot: text(after, "slot") } },
    ];
  return [];
}

function sourceFacts(before: Item | undefined, after: Item | undefined): HubEvent[] {
  const [was, is] = [readOf(before), readOf(after)];
  if (is === undefined || after === undefined || was?.commit === is.commit) return [];
  return [
    {
      type: "source.changed",
      detail: { project: text(after, "project"), source: text(after, "name"), commit: is.commit },
    },
  ];
}

function readOf(item: Item | undefined) {
  return item === undefined ? undefined : lastRead(sourceStateSchema.parse(item["state"]));
}

function resourceFacts(
  type: "app.changed" | "cluster.changed",
  noun: "app" | "cluster",
  before: Item | undefined,
  after: Item | undefined,
): HubEvent[] {
  const item = after ?? before;
  if (item === undefined || before?.["version"] === after?.["version"]) return [];
  const detail = { project: text(item, "project"), [noun]: text(item, "name") };
  return [{ type, detail } as HubEvent];
}

function lineFacts(before: Item | undefined, after: Item | undefined): HubEvent[] {
  if (after?.["key"] === undefined || canonicalJson(before?.["key"] ?? null) === canonicalJson(after["key"]))
    return [];
  return [
    {
      type: "cluster.registered",
      detail: { project: text(after, "project"), cluster: text(after, "cluster") },
    },
  ];
}

function releaseFacts(after: Item): HubEvent[] {
  const { project, app, release, commit } = releaseSchema.parse(after);
  return [{ type: "release.created", detail: { project, app, release, commit } }];
}

function rolloutFacts(before: Item | undefined, after: Rollout): HubEvent[] {
  const { project, app, release, fence } = after;
  const detail = { project, app, release };
  const was = before === undefined ? undefined : rolloutSchema.parse(before);
  const found: HubEvent[] = was === undefined ? [{ type: "rollout.started", detail }] : [];
  if (after.released > (was?.released ?? 0))
    found.push({
      type: "rollout.released",
      detail: { ...detail, fence, from: was?.released ?? 0, to: after.released },
    });
  if (was !== undefined && was.state.kind !== after.state.kind) found.push(...stateFacts(after, detail));
  return found;
}

function stateFacts(
  { state }: Rollout,
  detail: { project: string; app: string; release: number },
): HubEvent[] {
  switch (state.kind) {
    case "running":
      return [];
    case "halted":
      return [{ type: "rollout.halted", detail: { ...detail, reason: state.reason } }];
    case "succeeded":
      return [{ type: "rollout.succeeded", detail }];
    case "superseded":
      return [{ type: "rollout.superseded", detail }];
    default:
      return assertNever(state);
  }
}

function driftFacts(before: Item | undefined, after: Item | undefined): HubEvent[] {
  if (after === undefined) return [];
  const { project, app, cluster, observed } = placementSchema.parse(after);
  const was = before === undefined ? undefined : placementSchema.parse(before).observed;
  if (observed === undefined || observed.drift === 0 || was?.drift === observed.drift) return [];
  return [{ type: "drift.detected", detail: { project, app, cluster, objects: observed.drift } }];
}

function text(item: Item, field: string): string {
  return String(item[field]);
}
