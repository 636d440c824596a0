import { describe, expect, it } from "vitest";
import { chainStart, pointAfter, sealBatch, type AuditRecord } from "#core/audit-record.ts";
import type { FoundPage } from "#core/audit-view.ts";
import { sha256 } from "#core/digest.ts";
import { decodeReason } from "#core/reason.ts";
import { fairlead, fixtureHub } from "./support.ts";

const record = (n: number, more: Partial<AuditRecord> = {}): AuditRecord => ({
  n,
  id: `id-${n}`,
  at: 1_800_000_000_000 + n * 1000,
  by: "user:ada@example.com",
  noun: "app",
  name: "shop",
  action: n === 1 ? "created" : "configured",
  version: n,
  changes: [{ path: "/spec/path", before: '"a"', after: '"b"' }],
  ...more,
});

describe("fairlead audit-log", () => {
  it("prints when, who, what, the change and why, over pages, and passes the filters on", async () => {
    const asked: string[] = [];
    const hub = fixtureHub();
    hub.get("/v1/projects/web/audit", (context) => {
      const query = new URL(context.req.url).search;
      asked.push(query);
      return query.includes("cursor=more")
        ? context.json({ items: [record(1, { changes: undefined, version: 1 })] })
        : context.json({ items: [record(2, { why: "for the sale", commit: "4f1c0de00" })], next: "more" });
    });
    const ran = await fairlead(hub, [
      "audit-log",
      "--project",
      "web",
      "--noun",
      "app",
      "--since",
      "2h",
      "--limit",
      "9",
    ]);
    expect(ran.err).toBe("");
    expect(ran.out.split("\n").map((line) => line.trimEnd())).toEqual([
      expect.stringMatching(/^WHEN +WHO +WHAT +DID +CHANGE +WHY$/),
      '2027-01-15T08:00:02Z   user:ada@example.com   app shop   configured   /spec/path "a" -> "b"   for the sale · 4f1c0de',
      "2027-01-15T08:00:01Z   user:ada@example.com   app shop   created      version 1",
      "",
    ]);
    expect(asked[0]).toMatch(/^\?noun=app&since=\d+&limit=9$/);
    expect(asked[1]).toMatch(/cursor=more&limit=8/);
  });

  it("says that records are missing where a batch cannot be read", async () => {
    const hub = fixtureHub();
    hub.get("/v1/projects/default/audit", (context) => context.json({ items: [], damaged: [3] }));
    const ran = await fairlead(hub, ["audit-log"]);
    expect([ran.code, ran.err]).toEqual([0, expect.stringContaining("batch 3 of the log cannot be read")]);
  });
});

describe("fairlead audit-log verify", () => {
  const sealed = (() => {
    const first = sealBatch("default", chainStart("default"), [record(1), record(2)], 0);
    const second = sealBatch("default", pointAfter(first), [record(3)], 0);
    return [first, second];
  })();
  const found = (alter: (text: string) => string = (text) => text): FoundPage["batches"] =>
    sealed.map(({ batch, text, hash }) => ({ place: batch.n, hash, text: alter(text) }));
  const head = { n: 2, hash: sealed[1]?.hash ?? "" };
  const logHub = (batches: FoundPage["batches"]) => {
    const hub = fixtureHub();
    hub.get("/v1/projects/default/audit/batches", (context) => {
      const after = Number(context.req.query("after"));
      const page = batches.filter(({ place }) => place === after + 1);
      return context.json({
        batches: page,
        ...(after + 1 < batches.length ? { next: after + 1 } : { head }),
      });
    });
    return hub;
  };

  it("checks every batch itself, and prints the head to be noted", async () => {
    const ran = await fairlead(logHub(found()), ["audit-log", "verify"]);
    expect([ran.code, ran.out]).toEqual([0, ""]);
    expect(ran.err).toContain("2 batches with 3 records: all as it was written");
    expect(ran.err).toContain(`head 2:${head.hash}`);
    const noted = ["audit-log", "verify", "--head", `2:${head.hash}`];
    expect((await fairlead(logHub(found()), noted)).code).toBe(0);
  });

  it("ends with 1 and names what was altered", async () => {
    const ran = await fairlead(logHub(found((text) => text.replace('"id-2"', '"id-9"'))), [
      "audit-log",
      "verify",
    ]);
    expect(ran.code).toBe(1);
    expect(ran.out).toMatch(/altered-record +1 +2 +record 2 \(batch 1\) \(app\/shop\) was altered/);
    expect(ran.err).toContain("2 findings");
    const later = await fairlead(logHub(found((text) => text.replace('"id-2"', '"id-9"'))), [
      "audit-log",
      "verify",
      "--after",
      "1",
    ]);
    expect([later.code, later.err]).toEqual([0, expect.stringContaining("1 batch with 1 record: all")]);
  });

  // What would break: a hub that was taken over could show a log that it wrote anew.
  it("ends with 1 when the log does not hold a head that was noted before", async () => {
    const ran = await fairlead(logHub(found()), ["audit-log", "verify", "--head", `2:${sha256("other")}`]);
    expect([ran.code, ran.out]).toEqual([
      1,
      expect.stringContaining("the noted batch 2 has another hash now"),
    ]);
    expect((await fairlead(logHub(found()), ["audit-log", "verify", "--head", "2:abc"])).code).toBe(2);
  });
});

describe("fairlead manifests", () => {
  const assigned = {
    action: "apply",
    epoch: 1,
    generation: 4,
    release: 3,
    bundle: "b".repeat(64),
    at: 1_800_000_000_000,
  };
  const object = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } });

  it("goes on with a search and with the objects until it has all, and prints YAML", async () => {
    const asked: string[] = [];
    const hub = fixtureHub();
    hub.get("/v1/projects/default/clusters/eu-1/apps/shop/manifests", (context) => {
      const { below, from, at } = context.req.query();
      asked.push(`${at} ${below} ${from}`);
      if (below === undefined) return context.json({ kind: "searching", below: 40 });
      const common = { kind: "found", record: 9, assigned, commit: "4f1c0de00", total: 2 };
      if (from === undefined) return context.json({ ...common, objects: [object("one")], next: 1 });
      return context.json({ ...common, objects: [object("two")] });
    });
    const ran = await fairlead(hub, ["manifests", "shop", "eu-1", "--at", "2027-01-15T09:00:00Z"]);
    expect([ran.code, asked.length]).toEqual([0, 3]);
    expect(ran.out.match(/name: (one|two)/g)).toEqual(["name: one", "name: two"]);
    expect(ran.err).toContain(
      "release 3 (commit 4f1c0de), generation 1.4, assigned 2027-01-15T08:00:00.000Z: 2 objects",
    );
  });
});

describe("--reason", () => {
  it("goes as a header with each change, in any language, and not with what only reads", async () => {
    const reasons: (string | undefined)[] = [];
    const hub = fixtureHub();
    hub.use(async (context, next) => {
      reasons.push(decodeReason(context.req.header("fairlead-reason")));
      await next();
    });
    hub.delete("/v1/projects/default/clusters/eu-1", (context) => context.body(null, 204));
    hub.get("/v1/projects/default/audit", (context) => context.json({ items: [] }));
    await fairlead(hub, ["delete", "cluster", "eu-1", "--reason", "Rückbau – 終了"]);
    await fairlead(hub, ["delete", "cluster", "eu-1", "--reason", "50 % less"]);
    await fairlead(hub, ["audit-log", "--reason", "none"]);
    expect(reasons).toEqual(["Rückbau – 終了", "50 % less", undefined]);
  });
});
