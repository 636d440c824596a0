/**
 * News as core/v1 Events. What is told again within the hour that API servers keep Events is one Event that counts; each
 * App writes so many at once and then one every five minutes, as client-go's recorders do (tools/record/events_cache.go:
 * defaultSpamBurst, defaultSpamQPS). What is over that is counted, and told with the next of its kind.
 */
import { take, type Bucket, type Rate } from "./bucket.ts";
import { digestOf } from "./digest.ts";
import type { News } from "./news.ts";
import type { KubeObject } from "./object.ts";
import { AGENT_NAMESPACE } from "./plan.ts";
import { PLACEMENT_DEFINITION } from "./shown-placement.ts";

const RATE: Rate = { burst: 25, perSecond: 1 / 300 };
const KEPT_MS = 60 * 60_000;
const COMPONENT = "fairlead-agent";
const HOLDS = { apiVersion: "v1", kind: "ConfigMap", name: "fairlead-hold" };

export interface Series {
  first: number;
  last: number;
  count: number;
}

export interface Counted {
  series: Series;
  bucket: Bucket;
  /** Whether it is to be written, or only counted. */
  writes: boolean;
}

/** Equal news are one series. */
export function seriesKey({ app = "", reason, note }: News): string {
  return digestOf([app, reason, note]);
}

/** `before` and `bucket` are undefined at first. */
export function counted(before: Series | undefined, bucket: Bucket | undefined, now: number): Counted {
  const goesOn = before !== undefined && now - before.last < KEPT_MS;
  const series = goesOn
    ? { ...before, last: now, count: before.count + 1 }
    : { first: now, last: now, count: 1 };
  const taken = take(bucket, RATE, 1, now);
  return { series, bucket: taken.bucket, writes: taken.waitMs === 0 };
}

/** `uid` is the placement's: `kubectl describe` shows Events by it. */
export function eventObject(news: News, { first, last, count }: Series, uid: string | undefined): KubeObject {
  const { app, type, reason, action, note } = news;
  const { apiVersion, kind } = PLACEMENT_DEFINITION;
  const about = app === undefined ? HOLDS : { apiVersion, kind, name: app };
  const name = `${about.name}.${digestOf([seriesKey(news), first]).slice(0, 16)}`;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace: AGENT_NAMESPACE },
    involvedObject: { ...about, namespace: AGENT_NAMESPACE, ...(uid === undefined ? {} : { uid }) },
    type,
    reason,
    action,
    message: note,
    source: { component: COMPONENT },
    reportingComponent: COMPONENT,
    firstTimestamp: timeText(first),
    lastTimestamp: timeText(last),
    count,
  };
}

function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
