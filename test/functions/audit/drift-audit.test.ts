/** One audit a slot, however often and at once the schedule fires. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditAll, newestAudit } from "../../../functions/audit/drift-audit.ts";
import { readAll } from "../../../functions/store/db.ts";
import { lists } from "../../../functions/store/table.ts";
import { app, cluster, hubParts, source, type HubParts } from "../../support/hub-parts.ts";

const HOUR = 3_600_000;
let hub: HubParts;

beforeAll(async () => {
  hub = await hubParts();
  await hub.apply(source, app(), cluster("a"));
}, 900_000);
afterAll(() => hub?.stop());

const rows = () => readAll(hub.db, lists.driftAudits("default"));

describe("auditAll", () => {
  it("writes one document and one row for a slot, also when it fires five times at once and again later", async () => {
    const start = hub.now() - (hub.now() % HOUR);
    hub.setNow(start + 1000);
    await Promise.all(Array.from({ length: 5 }, () => auditAll({ ...hub, slotMs: HOUR })));
    const first = await newestAudit(hub, "default");
    hub.setNow(start + HOUR - 1);
    await auditAll({ ...hub, slotMs: HOUR });
    expect(await rows()).toHaveLength(1);
    expect(await newestAudit(hub, "default")).toEqual(first);
    expect(first).toMatchObject({
      slot: new Date(start).toISOString(),
      clusters: 1,
      silent: [{ cluster: "a" }],
    });
  });

  it("writes the next one in the next slot", async () => {
    hub.setNow(hub.now() + 2);
    await auditAll({ ...hub, slotMs: HOUR });
    expect(await rows()).toHaveLength(2);
  });

  it("finishes what a crash between document and row left", async () => {
    hub.setNow(hub.now() + HOUR);
    const crashing = {
      ...hub,
      db: { ...hub.db, put: () => Promise.reject(new Error("crash before the row")) },
    };
    await expect(auditAll({ ...crashing, slotMs: HOUR })).rejects.toThrow("crash before the row");
    await auditAll({ ...hub, slotMs: HOUR });
    expect(await rows()).toHaveLength(3);
  });
});
