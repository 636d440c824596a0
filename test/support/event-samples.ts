/**
 * A sample of every fact, as the bus carries it, and the functions that it is meant for: whoever adds a fact has to say here who is
 * woken by it. And records of the table's stream, with who follows them.
 */
import { marshall } from "@aws-sdk/util-dynamodb";
import { hubEventSchema, type EventType, type HubEvent } from "#core/event.ts";
import { toEntry } from "../../functions/bus/event.ts";

type Detail<T extends EventType> = Extract<HubEvent, { type: T }>["detail"];
type Routes = { [T in EventType]: { to: readonly string[]; detail: Detail<T> } };

const app = { project: "web", app: "shop" };
const rollout = { ...app, release: 3 };
const cluster = { project: "web", cluster: "eu-1" };
const promotion = { project: "web", promotion: "to-prod" };
const opened = { ...promotion, release: 3, url: "https://git.example.com/acme/fleet/pulls/7" };
const reason = "2 clusters failed";

/** By the name that SST gives a function. */
const RELEASE = ["Release"];
const PROMOTE = ["Promote"];
/** Told for people, and for rules of their own. */
const NOBODY: readonly string[] = [];

const routes: Routes = {
  "source.changed": { to: RELEASE, detail: { project: "web", source: "fleet", commit: "c0ffee" } },
  "project.changed": { to: RELEASE, detail: { project: "web" } },
  "policy.changed": { to: RELEASE, detail: { project: "web", policy: "no-latest" } },
  "app.changed": { to: RELEASE, detail: app },
  "cluster.changed": { to: RELEASE, detail: cluster },
  "cluster.served": { to: RELEASE, detail: cluster },
  "rollout.rolling-back": { to: RELEASE, detail: { ...rollout, reason } },
  "source.nudged": {
    to: ["BusSubscriberLookSourceFunction"],
    detail: { project: "web", source: "fleet" },
  },
  "rollout.released": {
    to: ["BusSubscriberAssignFunction"],
    detail: { ...rollout, fence: 2, from: 0, to: 10 },
  },
  "rollout.gate.asked": {
    to: ["BusSubscriberJudgeFunction"],
    detail: { ...rollout, stage: "canary", gate: "errors", attempt: 1 },
  },
  "rollout.succeeded": { to: PROMOTE, detail: rollout },
  "promotion.changed": { to: PROMOTE, detail: promotion },
  "promotion.asked": { to: PROMOTE, detail: { ...promotion, release: 3 } },
  "promotion.opened": { to: NOBODY, detail: opened },
  "promotion.updated": { to: NOBODY, detail: opened },
  "promotion.declined": { to: NOBODY, detail: opened },
  "promotion.landed": { to: NOBODY, detail: { ...promotion, release: 3 } },
  "promotion.failed": { to: NOBODY, detail: { ...promotion, reason } },
  "cluster.registered": { to: NOBODY, detail: { ...cluster, replaced: true } },
  "cluster.rotated": { to: NOBODY, detail: cluster },
  "cluster.revoked": { to: NOBODY, detail: cluster },
  "cluster.duplicated": { to: NOBODY, detail: cluster },
  "cluster.held": { to: NOBODY, detail: { ...cluster, app: "shop", until: 1_800_000_000_000, reason } },
  "release.created": { to: NOBODY, detail: { ...rollout, commit: "c0ffee" } },
  "rollout.started": { to: NOBODY, detail: rollout },
  "rollout.withheld": { to: NOBODY, detail: { ...rollout, reason } },
  "rollout.halted": { to: NOBODY, detail: { ...rollout, reason } },
  "rollout.superseded": { to: NOBODY, detail: rollout },
  "rollout.aborted": { to: NOBODY, detail: rollout },
  "rollout.paused": { to: NOBODY, detail: rollout },
  "rollout.stage.started": { to: NOBODY, detail: { ...rollout, stage: "canary", waits: "soaking" } },
  "rollout.rolled-back": { to: NOBODY, detail: { ...rollout, reason } },
  "drift.detected": { to: NOBODY, detail: { ...app, cluster: "eu-1", objects: 2 } },
  "audit.completed": { to: NOBODY, detail: { project: "web", slot: "2026-11-21T14" } },
};

/** What a rule of EventBridge is held against: the entry that the relay puts, and what AWS adds. */
export interface DeliveredEvent {
  source: string;
  "detail-type": string;
  detail: unknown;
}

export interface EventSample {
  type: string;
  to: readonly string[];
  event: DeliveredEvent;
}

export function eventSamples(): EventSample[] {
  return Object.entries(routes).map(([type, { to, detail }]) => {
    const { entry } = toEntry(hubEventSchema.parse({ type, detail }));
    const event = { source: entry.Source, "detail-type": entry.DetailType, detail: JSON.parse(entry.Detail) };
    return { type, to, event: delivered(event) };
  });
}

/** As much like the fact as can be, and none of the hub's. */
export function nearMisses(type: string, event: DeliveredEvent): DeliveredEvent[] {
  const { source } = event;
  const other = (change: Partial<DeliveredEvent>): DeliveredEvent => ({ ...event, ...change });
  return [
    other({ source: `${source}.other` }),
    other({ source: `aws.${source}` }),
    other({ source: source.toUpperCase() }),
    other({ "detail-type": `${type}.again` }),
    other({ "detail-type": type.toUpperCase() }),
    other({ "detail-type": type.split(".")[0] ?? "" }),
    // The type where the pattern does not look.
    other({ "detail-type": "rollout", detail: { type, "detail-type": type, detailType: type } }),
  ];
}

interface StreamSample {
  what: string;
  to: readonly string[];
  record: object;
}

/** Records of the table's stream as Lambda filters them. */
export function streamSamples(): StreamSample[] {
  const record = (eventName: string, item: Record<string, unknown>): object => ({
    eventName,
    dynamodb: { Keys: marshall({ pk: "p", sk: "s" }), NewImage: marshall({ pk: "p", sk: "s", ...item }) },
  });
  const observed = { seq: 4, phase: "healthy" };
  const assigned = { epoch: 1, generation: 2 };
  return [
    { what: "a heartbeat", to: [], record: record("MODIFY", { heardAt: 1 }) },
    { what: "a batch of the audit log", to: [], record: record("INSERT", { log: "batch", n: 1 }) },
    { what: "a resource", to: ["Relay"], record: record("INSERT", { resource: { kind: "App" } }) },
    { what: "an assignment", to: ["Relay"], record: record("MODIFY", { app: "shop", assigned }) },
    {
      what: "a report on a placement",
      to: ["Relay", "RolloutTick"],
      record: record("MODIFY", { app: "shop", assigned, observed }),
    },
    {
      what: "a word that is named as a report is",
      to: ["Relay"],
      record: record("MODIFY", { observed: "seq" }),
    },
  ];
}

const ENVELOPE = {
  version: "0",
  id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
  account: "000000000000",
  time: "2026-11-21T14:00:00Z",
  region: "us-east-1",
  resources: [],
};

function delivered(event: DeliveredEvent): DeliveredEvent {
  return {
    ...ENVELOPE,
    ...event,
  };
}
