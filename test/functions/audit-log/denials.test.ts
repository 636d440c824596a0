import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDenials, DENIALS_FOLD_MS, flushDenials } from "../../../functions/audit-log/denials.ts";
import { createSequencer } from "../../../functions/audit-log/sequencer.ts";
import { apiHub, ask, refused, type ApiHub } from "../../support/api-hub.ts";
import { allRecords, verifyAll } from "../../support/audit-log.ts";

let hub: ApiHub;
beforeAll(async () => {
  hub = await apiHub();
}, 900_000);
afterAll(() => hub?.stop());

describe("denials", () => {
  it("reach the log folded by caller and code once five minutes are over, and cost the request no write", async () => {
    const denials = createDenials(hub.now);
    const api = hub.build({ denials });
    const sequencer = createSequencer({ ...hub, log: () => undefined });
    const url = "/v1/projects/default/apps/shop";
    for (let times = 0; times < 3; times++)
      await refused(hub, { method: "DELETE", url, token: hub.tokens.viewer }, 403, api);
    await refused(
      hub,
      { method: "GET", url: "/v1/projects/nowhere/apps", token: hub.tokens.viewer },
      403,
      api,
    );
    // Nobody knows who that was, so it is a line only.
    await refused(hub, { method: "GET", url, token: hub.tokens.wrong }, 401, api);
    expect((await ask(api, { method: "GET", url, token: hub.tokens.admin })).status).toBe(200);

    await flushDenials({ db: hub.db, sequencer }, denials);
    expect(await allRecords(hub.db, "default")).toEqual([]);
    hub.setNow(hub.now() + DENIALS_FOLD_MS);
    await flushDenials({ db: hub.db, sequencer }, denials);
    await flushDenials({ db: hub.db, sequencer }, denials);
    expect(await allRecords(hub.db, "default")).toMatchObject([
      {
        by: "token:default/viewer",
        noun: "denial",
        name: "forbidden",
        action: "denied",
        after: { count: 3, firstAsked: `DELETE ${url}` },
      },
    ]);
    // A name that is no project's makes no log of its own.
    expect(await allRecords(hub.db, "nowhere")).toEqual([]);
    expect(await allRecords(hub.db, "fairlead")).toMatchObject([{ after: { project: "nowhere", count: 1 } }]);
    expect((await verifyAll(hub, "default")).findings).toEqual([]);
  });

  it("are bounded in number", () => {
    const denials = createDenials(() => 0);
    for (let n = 0; n < 1200; n++)
      denials.note({ by: `user:${n}`, code: "forbidden", project: "web", asked: "GET /" });
    const late = createDenials(() => 0);
    late.note({ by: "user:ada", code: "forbidden", project: "web", asked: "GET /" });
    expect(late.take()).toEqual([]);
    let now = 0;
    const clocked = createDenials(() => now);
    for (let n = 0; n < 1200; n++)
      clocked.note({ by: `user:${n}`, code: "forbidden", project: "web", asked: "GET /" });
    now = DENIALS_FOLD_MS;
    expect(clocked.take()).toHaveLength(1000);
    expect(clocked.take()).toEqual([]);
  });
});
