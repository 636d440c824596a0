/** What the hub counts of itself: by the product's own app over a real table, written down seldom, and never in a request's way. */
import { exportJWK, generateKeyPair, type CryptoKey } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AGENT_PATHS, BEAT_HEADER } from "#core/protocol.ts";
import { buildAgentApp } from "../../../functions/api/agent.ts";
import { FLUSH_MS, Meter, metered } from "../../../functions/meter/meter.ts";
import { publicHalf } from "../../../functions/release/sign.ts";
import { putToken, redeemToken } from "../../../functions/store/cluster.ts";
import type { Db } from "../../../functions/store/db.ts";
import { listCounts } from "../../../functions/store/meter.ts";
import { signed } from "../../support/costs.ts";
import { cluster, plainParts, type PlainParts } from "../../support/hub-parts.ts";

const MEGABYTES = 512;
let hub: PlainParts;
let key: CryptoKey;
beforeAll(async () => {
  hub = await plainParts();
  await hub.apply(cluster("a"));
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  key = privateKey;
  await putToken(hub.db, "default", "a", "secret".repeat(8), hub.now() + 1000);
  await redeemToken(hub.db, "secret".repeat(8), publicHalf(await exportJWK(publicKey)), hub.now());
}, 900_000);
afterAll(() => hub?.stop());
beforeEach(() => hub.setNow(hub.now() + 2 * 86_400_000));

const rows = () => listCounts(hub.db, 1, hub.now());

describe("the agents' app", () => {
  it("counts idle polls, fetches, heartbeats and bytes, and writes none of them down as they come", async () => {
    const meter = new Meter("agents", MEGABYTES);
    const agents = buildAgentApp({ ...hub, log: () => undefined, meter });
    const ask = async (headers: Record<string, string> = {}): Promise<Response> => {
      const authorization = await signed(key, hub.now, "GET", AGENT_PATHS.desired, undefined);
      return agents.request(AGENT_PATHS.desired, { headers: { ...headers, authorization } });
    };
    const first = await ask();
    const body = (await first.clone().arrayBuffer()).byteLength;
    expect(await rows()).toMatchObject([{ name: "agents", counts: { calls: 1, fetches: 1 } }]);
    const ifNone = { "if-none-match": first.headers.get("etag") ?? "" };
    hub.units();
    for (let poll = 0; poll < 5; poll += 1) expect((await ask(ifNone)).status).toBe(304);
    await ask({ ...ifNone, [BEAT_HEADER]: "1" });
    expect(hub.units()).toEqual({ get: 3, update: 1 });
    expect(meter.counts).toMatchObject({ calls: 6, idlePolls: 6, fetches: 0, heartbeats: 1 });
    expect((await rows())[0]?.counts.bytesOut).toBeGreaterThan(body);
    expect((await rows())[0]?.counts.bytesOut).toBeLessThan(body + 1_000);
  });
});

describe("a meter", () => {
  it("writes one unit at most every five minutes, and adds to what other instances wrote", async () => {
    const meters = [new Meter("two", MEGABYTES), new Meter("two", MEGABYTES)];
    hub.units();
    for (let minute = 0; minute < 10; minute += 1) {
      for (const meter of meters) await metered({ ...hub, meter }, async () => hub.setNow(hub.now() + 1_000));
      hub.setNow(hub.now() + 58_000);
    }
    expect(hub.units()).toEqual({ update: 4 });
    const left = meters.map(({ counts }) => counts.calls);
    const [row] = await rows();
    expect((row?.counts.calls ?? 0) + (left[0] ?? 0) + (left[1] ?? 0)).toBe(20);
    expect(row?.counts.mbMs).toBe((row?.counts.calls ?? 0) * 1_000 * MEGABYTES);
  });

  it("counts a call that fails, and lets it fail", async () => {
    const meter = new Meter("failing", MEGABYTES);
    const fail = () => Promise.reject(new Error("no"));
    await expect(metered({ ...hub, meter }, fail)).rejects.toThrow("no");
    expect(await rows()).toMatchObject([{ name: "failing", counts: { calls: 1 } }]);
  });

  it("keeps its counts where they cannot be written, and fails nobody's work", async () => {
    const meter = new Meter("kept", MEGABYTES);
    const away: Db = { ...hub.db, update: () => Promise.reject(new Error("away")) };
    expect(await metered({ db: away, now: hub.now, meter }, async () => "done")).toBe("done");
    expect(meter.counts.calls).toBe(1);
    hub.setNow(hub.now() + FLUSH_MS);
    await metered({ ...hub, meter }, async () => undefined);
    expect(await rows()).toMatchObject([{ name: "kept", counts: { calls: 2 } }]);
    expect(meter.counts.calls).toBe(0);
  });

  it("knows reads from writes", () => {
    const meter = new Meter("units", MEGABYTES);
    for (const operation of ["get", "batch-get", "query"]) meter.onUnits(operation, 0.5);
    for (const operation of ["put", "update", "delete", "transact"]) meter.onUnits(operation, 2);
    expect(meter.counts).toMatchObject({ readUnits: 1.5, writeUnits: 8 });
  });
});
