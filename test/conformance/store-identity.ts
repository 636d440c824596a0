/**
 * The store's other half on any engine: who is who. Tokens bind once, keys and sessions end when they are told to, what
 * ages says when, secrets stand nowhere, and the audit log grows by one writer at a time.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Rule } from "#core/access.ts";
import { sealBatch, type AuditRecord } from "#core/audit-record.ts";
import type { Hub } from "../../functions/store/hub.ts";
import { KEY_OVERLAP_MS } from "#core/limits.ts";
import { sha256 } from "#core/digest.ts";
import {
  askRotation,
  getAgentIdentity,
  registerKey,
  revokeKey,
  rotateKey,
} from "../../functions/store/agent-key.ts";
import { retirePrevious } from "../../functions/store/line.ts";
import {
  deleteApiToken,
  getApiToken,
  getApiTokenEntry,
  keepApiToken,
  pageApiTokens,
  putApiToken,
  type ApiToken,
} from "../../functions/store/api-token.ts";
import {
  appendBatch,
  batchesDown,
  batchesUp,
  getLogBatch,
  getLogCursors,
  getLogTip,
} from "../../functions/store/audit-log.ts";
import { bootstrapRedemption, putBootstrap } from "../../functions/store/bootstrap.ts";
import {
  deleteBeat,
  existingClusters,
  getBeats,
  hear,
  isSilent,
  listBeats,
  putBeat,
  putToken,
  redeemToken,
} from "../../functions/store/cluster.ts";
import {
  deleteCredential,
  getCredential,
  listCredentials,
  putCredential,
} from "../../functions/store/credential.ts";
import { ensureCursorKey, findCursorKey } from "../../functions/store/cursor-key.ts";
import { putDelivery, wasDelivered } from "../../functions/store/delivery.ts";
import { deleteHold, getHold, putHold } from "../../functions/store/hold.ts";
import { findHub, getHub } from "../../functions/store/hub.ts";
import { endImport, noteSigning, putHub, raiseFormat } from "../../functions/store/hub-write.ts";
import { getLine, noteTwice } from "../../functions/store/line.ts";
import { getNudge, listNudges, putNudge } from "../../functions/store/nudge.ts";
import { deleteResource, getResource, putResource, type Stored } from "../../functions/store/resource.ts";
import { deleteServed, documentsOf, getServed, listServed, putServed } from "../../functions/store/served.ts";
import { deleteSession, getSession, putSession, type Session } from "../../functions/store/session.ts";
import { FORMAT } from "../../functions/store/format.ts";
import { guarded } from "../../functions/store/guard.ts";
import { keys } from "../../functions/store/table.ts";
import {
  countOf,
  freshProject,
  openStore,
  publicKey,
  race,
  resource,
  stamp,
  type StoreEngine,
  type StoreUnderTest,
} from "./store-parts.ts";

const NOW = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

/** Registers the suite inside the caller's `describe`. */
export function identityConformance(start: () => Promise<StoreEngine>): void {
  let store: StoreUnderTest;
  beforeAll(async () => {
    store = await openStore(start);
  }, 300_000);
  afterAll(() => store?.stop());
  const db = () => store.db;

  async function cluster(): Promise<string> {
    const project = freshProject();
    await putResource(db(), resource("Cluster", project, "a"), stamp);
    return project;
  }
  const line = (project: string) => getLine(db(), project, "a", { consistent: true });

  describe("registration tokens", () => {
    it("bind to one of many keys; that one may repeat, until its time is up", async () => {
      const project = await cluster();
      await putToken(db(), project, "a", "secret-1", NOW + HOUR_MS);
      const redeem = (letter: string, now = NOW) => redeemToken(db(), "secret-1", publicKey(letter), now);
      const outcomes = await race((n) => redeem("abcdefgh"[n] ?? "z"));
      expect(outcomes.filter(({ kind }) => kind === "redeemed")).toHaveLength(1);
      const winner = (await line(project))?.key;
      if (winner === undefined) throw new Error("nobody won");
      expect(await redeemToken(db(), "secret-1", winner, NOW)).toMatchObject({ kind: "redeemed" });
      expect(await redeemToken(db(), "secret-1", winner, NOW + HOUR_MS + 1)).toMatchObject({
        kind: "refused",
      });
      expect(await redeemToken(db(), "other", winner, NOW)).toMatchObject({ kind: "refused" });
    });

    it("age by TTL and hold no secret", async () => {
      const project = await cluster();
      await putToken(db(), project, "a", "secret-2", NOW + HOUR_MS);
      const item = await store.raw(keys.token(sha256("secret-2")));
      expect(item).toMatchObject({ expires: (NOW + HOUR_MS) / 1000 });
      expect(JSON.stringify(item)).not.toContain("secret-2");
    });

    it("are worth nothing for a cluster that is gone", async () => {
      const project = await cluster();
      await putToken(db(), project, "a", "secret-3", NOW + HOUR_MS);
      await deleteResource(db(), (await getResource(db(), "Cluster", project, "a")) as Stored, stamp);
      expect(await redeemToken(db(), "secret-3", publicKey("a"), NOW)).toMatchObject({ kind: "refused" });
      expect(await line(project)).toBeUndefined();
    });
  });

  describe("agent keys", () => {
    const register = (project: string, letter: string, revocations = 0) =>
      registerKey(db(), project, "a", { key: publicKey(letter), revocations, stamp, now: NOW });

    it("register, rotate with an overlap, and end when revoked; tokens of before end with them", async () => {
      const project = await cluster();
      expect(await register(project, "a")).toBe("registered");
      expect(await register(project, "a")).toBe("already");
      const rotate = (by: string, next: string, now = NOW) =>
        rotateKey(db(), project, "a", { by: publicKey(by).x, next: publicKey(next), stamp, now });
      expect(await askRotation(db(), project, "a", stamp)).toBe("asked");
      expect((await line(project))?.rotate).toBe(true);
      expect(await rotate("x", "b")).toBe("refused");
      expect(await rotate("a", "b")).toBe("rotated");
      expect(await rotate("a", "b")).toBe("already");
      expect(await line(project)).toMatchObject({
        key: publicKey("b"),
        previous: publicKey("a").x,
        previousUntil: NOW + KEY_OVERLAP_MS,
      });
      const held = await line(project);
      if (held === undefined) throw new Error("no line");
      await retirePrevious(db(), held);
      expect((await line(project))?.previous).toBeUndefined();
      expect(await revokeKey(db(), project, "a", stamp, NOW)).toBe("revoked");
      expect((await line(project))?.key).toBeUndefined();
      expect(await register(project, "c", 0)).toBe("old token");
      expect(await register(project, "b", 1)).toBe("revoked key");
      expect(await register(project, "c", 1)).toBe("registered");
      expect(await getAgentIdentity(db(), project, "a")).toMatchObject({ event: "registered", stamp });
    });

    it("of many rotations at once keep one, and tell every other", async () => {
      const project = await cluster();
      await register(project, "a");
      const outcomes = await race((n) =>
        rotateKey(db(), project, "a", {
          by: publicKey("a").x,
          next: publicKey("bcdefghi"[n] ?? "z"),
          stamp,
          now: NOW,
        }),
      );
      const rotated = countOf(outcomes, "rotated");
      expect(rotated).toBeGreaterThan(0);
      // Within the overlap the replaced key may still rotate: each win is a version of its own.
      expect((await getAgentIdentity(db(), project, "a"))?.version).toBe(1 + rotated);
    });

    it("are told nothing of a cluster that is gone", async () => {
      const project = freshProject();
      expect(await register(project, "a")).toBe("absent");
      expect(await revokeKey(db(), project, "a", stamp, NOW)).toBe("absent");
      expect(await askRotation(db(), project, "a", stamp)).toBe("no key");
      expect(await getAgentIdentity(db(), project, "a")).toBeUndefined();
    });
  });

  describe("heartbeats", () => {
    it("are one write while one process beats, and tell two that take turns", async () => {
      const project = await cluster();
      const held = await line(project);
      if (held === undefined) throw new Error("no line");
      await hear(db(), held, "run-1", NOW);
      store.units();
      await hear(db(), held, "run-1", NOW + 1);
      expect(store.units()).toEqual({ update: 1 });
      await hear(db(), held, "run-2", NOW + 2);
      await hear(db(), held, "run-1", NOW + 2 * HOUR_MS);
      expect((await line(project))?.twiceAt).toBe(NOW + 2 * HOUR_MS);
      await noteTwice(db(), held, NOW + 2 * HOUR_MS + 1);
      expect((await line(project))?.twiceAt).toBe(NOW + 2 * HOUR_MS);
    });

    it("are read by name and all together, and forget what ran under another key", async () => {
      const project = await cluster();
      await putBeat(db(), project, "a", NOW, { agent: "1.0" });
      await putBeat(db(), project, "b", NOW);
      expect([...(await listBeats(db(), project)).keys()].sort()).toEqual(["a", "b"]);
      const beats = await getBeats(db(), project, ["a", "none"]);
      await putResource(db(), resource("Cluster", project, "there"), stamp);
      expect(await existingClusters(db(), project, ["there", "gone"])).toEqual(new Set(["there"]));
      expect(beats.get("a")).toMatchObject({ heardAt: NOW, agent: "1.0" });
      expect(isSilent(beats.get("none"), NOW)).toBe(true);
      expect(isSilent(beats.get("a"), NOW + 1)).toBe(false);
      await deleteBeat(db(), project, "a");
      expect((await listBeats(db(), project)).size).toBe(1);
    });
  });

  describe("what holds a cluster", () => {
    const stamp = { by: "user:ada" };
    const person = { until: NOW + HOUR_MS, reason: "payday" };
    const place = (project: string) => ({ project, cluster: "a" });

    it("is written by who read what is there, and read with the heartbeat", async () => {
      const project = freshProject();
      await putBeat(db(), project, "a", NOW, { agent: "1.0" });
      expect(await getHold(db(), project, "a")).toBeUndefined();
      expect(await putHold(db(), place(project), { person, stamp }, undefined)).toBe("written");
      expect(await putHold(db(), place(project), { stamp }, undefined)).toBe("lost");
      const was = await getHold(db(), project, "a");
      expect(was).toEqual({ ...place(project), version: 1, stamp, person });
      const beat = (await getBeats(db(), project, ["a"])).get("a");
      expect(beat).toMatchObject({ heardAt: NOW, agent: "1.0", holds: { person } });
      const agent = { all: { until: NOW, reason: "x" }, apps: {} };
      expect(await putHold(db(), place(project), { agent, seq: 3, stamp }, was)).toBe("written");
      expect(await putHold(db(), place(project), { stamp }, was)).toBe("lost");
      await putBeat(db(), project, "a", NOW + 1);
      expect((await getBeats(db(), project, ["a"])).get("a")).toMatchObject({
        heardAt: NOW + 1,
        holds: { agent },
      });
      expect(await getHold(db(), project, "a")).toMatchObject({ version: 2, seq: 3 });
      await deleteHold(db(), project, "a");
      expect(await getHold(db(), project, "a")).toBeUndefined();
    });

    it("makes no heartbeat of a cluster that was never heard", async () => {
      const project = freshProject();
      expect(await putHold(db(), place(project), { person, stamp }, undefined)).toBe("written");
      expect((await listBeats(db(), project)).size).toBe(0);
      await putBeat(db(), project, "a", NOW);
      expect((await listBeats(db(), project)).get("a")).toMatchObject({ heardAt: NOW, holds: { person } });
    });
  });

  describe("what clusters serve", () => {
    it("is written by who read what is there, and goes with its cluster", async () => {
      const project = freshProject();
      const told = { project, cluster: "a", kubernetes: "v1.34.4", apis: "d".repeat(64), seq: 1, at: NOW };
      expect(await getServed(db(), project, "a")).toBeUndefined();
      expect(await putServed(db(), told, undefined)).toBe("written");
      expect(await putServed(db(), told, undefined)).toBe("lost");
      const newer = { ...told, kubernetes: "v1.35.0", seq: 2 };
      expect(await putServed(db(), newer, told)).toBe("written");
      expect(await putServed(db(), { ...told, seq: 3 }, told)).toBe("lost");
      expect(await getServed(db(), project, "a")).toEqual(newer);
      await putServed(db(), { ...told, cluster: "b" }, undefined);
      expect(await listServed(db(), project)).toEqual(
        new Map([
          ["a", newer],
          ["b", { ...told, cluster: "b" }],
        ]),
      );
      expect(documentsOf(newer)).toEqual([newer.apis]);
      await deleteServed(db(), project, "a");
      expect([...(await listServed(db(), project)).keys()]).toEqual(["b"]);
    });
  });

  const rules: Rule[] = [{ verbs: ["read"], nouns: ["apps"] }];
  const token = (project: string, id: string, expiresAt = NOW + HOUR_MS): ApiToken => ({
    id,
    name: `token ${id}`,
    project,
    role: "viewer",
    rules,
    createdAt: NOW,
    expiresAt,
  });

  describe("API tokens", () => {
    it("stand twice or not at all, age by TTL, and end at once when revoked", async () => {
      const project = freshProject();
      const digest = sha256(`${project}-token`);
      const outcomes = await race(() => putApiToken(db(), token(project, "t1"), digest, stamp));
      expect(countOf(outcomes, "written")).toBe(1);
      expect(await store.raw(keys.apiToken(digest))).toMatchObject({ expires: (NOW + HOUR_MS) / 1000 });
      expect(await store.raw(keys.apiTokenEntry(project, "t1"))).toMatchObject({
        expires: (NOW + HOUR_MS) / 1000,
      });
      expect(await getApiToken(db(), digest, NOW)).toMatchObject({ id: "t1", rules });
      expect(await getApiToken(db(), digest, NOW + HOUR_MS)).toBeUndefined();
      const entry = await getApiTokenEntry(db(), project, "t1", NOW);
      if (entry === undefined) throw new Error("no entry");
      expect(await deleteApiToken(db(), entry, stamp)).toBe("written");
      expect(await deleteApiToken(db(), entry, stamp)).toBe("lost");
      expect(await getApiToken(db(), digest, NOW)).toBeUndefined();
      expect(await pageApiTokens(db(), project, NOW, { limit: 10 })).toEqual({ items: [] });
    });

    it("are listed while they hold", async () => {
      const project = freshProject();
      await putApiToken(db(), token(project, "old", NOW - 1), sha256(`${project}-old`), stamp);
      await putApiToken(db(), token(project, "new"), sha256(`${project}-new`), stamp);
      const { items } = await pageApiTokens(db(), project, NOW, { limit: 10 });
      expect(items.map(({ id }) => id)).toEqual(["new"]);
    });

    it("that are kept elsewhere are renewed in the second half of their time", async () => {
      const project = freshProject();
      const digest = sha256(`${project}-kept`);
      const keep = (at: number) =>
        keepApiToken(db(), { ...token(project, "local", at + HOUR_MS), createdAt: at }, digest, stamp);
      expect(await keep(NOW)).toBe("written");
      expect(await keep(NOW + 1)).toBe("kept");
      expect(await keep(NOW + 0.6 * HOUR_MS)).toBe("written");
      expect((await getApiToken(db(), digest, NOW))?.expiresAt).toBe(NOW + 1.6 * HOUR_MS);
    });
  });

  describe("sessions and the first admin", () => {
    const session: Session = {
      proof: { kind: "api-token", digest: "d" },
      createdAt: NOW,
      expiresAt: NOW + HOUR_MS,
    };

    it("end by time and by logout, and age by TTL", async () => {
      const digest = sha256(freshProject());
      expect(await putSession(db(), digest, session)).toBe("written");
      expect(await putSession(db(), digest, session)).toBe("lost");
      expect(await store.raw(keys.session(digest))).toMatchObject({ expires: (NOW + HOUR_MS) / 1000 });
      expect(await getSession(db(), digest, NOW)).toEqual(session);
      expect(await getSession(db(), digest, NOW + HOUR_MS)).toBeUndefined();
      await deleteSession(db(), digest);
      await deleteSession(db(), digest);
      expect(await getSession(db(), digest, NOW)).toBeUndefined();
    });

    it("let one of many redeem the one-time token, with what it buys or not at all", async () => {
      const once = sha256(freshProject());
      await putBootstrap(db(), once, NOW + HOUR_MS);
      expect(await store.raw(keys.bootstrap(once))).toMatchObject({ expires: (NOW + HOUR_MS) / 1000 });
      const late = bootstrapRedemption(db(), once, NOW + HOUR_MS);
      expect(await putSession(db(), sha256("late"), session, [late])).toBe("lost");
      const outcomes = await race((n) =>
        putSession(db(), sha256(`${once}-${n}`), session, [bootstrapRedemption(db(), once, NOW)]),
      );
      expect(countOf(outcomes, "written")).toBe(1);
      const opened = await Promise.all(outcomes.map((_, n) => getSession(db(), sha256(`${once}-${n}`), NOW)));
      expect(opened.filter((one) => one !== undefined)).toHaveLength(1);
    });
  });

  describe("credentials, nudges and deliveries", () => {
    it("of a credential hold its name and who wrote it, version by version", async () => {
      const project = freshProject();
      const change = { project, name: "fleet-read", kind: "token", stamp, at: NOW } as const;
      const made = await putCredential(db(), change, undefined);
      if (made === "lost") throw new Error("lost");
      expect(await putCredential(db(), change, undefined)).toBe("lost");
      const next = await putCredential(db(), change, made);
      expect(next).toMatchObject({ version: 2 });
      expect(await deleteCredential(db(), made, stamp)).toBe("lost");
      expect((await listCredentials(db(), project)).map(({ name }) => name)).toEqual(["fleet-read"]);
      if (next === "lost") throw new Error("lost");
      expect(await deleteCredential(db(), next, stamp)).toBe("written");
      expect(await getCredential(db(), project, "fleet-read")).toBeUndefined();
    });

    it("of a nudge keep the newest", async () => {
      const project = freshProject();
      await race((n) => putNudge(db(), project, "fleet", NOW + n, "hook"));
      expect(await putNudge(db(), project, "fleet", NOW, "late")).toBe("lost");
      expect(await getNudge(db(), project, "fleet")).toMatchObject({ at: NOW + 7, by: "hook" });
      expect([...(await listNudges(db(), project)).keys()]).toEqual(["fleet"]);
    });

    it("of a delivery take it once, and again after its time", async () => {
      const digest = sha256(freshProject());
      expect(countOf(await race(() => putDelivery(db(), digest, NOW)), "written")).toBe(1);
      expect(await wasDelivered(db(), digest, NOW)).toBe(true);
      const expires = (await store.raw(keys.delivery(digest)))?.["expires"] as number;
      expect(expires).toBeGreaterThan(NOW / 1000);
      expect(await wasDelivered(db(), digest, expires * 1000)).toBe(false);
      expect(await putDelivery(db(), digest, expires * 1000)).toBe("written");
    });
  });

  describe("the hub", () => {
    const signers = [{ kid: "k", key: publicKey("s") }];
    const CHARTER = { hub: "hub-1", serial: 1, epoch: 1, signers, urls: ["https://hub.example.com"] };
    const hub = (serial: number): Hub => ({
      hub: "hub-1",
      epoch: 1,
      serial,
      charter: `a.${Buffer.from(JSON.stringify(CHARTER)).toString("base64url")}.c`,
      recoveryKey: publicKey("r"),
    });

    it("is opened once, moves to a higher serial over the one that was read, and keeps one cursor key", async () => {
      await expect(getHub(db())).rejects.toThrow("no hub yet");
      expect(countOf(await race(() => putHub(db(), hub(5), undefined)), "written")).toBe(1);
      expect(await putHub(db(), hub(5), hub(5))).toBe("lost");
      expect(countOf(await race(() => putHub(db(), hub(6), hub(5))), "written")).toBe(1);
      await noteSigning(db(), "kid-1");
      await noteSigning(db(), "kid-1");
      expect(await findHub(db())).toMatchObject({ serial: 6, signing: "kid-1" });
      expect(await endImport(db(), "digest")).toBe("lost");
      await raiseFormat(db());
      await raiseFormat(db());
      expect(await guarded(db()).get(keys.hub())).toMatchObject({ serial: 6, format: FORMAT });
      expect(await putHub(db(), { ...hub(7), importing: "digest" }, hub(6))).toBe("written");
      expect(await endImport(db(), "digest")).toBe("written");
      const kept = new Set(await race((n) => ensureCursorKey(db(), `key-${n}`)));
      expect([...kept]).toEqual([await findCursorKey(db())]);
    });
  });

  describe("the audit log", () => {
    const record = (n: number): AuditRecord =>
      ({ n, at: NOW, noun: "app", name: "shop" }) as unknown as AuditRecord;

    it("grows by one writer at a time; batch and cursors together", async () => {
      const project = freshProject();
      const batch = sealBatch(project, await getLogTip(db(), project), [record(1)], NOW);
      const cursor = { item: "app/shop", was: undefined, version: 1 };
      expect(countOf(await race(() => appendBatch(db(), batch, [cursor])), "written")).toBe(1);
      expect(await getLogCursors(db(), project, ["app/shop", "app/none"])).toEqual(
        new Map([["app/shop", 1]]),
      );
      const tip = await getLogTip(db(), project);
      expect(tip).toMatchObject({ n: 1, hash: batch.hash, last: 1 });
      const next = sealBatch(project, tip, [record(2)], NOW);
      expect(await appendBatch(db(), next, [{ ...cursor, was: 7, version: 2 }])).toBe("lost");
      expect(await getLogBatch(db(), project, 2)).toBeUndefined();
      expect(await appendBatch(db(), next, [{ ...cursor, was: 1, version: 2 }])).toBe("written");
      expect(await getLogBatch(db(), project, 2)).toMatchObject({ hash: next.hash, text: next.text });
      const down: number[] = [];
      for await (const one of batchesDown(db(), project, undefined, 1)) down.push(one.place);
      const up: number[] = [];
      for await (const one of batchesUp(db(), project, 0, 1)) up.push(one.place);
      expect([down, up]).toEqual([
        [2, 1],
        [1, 2],
      ]);
    });
  });
}
