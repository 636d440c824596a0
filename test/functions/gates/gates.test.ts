/** Gates judged over HTTP by the real client, their answers written into a real table. */
import { createHmac } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hubStamp } from "#core/actor.ts";
import type { CheckAnswer } from "#core/object-check.ts";
import { askedGates, type Rollout } from "#core/rollout.ts";
import { statementSchema } from "#core/statement.ts";
import { judgeGate } from "../../../functions/gates/judge.ts";
import { look } from "../../../functions/release/look.ts";
import { whyPlaced } from "../../../functions/rollout/why.ts";
import { getPlacements } from "../../../functions/store/placement.ts";
import { getAssignment } from "../../../functions/store/assignment.ts";
import { markDeleting, getResource } from "../../../functions/store/resource.ts";
import { putScan } from "../../../functions/store/scan.ts";
import {
  startHttp,
  startPrometheus,
  type HttpServer,
  type PrometheusServer,
} from "../../support/prometheus.ts";
import { app } from "../../support/hub-parts.ts";
import { getAppRecord, RINGS, rolloutHub, staged, type RolloutHub } from "../rollout/rollout-hub.ts";

const KEY = "a key of at least sixteen characters";
let hub: RolloutHub;
let prometheus: PrometheusServer;
let texts = 0;
const text = () => `text-${(texts += 1)}`;

beforeAll(async () => {
  hub = await rolloutHub();
  const put = (name: string, credential: object) =>
    hub.secrets.put("default", name, JSON.stringify(credential));
  await put("hook", { kind: "webhook", secret: KEY });
  await put("prom", { kind: "token", token: "t0ken", hosts: ["127.0.0.1"] });
  await put("elsewhere", { kind: "token", token: "t0ken", hosts: ["prom.example"] });
}, 900_000);
afterAll(() => hub?.stop());

beforeEach(async () => {
  prometheus = await startPrometheus();
  await hub.pass(60_000);
  await hub.apply(staged());
  const record = await getAppRecord(hub.db, "default", "shop");
  if (record?.pinned !== undefined) await hub.tell(record.pinned.release, "unpin");
  expect((await hub.run(await hub.release(`base ${texts}`, text()))).state.kind).toBe("succeeded");
}, 60_000);
afterEach(() => prometheus?.close());

const QUERY = 'sum(errors{app="shop"})';
const errors = (change: object = {}, more: object = {}) => ({
  name: "errors",
  prometheus: { url: prometheus.url, query: 'sum(errors{app="${app}"})', max: 0.05, ...change },
  ...more,
});

/** A release whose canary has moved, is available and waits for these gates. */
async function waiting(gates: object[], rollout: object = {}, first: object = {}): Promise<Rollout> {
  await hub.apply(staged(rollout, { gates, ...first }));
  return hub.run(await hub.release(`n ${texts}`, text()));
}

const askedOf = (now: Rollout) =>
  askedGates(undefined, now).map(({ stage, gate, attempt }) => {
    const { project, app, release } = now;
    return { project, app, release, stage, gate, attempt };
  });

/** What the events would bring: each gate that is asked for is judged. */
async function judgeAll({ release }: Rollout): Promise<Rollout> {
  for (const asked of askedOf(await hub.step(release))) await judgeGate(hub, asked);
  return hub.rollout(release);
}
const evidence = ({ gates }: Rollout) => gates.map(({ gate, told }) => [gate, told?.kind, told?.message]);

describe("a prometheus gate", () => {
  it("lets the stage go on with a value within its limits, and tells the value", async () => {
    prometheus.teach(QUERY, "0.012");
    const now = await waiting([errors()]);
    expect(now.state).toMatchObject({ step: { kind: "gates" } });
    expect(await whyPlaced(hub, "default", "shop", "b")).toContain(
      "stage canary waits for its gates: errors has not answered yet",
    );
    const judged = await judgeAll(now);
    expect(judged).toMatchObject({ stage: 1 });
    expect(evidence(judged)).toEqual([["errors", "pass", "0.012, at most 0.05"]]);
    expect((await hub.run(now.release)).state.kind).toBe("succeeded");
  });

  it("is sampled while the stage soaks, and moves it back on the first no where the App says so", async () => {
    prometheus.teach(QUERY, "0.01");
    const now = await waiting([errors()], { onFailure: "rollback" }, { soak: "10m" });
    expect(now.state).toMatchObject({ step: { kind: "soaking" } });
    expect((await judgeAll(now)).state).toMatchObject({ step: { kind: "soaking" } });
    prometheus.teach(QUERY, "0.5");
    await hub.pass(60_000);
    expect((await judgeAll(now)).state).toMatchObject({
      kind: "rolling-back",
      reason: "gate errors of stage canary failed: 0.5 is above 0.05",
    });
    expect(prometheus.queries()).toEqual([QUERY, QUERY]);
    await hub.back(now.release);
    expect((await hub.run(now.release)).state.kind).toBe("rolled-back");
    expect(Object.values(await hub.given())).not.toContain(now.release);
  });

  it.each<[string, () => object, string]>([
    ["no series", () => ({}), "no series matches it"],
    ["NaN", () => (prometheus.teach(QUERY, "NaN"), {}), "the value is NaN"],
    ["infinity", () => (prometheus.teach(QUERY, "+Inf"), {}), "the value is +Inf"],
    ["several series", () => (prometheus.teach(QUERY, "1", "2"), {}), "several series: bring them together"],
    ["a query that is none", () => ({ query: "sum(" }), "HTTP 400: bad_data: parse error in sum("],
    ["another page", () => ({ url: `${prometheus.url}/other` }), "HTTP 404, and no answer of a Prometheus"],
    ["nobody there", () => ({ url: "http://127.0.0.1:1" }), "no answer of 127.0.0.1:1: "],
    ["a missing credential", () => ({ credentials: "none" }), "the credential none is not there"],
    ["a key that signs", () => ({ credentials: "hook" }), "is of kind webhook: take a token or a password"],
    [
      "a token for another host",
      () => ({ credentials: "elsewhere" }),
      "is for prom.example alone, and is not sent to 127.0.0.1",
    ],
    ["a closed address", () => ({ url: "http://169.254.169.254" }), "a link-local address"],
    ["a private address", () => ({ url: "http://10.0.0.1" }), "name 10.0.0.1 in spec.egress of the Project"],
  ])("learns nothing from %s: neither a yes nor a no", async (_, change, words) => {
    const now = await waiting([errors(change())]);
    const judged = await judgeAll(now);
    expect(judged).toMatchObject({ stage: 0, gates: [{ failures: 0, inconclusive: 1 }] });
    expect(evidence(judged)).toEqual([["errors", "inconclusive", expect.stringContaining(words)]]);
    expect(JSON.stringify(judged)).not.toContain("t0ken");
  });

  it("halts the rollout after so many of them, and is judged again when somebody says so", async () => {
    const now = await waiting([errors({}, { maxInconclusive: 2 })], { onFailure: "rollback" });
    await judgeAll(now);
    await hub.pass(60_000);
    expect((await judgeAll(now)).state).toMatchObject({ kind: "halted", gate: "errors" });
    prometheus.teach(QUERY, "0");
    expect((await hub.run(now.release)).state.kind).toBe("halted");
    await hub.tell(now.release, "retry");
    expect(await judgeAll(now)).toMatchObject({ stage: 1 });
  });

  it("keeps its frozen query when the App is edited, until the release of that edit", async () => {
    const now = await waiting([errors()]);
    await hub.apply(staged({}, { gates: [errors({ query: "edited(x)" })] }));
    await judgeAll(now);
    expect(prometheus.queries()).toEqual([QUERY]);
  });

  it("sends its credential to the host that it is for", async () => {
    prometheus.teach(QUERY, "0");
    await judgeAll(await waiting([errors({ credentials: "prom" })]));
    expect(prometheus.heard[0]?.headers.authorization).toBe("Bearer t0ken");
  });
});

describe("a webhook gate", () => {
  let server: HttpServer;
  let answer: { status: number; body: string };
  beforeEach(async () => {
    answer = { status: 200, body: '{"verdict":"pass","message":"all \\u001b[31mgreen"}' };
    server = await startHttp((_, response) => {
      response.writeHead(answer.status, answer.status === 302 ? { location: "http://127.0.0.1:1" } : {});
      response.end(answer.body);
    });
  });
  afterEach(() => server?.close());
  const smoke = (more: object = {}) => ({
    name: "smoke",
    webhook: { url: server.url, credentials: "hook" },
    ...more,
  });

  it("is asked by a signed POST whose id stays when it is sent again", async () => {
    const now = await waiting([smoke()]);
    const [asked] = askedOf(now);
    if (asked === undefined) throw new Error("nothing asked");
    // Its answer is lost on the way to the table.
    const failing = { ...hub, db: { ...hub.db, put: () => Promise.reject(new Error("lost")) } };
    await expect(judgeGate(failing, asked)).rejects.toThrow("lost");
    expect((await hub.rollout(now.release)).stage).toBe(0);
    await hub.pass(90_000);
    const judged = await judgeAll(now);
    expect(evidence(judged)).toEqual([["smoke", "pass", "all [31mgreen"]]);
    expect(judged.stage).toBe(1);
    const [first, second] = server.heard;
    const id = `default.shop.${now.release}.canary.smoke.${asked.attempt}`;
    for (const { headers, body } of [first, second].flatMap((one) => one ?? [])) {
      const told = [headers["webhook-id"], headers["webhook-timestamp"], body].join(".");
      const signature = createHmac("sha256", KEY).update(told).digest("base64");
      expect(headers).toMatchObject({ "webhook-id": id, "webhook-signature": `v1,${signature}` });
      expect(JSON.parse(body)).toEqual({ id, ...asked, commit: now.commit });
    }
    expect(first?.headers["webhook-timestamp"]).not.toBe(second?.headers["webhook-timestamp"]);
  });

  it.each<[number, string, string, string]>([
    [200, '{"verdict":"wait","message":"load test runs"}', "wait", "load test runs"],
    [200, '{"verdict":"yes"}', "inconclusive", "HTTP 200, and no verdict"],
    [200, "<html>", "inconclusive", "HTTP 200, and no verdict"],
    [503, '{"verdict":"pass"}', "inconclusive", "HTTP 503"],
    [302, '{"verdict":"pass"}', "inconclusive", "HTTP 302"],
    [200, "x".repeat(70_000), "inconclusive", "The answer is larger than 65536 bytes"],
  ])("that answers %i %.25s does not pass", async (status, body, kind, words) => {
    answer = { status, body };
    const judged = await judgeAll(await waiting([smoke()]));
    expect(judged.stage).toBe(0);
    expect(evidence(judged)).toEqual([["smoke", kind, words]]);
  });

  it("halts the rollout with its own words when it says no", async () => {
    answer.body = '{"verdict":"fail","message":"checkout is broken"}';
    expect((await judgeAll(await waiting([smoke()]))).state).toMatchObject({
      kind: "halted",
      reason: "gate smoke of stage canary failed: checkout is broken",
    });
  });

  it("counts once for one attempt: twice, late and beside each other change nothing more", async () => {
    const now = await waiting([smoke(), errors()]);
    const asked = askedOf(now).filter(({ gate }) => gate === "smoke");
    const judged = await Promise.all([...asked, ...asked, ...asked].map((one) => judgeGate(hub, one)));
    expect(judged.filter((one) => one === "judged")).toHaveLength(1);
    const { version } = await hub.rollout(now.release);
    for (const one of asked) {
      expect(await judgeGate(hub, one)).toBe("stale");
      expect(await judgeGate(hub, { ...one, attempt: 99 })).toBe("stale");
      expect(await judgeGate(hub, { ...one, release: 9_999 })).toBe("stale");
    }
    expect((await hub.rollout(now.release)).version).toBe(version);
  });

  it("that was written before a crash is acted on by the sweep, once", async () => {
    const now = await waiting([smoke()]);
    const [asked] = askedOf(now);
    if (asked === undefined) throw new Error("nothing asked");
    // The verdict is written, and what should follow is not.
    let puts = 0;
    const put: typeof hub.db.put = (...args) =>
      (puts += 1) === 1 ? hub.db.put(...args) : Promise.reject(new Error("gone"));
    await expect(judgeGate({ ...hub, db: { ...hub.db, put } }, asked)).rejects.toThrow("gone");
    expect(await hub.rollout(now.release)).toMatchObject({ stage: 0, gates: [{ told: { kind: "pass" } }] });
    expect(await hub.step(now.release)).toMatchObject({ stage: 1 });
    expect(await judgeGate(hub, asked)).toBe("stale");
    expect(server.heard).toHaveLength(1);
  });

  it("is not heard any more once a newer release has taken the place of its own", async () => {
    const now = await waiting([smoke()]);
    await hub.release(`newer ${texts}`, text());
    for (const one of askedOf(now)) expect(await judgeGate(hub, one)).toBe("stale");
    expect(server.heard).toEqual([]);
    expect((await hub.rollout(now.release)).state.kind).toBe("superseded");
  });
});

describe("a scan gate", () => {
  const scanned = { name: "images", scan: { severity: "high", max: 2 } };
  const deployment = (image: string, n: number) => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: `d${n}` },
    spec: {
      selector: { matchLabels: { app: `d${n}` } },
      template: {
        metadata: { labels: { app: `d${n}` } },
        spec: { initContainers: [{ name: "i", image: "init:1" }], containers: [{ name: "c", image }] },
      },
    },
  });
  const report = (release: number, image: string, critical: number, high: number) =>
    putScan(
      hub.db,
      { project: "default", app: "shop", release },
      { image, found: { critical, high, medium: 9, low: 9 }, by: "user:ci", at: hub.now() },
    );
  async function released(...images: string[]): Promise<Rollout> {
    await hub.apply(staged({}, { gates: [scanned] }));
    const files = images.map((image, n) => [`apps/${n}.yaml`, JSON.stringify(deployment(image, n))]);
    await hub.commit(text(), Object.fromEntries(files) as Record<string, string>);
    const looked = await look(hub, "default", "shop");
    if (looked.kind !== "released") throw new Error(JSON.stringify(looked));
    return hub.run(looked.release);
  }

  it("passes when each image of the release has a report within the limit; the worst is named", async () => {
    const image = `${text()}:1`;
    const now = await released(image, "web:2");
    expect(evidence(await judgeAll(now))).toEqual([["images", "wait", "no report for init:1 (and 2 more)"]]);
    await report(now.release, "init:1", 0, 0);
    await report(now.release, "web:2", 0, 1);
    await hub.pass(60_000);
    expect(evidence(await judgeAll(now))).toEqual([["images", "wait", `no report for ${image}`]]);
    await report(now.release, image, 1, 1);
    await hub.pass(60_000);
    const judged = await judgeAll(now);
    expect(judged.stage).toBe(1);
    expect(evidence(judged)).toEqual([["images", "pass", `${image} is the worst of 3: 2 high or worse`]]);
  });

  it("says no above it, also while other reports are missing; those of another release count for nothing", async () => {
    const image = `${text()}:1`;
    const now = await released(image);
    await report(now.release - 1, "init:1", 0, 0);
    await report(now.release, image, 1, 2);
    expect((await judgeAll(now)).state).toMatchObject({
      kind: "halted",
      reason: `gate images of stage canary failed: ${image}: 3 high or worse, at most 2`,
    });
  });
});

describe("a check gate", () => {
  const smoke = { name: "smoke", check: { apiVersion: "batch/v1", kind: "Job", name: "smoke" } };
  /** What a cluster's agent tells of it, with the numbers that it was given or with others. */
  const answered = (cluster: string, verdict: CheckAnswer["verdict"], change: object = {}) =>
    hub.report(
      { [cluster]: "healthy" },
      { checks: [{ gate: "smoke", verdict, message: `Job x ${verdict}` }], ...change },
    );
  const wide = async (): Promise<Rollout> => {
    const change = {
      rollout: { stages: [RINGS[0], { ...RINGS[1], maxUnavailable: "100%", gates: [smoke] }] },
    };
    await hub.apply(app(change));
    return hub.run(await hub.release(`n ${texts}`, text()));
  };
  const said = async (now: Rollout) => {
    const judged = await judgeAll(now);
    await hub.pass(60_000);
    return evidence(judged)[0]?.slice(1);
  };

  it("asks by the signed statements of its stage alone", async () => {
    await waiting([smoke]);
    const checksOf = async (cluster: string) => {
      const given = await getAssignment(hub.db, "default", cluster, "shop");
      const text = Buffer.from(given?.statement.split(".")[1] ?? "", "base64url").toString();
      const { order } = statementSchema.parse(JSON.parse(text));
      return order.action === "apply" ? order.sync.checks : "removed";
    };
    expect(await checksOf("a")).toEqual([{ ...smoke.check, gate: "smoke", namespace: "default" }]);
    expect(await checksOf("b")).toBeUndefined();
  });

  it("passes when all clusters of the stage that are heard say so, with their evidence", async () => {
    const now = await wide();
    expect(now.state).toMatchObject({ step: { kind: "gates" } });
    expect(await said(now)).toEqual(["wait", "cluster c: has not answered yet (and 1 more)"]);
    await answered("b", "pass");
    expect(await said(now)).toEqual(["wait", "cluster c: has not answered yet"]);
    await answered("c", "inconclusive");
    expect(await said(now)).toEqual(["inconclusive", "cluster c: Job x inconclusive"]);
    expect(await hub.rollout(now.release)).toMatchObject({ stage: 1, gates: [{ inconclusive: 1 }] });
    await answered("c", "pass");
    expect(await said(now)).toEqual(["pass", "all 2 clusters, cluster c: Job x pass"]);
    expect((await hub.rollout(now.release)).stage).toBe(2);
  });

  it("does not wait for a cluster that is silent", async () => {
    const now = await wide();
    await answered("b", "pass");
    await hub.pass(11 * 60_000, "c");
    expect(await said(now)).toEqual(["pass", "cluster b: Job x pass"]);
  });

  it("halts the rollout when one cluster says no", async () => {
    const now = await wide();
    await answered("b", "pass");
    await answered("c", "fail");
    await said(now);
    expect((await hub.rollout(now.release)).state).toMatchObject({
      kind: "halted",
      gate: "smoke",
      reason: "gate smoke of stage wide failed: cluster c: Job x fail",
    });
  });

  it("takes no answer of another generation, epoch, gate or App, and no replayed one", async () => {
    const now = await waiting([smoke]);
    const { assigned } = (await getPlacements(hub.db, "default", "shop", ["a"])).get("a") ?? {};
    const waits = ["wait", "cluster a: has not answered yet"];
    await answered("a", "pass", { generation: (assigned?.generation ?? 0) - 1 });
    expect(await said(now)).toEqual(waits);
    await answered("a", "fail", { epoch: 99 });
    expect(await said(now)).toEqual(waits);
    await answered("a", "pass", { checks: [{ gate: "other", verdict: "pass", message: "" }] });
    expect(await said(now)).toEqual(waits);
    await answered("a", "pass", { app: "other" });
    await answered("a", "pass", { seq: 1 });
    expect(await said(now)).toEqual(waits);
    await answered("a", "pass");
    expect(await said(now)).toEqual(["pass", "cluster a: Job x pass"]);
  });
});

describe("an App that is deleted", () => {
  it("waits for no gate on its way out: what they ask about is going", async () => {
    await hub.apply(staged({}, { gates: [errors()] }));
    const stored = await getResource(hub.db, "App", "default", "shop");
    if (stored === undefined) throw new Error("no App");
    await markDeleting(hub.db, stored, hubStamp("test"));
    const looked = await look(hub, "default", "shop");
    if (looked.kind !== "released") throw new Error(JSON.stringify(looked));
    const gone = await hub.run(looked.release, { a: "removed", b: "removed", c: "removed", d: "removed" });
    expect(gone.state.kind).toBe("succeeded");
    expect(prometheus.heard).toEqual([]);
  });
});
