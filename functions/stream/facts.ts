/**
 * The outbox rule: which facts a change of the table is. Plain over plain; a change that says nothing new is no
 * fact, so a record that was written without changing anything stays silent.
 */
import type { DynamoDBRecord } from "aws-lambda";
import { assertNever } from "#core/assert.ts";
import { minorOf } from "#core/capabilities.ts";
import { canonicalJson } from "#core/digest.ts";
import type { HubEvent } from "#core/event.ts";
import { clusterHoldSchema, type Hold } from "#core/hold.ts";
import { placementSchema } from "#core/placement.ts";
import { releaseSchema } from "#core/release.ts";
import {
  askedGates,
  DIRECT_RANKS_MAX,
  freshOut,
  isOver,
  RANKS_PER_RANGE,
  rangesOf,
  type Rollout,
} from "#core/rollout.ts";
import { lastRead, sourceStateSchema } from "#core/source.ts";
import type { Item } from "../store/db.ts";
import { servedSchema } from "../store/served.ts";
import { rolloutOfItem } from "../store/rollout.ts";
import { changeOf, type Change } from "./change.ts";
import { promotionFacts } from "./promotion-facts.ts";

export function factsOf(record: DynamoDBRecord): HubEvent[] {
  const change = changeOf(record);
  return change === undefined ? [] : facts(change);
}

function facts({ kind, before, after }: Change): HubEvent[] {
  if (kind === "source-state") return sourceFacts(before, after);
  if (kind === "nudge") return nudgeFacts(before, after);
  if (kind === "project") return projectFacts(before, after);
  if (kind === "policy") return resourceFacts("policy.changed", "policy", before, after);
  if (kind === "promotion") return resourceFacts("promotion.changed", "promotion", before, after);
  if (kind === "promotion-state") return after === undefined ? [] : promotionFacts(before, after);
  if (kind === "app") return resourceFacts("app.changed", "app", before, after);
  if (kind === "cluster") return resourceFacts("cluster.changed", "cluster", before, after);
  if (kind === "served") return servedFacts(before, after);
  if (kind === "line") return lineFacts(before, after);
  if (kind === "hold") return after === undefined ? [] : holdFacts(before, after);
  if (kind === "release") return after === undefined ? [] : releaseFacts(after);
  if (kind === "rollout") return after === undefined ? [] : rolloutFacts(before, after);
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

function nudgeFacts(before: Item | undefined, after: Item | undefined): HubEvent[] {
  if (after === undefined || before?.["at"] === after["at"]) return [];
  return [
    { type: "source.nudged", detail: { project: text(after, "project"), source: text(after, "source") } },
  ];
}

function readOf(item: Item | undefined) {
  return item === undefined ? undefined : lastRead(sourceStateSchema.parse(item["state"]));
}

function projectFacts(before: Item | undefined, after: Item | undefined): HubEvent[] {
  const item = after ?? before;
  if (item === undefined || before?.["version"] === after?.["version"]) return [];
  return [{ type: "project.changed", detail: { project: text(item, "name") } }];
}

function resourceFacts(
  type: "app.changed" | "cluster.changed" | "policy.changed" | "promotion.changed",
  noun: "app" | "cluster" | "policy" | "promotion",
  before: Item | undefined,
  after: Item | undefined,
): HubEvent[] {
  const item = after ?? before;
  if (item === undefined || before?.["version"] === after?.["version"]) return [];
  const detail = { project: text(item, "project"), [noun]: text(item, "name") };
  return [{ type, detail } as HubEvent];
}

function servedFacts(before: Item | undefined, after: Item | undefined): HubEvent[] {
  if (after === undefined) return [];
  const [was, is] = [
    before === undefined ? undefined : servedSchema.parse(before),
    servedSchema.parse(after),
  ];
  if (was?.apis === is.apis && minorOf(was?.kubernetes ?? "") === minorOf(is.kubernetes ?? "")) return [];
  return [{ type: "cluster.served", detail: { project: is.project, cluster: is.cluster } }];
}

function lineFacts(before: Item | undefined, after: Item | undefined): HubEvent[] {
  if (after === undefined) return [];
  const detail = { project: text(after, "project"), cluster: text(after, "cluster") };
  const found: HubEvent[] = [];
  if (after["revoked"] === true && before?.["revoked"] !== true)
    found.push({ type: "cluster.revoked", detail });
  if (after["twiceAt"] !== undefined && before?.["twiceAt"] !== after["twiceAt"])
    found.push({ type: "cluster.duplicated", detail });
  const [was, is] = [before?.["key"], after["key"]];
  if (is === undefined || canonicalJson(was ?? null) === canonicalJson(is)) return found;
  // Only a rotation keeps the key of before for a while.
  if (after["previous"] !== undefined) return [...found, { type: "cluster.rotated", detail }];
  return [...found, { type: "cluster.registered", detail: { ...detail, replaced: was !== undefined } }];
}

/** Each hold that is new or was changed; one that is lifted or over is no fact. */
function holdFacts(before: Item | undefined, after: Item): HubEvent[] {
  const detail = { project: text(after, "project"), cluster: text(after, "cluster") };
  const [was, is] = [holdsIn(before), holdsIn(after)];
  return [...is].flatMap(([name, { app, hold }]) =>
    canonicalJson(was.get(name)?.hold ?? null) === canonicalJson(hold)
      ? []
      : [{ type: "cluster.held", detail: { ...detail, ...hold, ...(app === undefined ? {} : { app }) } }],
  );
}

function holdsIn(item: Item | undefined): Map<string, { hold: Hold; app?: string }> {
  const { person, agent } = item === undefined ? {} : clusterHoldSchema.parse(item);
  const apps = Object.entries(agent?.apps ?? {}).map(([app, hold]) => [`app ${app}`, { app, hold }] as const);
  return new Map<string, { hold: Hold; app?: string }>([
    ...(person === undefined ? [] : [["person", { hold: person }] as const]),
    ...(agent?.all === undefined ? [] : [["agent", { hold: agent.all }] as const]),
    ...apps,
  ]);
}

function releaseFacts(after: Item): HubEvent[] {
  const { project, app, release, commit } = releaseSchema.parse(after);
  return [{ type: "release.created", detail: { project, app, release, commit } }];
}

function rolloutFacts(before: Item | undefined, item: Item): HubEvent[] {
  const after = rolloutOfItem(item);
  const { project, app, release, fence } = after;
  const detail = { project, app, release };
  const was = before === undefined ? undefined : rolloutOfItem(before);
  const found = startFacts(was, after, detail);
  const fresh = freshOut(was, after);
  // Fewer were assigned by who released them.
  for (const range of fresh.length > DIRECT_RANKS_MAX ? rangesOf(fresh, RANKS_PER_RANGE) : [])
    found.push({ type: "rollout.released", detail: { ...detail, fence, ...range } });
  if (was !== undefined && was.state.kind !== after.state.kind) found.push(...stateFacts(after, detail));
  else if (was !== undefined) found.push(...stageFacts(was, after, detail));
  if (was !== undefined && isAskedAgain(was, after)) found.push(...stateFacts(after, detail));
  for (const { stage, gate, attempt } of askedGates(was, after))
    found.push({ type: "rollout.gate.asked", detail: { ...detail, stage, gate, attempt } });
  if (after.returnTo !== undefined && after.returnTo !== was?.returnTo)
    found.push({ type: "app.changed", detail: { project, app } });
  // A lifted pin lets the App's newest commit be looked at again.
  if (was?.pinned === true && after.pinned !== true)
    found.push({ type: "app.changed", detail: { project, app } });
  return found;
}

function startFacts(was: Rollout | undefined, after: Rollout, detail: RolloutName): HubEvent[] {
  const { state } = after;
  if (state.kind === "withheld") {
    if (was === undefined) return [{ type: "rollout.withheld", detail: { ...detail, reason: state.reason } }];
    // The release function looks at the App again, and signs.
    const { project, app } = detail;
    return state.approved === undefined ? [] : [{ type: "app.changed", detail: { project, app } }];
  }
  const begins = was === undefined || (was.state.kind === "withheld" && !isOver(state));
  return begins ? [{ type: "rollout.started", detail }] : [];
}

function isAskedAgain(was: Rollout, { state }: Rollout): boolean {
  return (
    state.kind === "rolling-back" && was.state.kind === "rolling-back" && was.state.asked !== state.asked
  );
}

type RolloutName = { project: string; app: string; release: number };

function stageFacts(was: Rollout, after: Rollout, detail: RolloutName): HubEvent[] {
  const stepOf = ({ state }: Rollout) => (state.kind === "running" ? state.step?.kind : undefined);
  const waits = stepOf(after);
  if (after.state.kind !== "running" || (was.stage === after.stage && stepOf(was) === waits)) return [];
  const stage = after.stages[after.stage]?.name ?? "returning";
  return [
    {
      type: "rollout.stage.started",
      detail: { ...detail, stage, ...(waits === undefined ? {} : { waits }) },
    },
  ];
}

function stateFacts({ state }: Rollout, detail: RolloutName): HubEvent[] {
  switch (state.kind) {
    case "withheld":
    case "running":
    case "pending":
      return [];
    case "halted":
    case "rolling-back":
    case "rolled-back":
      return [{ type: `rollout.${state.kind}`, detail: { ...detail, reason: state.reason } }];
    case "paused":
    case "succeeded":
    case "superseded":
    case "aborted":
      return [{ type: `rollout.${state.kind}`, detail }];
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
