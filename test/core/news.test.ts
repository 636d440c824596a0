import { describe, expect, it } from "vitest";
import { appliedNews, driftNews, holdNews, restNews, type Rest } from "#core/news.ts";
import { counted, eventObject } from "#core/news-series.ts";
import type { Drift } from "#core/protocol.ts";

const notes = (news: readonly { reason: string; note: string }[]) =>
  news.map(({ reason, note }) => `${reason} ${note}`);
const edited = (object: string, ...paths: string[]): Drift => ({
  object,
  fields: paths.map((path) => ({ path, before: "hunter2-live", after: "hunter2-wanted" })),
  by: "kubectl-edit",
  restored: true,
});

describe(appliedNews.name, () => {
  it("counts what a release changed", () => {
    const told = appliedNews("shop", {
      release: 3,
      from: 2,
      commit: "0a1b2c",
      outcomes: { created: 1, unchanged: 4, deleted: 0 },
    });
    expect(told).toMatchObject([
      { type: "Normal", note: "release 3, commit 0a1b2c: 1 created, 4 unchanged" },
    ]);
  });
  it("is silent on the same release that found nothing to do", () => {
    expect(
      appliedNews("shop", { release: 3, from: 3, commit: "0a1b2c", outcomes: { unchanged: 4 } }),
    ).toEqual([]);
  });
});

describe(driftNews.name, () => {
  it("names fields by their paths, and never a value", () => {
    const told = driftNews("shop", [edited("Secret shop/db", "/data/password", "/data/token")], []);
    expect(notes(told)).toEqual([
      "DriftRestored Secret shop/db: /data/password, /data/token restored, changed by kubectl-edit",
    ]);
    expect(JSON.stringify(told)).not.toContain("hunter2");
  });
  it("tells of drift that is only told once", () => {
    const drift = { ...edited("ConfigMap shop/a", "/data/a"), restored: false };
    expect(driftNews("shop", [drift], [])).toMatchObject([{ type: "Warning", reason: "DriftDetected" }]);
    expect(driftNews("shop", [drift], [drift])).toEqual([]);
  });
  it("sums up what is more than five objects", () => {
    const all = Array.from({ length: 30 }, (_, index) => edited(`ConfigMap shop/c${10 + index}`, ""));
    const told = driftNews("shop", all, []);
    expect(told).toHaveLength(6);
    expect(told.at(-1)?.note).toBe("25 more objects, first ConfigMap shop/c15 was missing and is made again");
  });
});

describe(restNews.name, () => {
  const rest = (phase: Rest["phase"], message = "", generation = "1.1"): Rest => ({
    phase,
    message,
    generation,
  });
  const reasons = (before: Rest | undefined, after: Rest) =>
    restNews("shop", before, after).map(({ reason }) => reason);

  it("is silent where nothing has changed, and on what a delivery goes through", () => {
    expect(reasons(rest("failed", "a"), rest("failed", "a"))).toEqual([]);
    expect(reasons(rest("healthy", "all 3"), rest("healthy", "all 4"))).toEqual([]);
    expect(reasons(rest("healthy"), rest("progressing", "", "1.3"))).toEqual([]);
    expect(reasons(undefined, rest("applying"))).toEqual([]);
  });
  it("tells of health that was lost and came back, and of each other trouble", () => {
    expect(reasons(rest("healthy"), rest("progressing"))).toEqual(["Unhealthy"]);
    expect(reasons(rest("progressing"), rest("healthy"))).toEqual(["Healthy"]);
    expect(reasons(rest("failed", "a"), rest("failed", "b"))).toEqual(["Failed"]);
    expect(reasons(undefined, rest("refused", "a"))).toEqual(["Refused"]);
  });
  it("passes on of a Secret that is refused only the word for it", () => {
    const message = '2 objects failed, first Secret shop/db: Invalid: data.pin: Invalid value: "4711"';
    const [told] = restNews("shop", undefined, rest("failed", message));
    expect(told?.note).toBe("2 objects failed, first Secret shop/db: Invalid");
  });
  it("strikes out what looks like a secret, and keeps to the API server's limit", () => {
    const [told] = restNews("shop", undefined, rest("failed", `password=hunter2 ${"语".repeat(2_000)}`));
    expect(told?.note).toContain("password=***");
    expect(Buffer.byteLength(told?.note ?? "")).toBeLessThanOrEqual(1_024);
  });
});

describe(holdNews.name, () => {
  const hold = { until: Date.UTC(2026, 0, 2), reason: "payday" };
  it("tells of a hold that is new or over, and of no other", () => {
    const news = holdNews({ apps: { db: hold, shop: hold } }, { all: hold, apps: { db: hold } });
    expect(news.map(({ app, reason }) => [app, reason])).toEqual([
      [undefined, "Held"],
      ["shop", "Released"],
    ]);
    expect(news[0]?.note).toBe("held until 2026-01-02 00:00 UTC: payday");
  });
});

describe(counted.name, () => {
  it("makes one Event of what is told again within the hour", () => {
    const news = { app: "shop", type: "Warning", reason: "Failed", action: "Apply", note: "no" } as const;
    const one = counted(undefined, undefined, 1_000);
    const two = counted(one.series, one.bucket, 61_000);
    const [first, second] = [one, two].map(({ series }) => eventObject(news, series, "u1"));
    expect(second?.metadata.name).toBe(first?.metadata.name);
    expect(second).toMatchObject({ count: 2, lastTimestamp: "1970-01-01T00:01:01Z" });
    const late = counted(two.series, two.bucket, 61_000 + 3_600_000);
    expect(late.series.count).toBe(1);
    expect(eventObject(news, late.series, "u1").metadata.name).not.toBe(first?.metadata.name);
  });
  it("writes 25 at once and then one in five minutes, and counts all", () => {
    let last = counted(undefined, undefined, 0);
    const written = [last.writes];
    for (let second = 1; second < 3_600; second += 1) {
      last = counted(last.series, last.bucket, second * 1_000);
      written.push(last.writes);
    }
    expect(written.slice(0, 26).filter(Boolean)).toHaveLength(25);
    expect(written.filter(Boolean)).toHaveLength(25 + 11);
    expect(last.series.count).toBe(3_600);
  });
});
