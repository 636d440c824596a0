/** A hub as lines, and lines as a hub: what is in them, what never is, and that a half-done import is finished, not mixed. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hubStamp } from "#core/actor.ts";
import { STANDARD_APIS } from "#core/capabilities.ts";
import { canonicalJson, sha256 } from "#core/digest.ts";
import type { ExportLine } from "#core/export.ts";
import { compareGenerations } from "#core/statement.ts";
import { hubViewSchema } from "#core/hub.ts";
import { getApiLists } from "../../../functions/release/api-lists.ts";
import { putApiDocument } from "../../../functions/release/api-documents.ts";
import { look } from "../../../functions/release/look.ts";
import { makePrivateKey, publicHalf } from "../../../functions/release/sign.ts";
import { putToken, redeemToken } from "../../../functions/store/cluster.ts";
import { getLine } from "../../../functions/store/line.ts";
import { putHub } from "../../../functions/store/hub-write.ts";
import { getRelease } from "../../../functions/store/rollout.ts";
import { getResource, putResource } from "../../../functions/store/resource.ts";
import { listServed, putServed } from "../../../functions/store/served.ts";
import { getAppRecord } from "../../../functions/store/state.ts";
import { app, cluster, configMaps, source } from "../../support/hub-parts.ts";
import { projectSchema } from "#core/project.ts";
import { exportOf, transferHub, type TransferHub } from "./support.ts";

const CLUSTERS = 220;
const SECRET = "registration-secret-registration-secret";
let old: TransferHub;
let made: Awaited<ReturnType<typeof exportOf>>;
let agentKey: string;

beforeAll(async () => {
  old = await transferHub("hub-old");
  const { parts } = old;
  const names = Array.from({ length: CLUSTERS }, (_, index) => `c-${String(index).padStart(3, "0")}`);
  await parts.apply(source, app(), ...names.map((name) => cluster(name, { env: "prod" })));
  await parts.apply(cluster("c-000", { env: "dev" }));
  await parts.commit("c1", configMaps("one"));
  expect(await look(parts, "default", "shop")).toMatchObject({ kind: "released", release: 1 });
  await parts.commit("c2", configMaps("one", "two"));
  expect(await look(parts, "default", "shop")).toMatchObject({ kind: "released", release: 2 });
  for (const [n, name] of names.entries()) if (n % 2 === 0) await serves(name, LISTS[n % 3] ?? []);
  const key = publicHalf(await makePrivateKey());
  agentKey = key.x;
  await putToken(parts.db, "default", "c-007", SECRET, parts.now() + 1000);
  expect((await redeemToken(parts.db, SECRET, key, parts.now())).kind).toBe("redeemed");
  const web = projectSchema.parse({
    apiVersion: "fairlead.dev/v1",
    kind: "Project",
    metadata: { name: "fairlead" },
    spec: { roles: [{ role: "admin", members: [{ user: "ada@example.com" }] }] },
  });
  await putResource(parts.db, web, hubStamp("test"));
  made = await exportOf(old);
}, 900_000);
afterAll(() => old?.parts.stop());

/** Of each third cluster another list; every second one has told nothing. */
const LISTS = [STANDARD_APIS.toSorted(), ["apps/v1", "apps/v1/Deployment"], ["example.org/v1", "v1"]];

async function serves(name: string, list: readonly string[]): Promise<void> {
  const bytes = new TextEncoder().encode(canonicalJson(list));
  const apis = sha256(bytes);
  await putApiDocument(old.parts.objects, "apis", apis, bytes);
  const told = { project: "default", cluster: name, kubernetes: "v1.34.4", apis, seq: 7, at: 7 };
  await putServed(old.parts.db, told, undefined);
}

const ofKind = <K extends ExportLine["kind"]>(kind: K) =>
  made.lines.filter((line): line is Extract<ExportLine, { kind: K }> => line.kind === kind);

describe("an export", () => {
  it("comes in pages, opened by header and hub; Apps come after all that they need, the hub's Project last", () => {
    const kinds = made.lines.map((line) => (line.kind === "resource" ? line.resource.kind : line.kind));
    expect(kinds.slice(0, 2)).toEqual(["header", "hub"]);
    expect(kinds.slice(-2)).toEqual(["Project", "end"]);
    expect(kinds.indexOf("App")).toBeGreaterThan(kinds.lastIndexOf("Cluster"));
    expect(kinds.indexOf("App")).toBeGreaterThan(kinds.lastIndexOf("app"));
    expect(ofKind("agent")).toHaveLength(CLUSTERS);
    expect(made.pages).toBeGreaterThan(1);
  });

  it("holds each agent's public key and each App's numbers, with its newest targets, without bundles", () => {
    expect(ofKind("agent").find(({ cluster: name }) => name === "c-007")?.line.key?.x).toBe(agentKey);
    expect(ofKind("app")).toMatchObject([
      { app: "shop", number: 2, generation: 4, release: { commit: "c2" } },
    ]);
    const targets = ofKind("targets").flatMap(({ body }) => body.targets);
    expect(targets).toHaveLength(CLUSTERS);
    expect(targets.every(({ bundle, statement }) => bundle === undefined && statement === "")).toBe(true);
  });

  // What would break: a backup in the wrong hands would be the keys to the fleet.
  it("holds no private key, no token and no secret", () => {
    const text = JSON.stringify(made.lines);
    for (const secret of [old.recovery.d, old.signing.d, SECRET, "fl_"]) expect(text).not.toContain(secret);
    expect(text).not.toMatch(/"d":/);
    expect(ofKind("token").length).toBeGreaterThan(0);
  });

  it("is refused to who may not read the hub, and with a cursor that is none", async () => {
    expect((await old.call("GET", "/v1/export", undefined, { role: "viewer" })).status).toBe(403);
    expect((await old.call("GET", "/v1/export", undefined, { project: "default" })).status).toBe(403);
    expect((await old.call("GET", "/v1/export?cursor=bm9uZQ")).status).toBe(400);
  });
});

/** A fresh hub, and the charter that makes it the old one. */
async function next() {
  const hub = await transferHub("hub-new");
  const { epoch, serial } = await old.hub();
  const certified = (change: object = {}, by = old.recovery) =>
    hub.charter(
      { hub: "hub-old", epoch: epoch + 1, serial: Math.max(serial, 4_000_000_000) + 1, ...change },
      by,
    );
  const charter = await certified();
  const send = (from: number, to: number, change: object = {}): Promise<Response> =>
    hub.call("POST", "/v1/import", {
      export: made.digest,
      from,
      charter,
      lines: made.lines.slice(from, to),
      ...change,
    });
  return { hub, send, certified };
}

async function withNext(act: (parts: Awaited<ReturnType<typeof next>>) => Promise<void>): Promise<void> {
  const parts = await next();
  try {
    await act(parts);
  } finally {
    await parts.hub.parts.stop();
  }
}

const SLOW_MS = 120_000;

describe("an import", () => {
  it(
    "makes the hub the old one: id, recovery key, agents, numbers; the next release goes on from them",
    () =>
      withNext(async ({ hub, send }) => {
        const answers: unknown[] = [];
        for (let from = 0; from < made.lines.length; from += 100)
          answers.push(await (await send(from, from + 100)).json());
        expect(answers.at(-1)).toEqual({ outcome: "done" });
        expect(answers.slice(0, -1).every((one) => JSON.stringify(one) === '{"outcome":"taken"}')).toBe(true);
        const { db } = hub.parts;
        const view = hubViewSchema.parse(await (await hub.call("GET", "/v1/hub")).json());
        expect(view).toMatchObject({ hub: "hub-old", epoch: 2, imported: made.digest });
        expect((await getLine(db, "default", "c-007"))?.key?.x).toBe(agentKey);
        expect(await getResource(db, "Cluster", "default", "c-000")).toMatchObject({
          version: 1,
          resource: { metadata: { labels: { env: "dev" } } },
          stamp: { why: "import: was version 2, last changed by hub:test" },
        });
        expect((await getResource(db, "Project", "fairlead", "fairlead"))?.resource.spec.roles).toHaveLength(
          1,
        );
        // Else charts would be rendered as if no cluster served more than the standard.
        const [was, served] = [await listServed(old.parts.db, "default"), await listServed(db, "default")];
        expect(served.size).toBe(CLUSTERS / 2);
        for (const [name, { kubernetes, apis = "" }] of was) {
          expect(served.get(name)).toMatchObject({ kubernetes, apis, seq: 0 });
          expect(await getApiLists(hub.parts.objects, [apis])).toEqual(
            await getApiLists(old.parts.objects, [apis]),
          );
        }
        const record = await getAppRecord(db, "default", "shop");
        expect(record).toMatchObject({ release: 2, generation: 4, epoch: 1, active: false });
        await hub.parts.commit("c3", configMaps("one"));
        expect(await look(hub.parts, "default", "shop")).toMatchObject({ kind: "released", release: 3 });
        const release = await getRelease(db, "default", "shop", 3);
        expect(release).toMatchObject({ epoch: 2, changed: CLUSTERS });
        const is = await getAppRecord(db, "default", "shop");
        if (record === undefined || is === undefined) throw new Error("no record");
        expect(compareGenerations(is, record)).toBe("newer");
      }),
    SLOW_MS,
  );

  it(
    "that was cut off is begun again and finished; done, it is not done twice",
    () =>
      withNext(async ({ hub, send, certified }) => {
        expect(await (await send(0, 60)).json()).toEqual({ outcome: "taken" });
        expect(hubViewSchema.parse(await (await hub.call("GET", "/v1/hub")).json()).importing).toBe(true);
        const again = { charter: await certified({ serial: 4_000_000_009 }) };
        for (let from = 0; from < made.lines.length; from += 200)
          expect((await send(from, from + 200, again)).status).toBe(200);
        expect(await (await send(0, 200)).json()).toEqual({ outcome: "already" });
        expect((await send(0, 200, { export: "f".repeat(64) })).status).toBe(409);
        expect((await getAppRecord(hub.parts.db, "default", "shop"))?.release).toBe(2);
      }),
    SLOW_MS,
  );

  // What would break: whoever reaches a new hub could make it another's, or a damaged file half of one.
  it(
    "is refused, and writes nothing: by another key, a lower epoch, a damaged line, out of order, without the right",
    () =>
      withNext(async ({ hub, send, certified }) => {
        const before = await hub.hub();
        const stranger = await makePrivateKey();
        const refused: [number, object][] = [
          [400, { charter: await certified({}, stranger) }],
          [400, { charter: await certified({}, hub.recovery) }],
          [400, { charter: await certified({ epoch: 1 }) }],
          [400, { charter: await certified({ hub: "hub-new" }) }],
          [400, { charter: await certified({ serial: 1 }) }],
          [400, { charter: await certified({ signers: await signersOf(stranger) }) }],
          [400, { lines: [...made.lines.slice(0, 10), { kind: "agent" }] }],
          [400, { lines: made.lines.slice(5, 10), from: 5 }],
          [
            400,
            {
              lines: [...made.lines.slice(0, 10), { kind: "apis", digest: "a".repeat(64), list: ["b", "a"] }],
            },
          ],
          [400, { export: "short" }],
        ];
        for (const [status, change] of refused) expect((await send(0, 50, change)).status).toBe(status);
        const body = {
          export: made.digest,
          from: 0,
          charter: await certified(),
          lines: made.lines.slice(0, 50),
        };
        expect((await hub.call("POST", "/v1/import", body, { role: "deployer" })).status).toBe(403);
        expect(await hub.hub()).toEqual(before);
        expect(await getResource(hub.parts.db, "Cluster", "default", "c-000")).toBeUndefined();
      }),
    SLOW_MS,
  );

  it(
    "is refused by a hub that has anything of its own",
    () =>
      withNext(async ({ hub, send }) => {
        await hub.parts.apply(cluster("mine"));
        const answer = await send(0, 50);
        expect([answer.status, await answer.json()]).toEqual([
          409,
          expect.objectContaining({ code: "already-open" }),
        ]);
      }),
    SLOW_MS,
  );
});

async function signersOf(key: Awaited<ReturnType<typeof makePrivateKey>>) {
  const { kidOf } = await import("../../../functions/release/sign.ts");
  return [{ kid: kidOf(key), key: publicHalf(key) }];
}

describe("PUT /v1/hub/charter", () => {
  it(
    "takes a newer charter, and refuses every other with its reason; a refusal changes nothing",
    () =>
      withNext(async ({ hub }) => {
        const put = async (charter: string): Promise<[number, string]> => {
          const answer = await hub.call("PUT", "/v1/hub/charter", { charter });
          const { detail } = (await answer.json()) as { detail?: string };
          return [answer.status, detail ?? ""];
        };
        const urls = ["https://a.example.com", "https://b.example.com"];
        const { serial } = await hub.hub();
        const second = await makePrivateKey();
        const both = [...(await signersOf(hub.signing)), ...(await signersOf(second))];
        expect((await put(await hub.charter({ urls, signers: both })))[0]).toBe(200);
        const before = await hub.hub();
        const refusals: [string, number, RegExp][] = [
          [await hub.charter({}, second), 400, /recovery key/],
          ["not.a.jws", 400, /recovery key/],
          [await hub.charter({ serial, signers: both }), 409, /serial/],
          [await hub.charter({ hub: "hub-other", signers: both }), 409, /of hub hub-other/],
          [await hub.charter({ signers: await signersOf(second), epoch: 2 }), 409, /signs with/],
          [await hub.charter({}), 409, /drops key/],
          [await hub.charter({ signers: [{ ...(both[0] as (typeof both)[0]), kid: "x" }] }), 409, /named x/],
        ];
        for (const [charter, status, reason] of refusals)
          expect(await put(charter)).toEqual([status, expect.stringMatching(reason)]);
        expect(await hub.hub()).toEqual(before);
        expect((await put(await hub.charter({ epoch: 2 })))[0]).toBe(200);
        expect((await put(await hub.charter({ epoch: 1 })))[1]).toMatch(/epoch 1 is below 2/);
        expect(
          (await hub.call("PUT", "/v1/hub/charter", { charter: "x" }, { role: "approver" })).status,
        ).toBe(403);
      }),
    SLOW_MS,
  );

  it("is written only over the charter that was read", async () => {
    const hub = await old.hub();
    expect(
      await putHub(old.parts.db, { ...hub, serial: hub.serial + 5 }, { ...hub, serial: hub.serial - 1 }),
    ).toBe("lost");
    expect(await old.hub()).toEqual(hub);
  });
});
