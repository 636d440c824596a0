/**
 * Project rules and Policies where they count: in the release function, before anything is assigned, also for what
 * was stored without a check. What runs keeps running; nothing of a withheld release reaches a cluster.
 */
import { hubStamp } from "#core/actor.ts";
import { parseResource } from "#core/resource.ts";
import { statementSchema } from "#core/statement.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { applyDocuments } from "../../../functions/apply/apply.ts";
import { look, type Looked } from "../../../functions/release/look.ts";
import { lookFor, sweepApps } from "../../../functions/release/look-apps.ts";
import { assignRange } from "../../../functions/rollout/assign.ts";
import { tick } from "../../../functions/rollout/tick.ts";
import { putBeat } from "../../../functions/store/cluster.ts";
import { listAssignments } from "../../../functions/store/assignment.ts";
import { deleteResource, getResource, markDeleting, putResource } from "../../../functions/store/resource.ts";
import { getRelease } from "../../../functions/store/rollout.ts";
import { getAppRecord } from "../../../functions/store/state.ts";
import { app, cluster, configMaps, hubParts, source, type HubParts } from "../../support/hub-parts.ts";

let hub: HubParts;
beforeAll(async () => {
  hub = await hubParts();
}, 900_000);
afterAll(() => hub?.stop());

/** Written as if no check stood before it. */
async function put(resource: object): Promise<void> {
  const parsed = parseResource("document", { apiVersion: "fairlead.dev/v1", ...resource });
  if (parsed.kind === "refused") throw new Error(parsed.message);
  await putResource(hub.db, parsed.resource, hubStamp("test"));
}
const project = (spec: object = {}) => put({ kind: "Project", metadata: { name: "default" }, spec });
const policy = (name: string, expression: string, spec: object = {}) =>
  put({
    kind: "Policy",
    metadata: { name },
    spec: { validations: [{ expression, message: `breaks ${name}` }], ...spec },
  });

async function remove(kind: "App" | "Policy" | "Source", name: string): Promise<void> {
  const stored = await getResource(hub.db, kind, "default", name);
  if (stored !== undefined) await deleteResource(hub.db, stored, hubStamp("test"));
}

let commits = 0;
const commit = (files: Record<string, string>) => hub.commit(`commit-${(commits += 1)}`, files);
const shop = (): Promise<Looked> => look(hub, "default", "shop");
const record = () => getAppRecord(hub.db, "default", "shop");

async function released(): Promise<number> {
  const looked = await shop();
  if (looked.kind !== "released") throw new Error(`not released: ${JSON.stringify(looked)}`);
  return looked.release;
}

const step = async () => tick(hub, "default", "shop", (await record())?.release ?? 0, { redrive: true });

/** In the statement that cluster a was given last. */
async function signedHealth(): Promise<unknown> {
  const [given] = await listAssignments(hub.db, "default", "a");
  const text = Buffer.from(given?.statement.split(".")[1] ?? "", "base64url").toString();
  const { order } = statementSchema.parse(JSON.parse(text));
  return order.action === "apply" ? order.sync.health : "removed";
}

async function withheld(): Promise<string> {
  const before = (await record())?.release ?? 0;
  const looked = await shop();
  if (looked.kind !== "failed") throw new Error(`not withheld: ${JSON.stringify(looked)}`);
  expect((await record())?.release ?? 0).toBe(before);
  expect(await getRelease(hub.db, "default", "shop", before + 1)).toBeUndefined();
  return looked.error.message;
}

beforeEach(async () => {
  for (const name of ["no-latest", "labelled", "broken", "slow", "warner"]) await remove("Policy", name);
  await project();
  await hub.apply(source, app(), cluster("a", { tier: "web" }), cluster("b", { tier: "web" }));
  for (const name of ["a", "b"]) await putBeat(hub.db, "default", name, hub.now());
});

describe("a Project's rules", () => {
  it("withhold what leaves the fence, name object, rule and fix, and let what runs run", async () => {
    await commit(configMaps("one"));
    const good = await released();
    const other = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x, namespace: kube-system }\n";
    await commit({ "apps/all.yaml": other });
    await project({ namespaces: ["default"] });
    expect(await withheld()).toBe(
      "withheld: Project default: ConfigMap kube-system/x: namespace kube-system is not among spec.namespaces of Project default (default): move it, or allow the namespace there",
    );
    expect(await shop()).toEqual({ kind: "nothing" });
    expect((await record())?.error?.findings).toMatchObject({
      total: 1,
      listed: [{ object: "ConfigMap kube-system/x" }],
    });
    await project({ namespaces: ["default", "kube-*"] });
    expect(await released()).toBe(good + 1);
    expect((await record())?.error).toBeUndefined();
  });

  it("hold for what a gate looks at as well", async () => {
    await commit(configMaps("checked"));
    await project({ namespaces: ["default"] });
    const check = { apiVersion: "v1", kind: "ConfigMap", name: "x", namespace: "kube-system", pass: "true" };
    const stage = { name: "canary", clusters: {}, gates: [{ name: "smoke", check }] };
    await hub.apply(app({ rollout: { stages: [stage] } }));
    expect(await withheld()).toContain("ConfigMap kube-system/x: namespace kube-system is not among");
    await hub.apply(
      app({
        rollout: {
          stages: [{ ...stage, gates: [{ name: "smoke", check: { ...check, namespace: "default" } }] }],
        },
      }),
    );
    await released();
    await hub.apply(app());
    await project();
    await released();
  });

  it("are looked at again when the Project changes, and only for what is decided by", async () => {
    await commit(configMaps("two"));
    await released();
    await project({ egress: ["git.internal"] });
    expect(await shop()).toEqual({ kind: "nothing" });
    await project({ kinds: { deny: [{ kind: "ConfigMap" }] } });
    await lookFor(hub, { type: "project.changed", detail: { project: "default" } });
    expect((await record())?.error?.message).toContain("ConfigMap is denied by spec.kinds.deny");
  });

  it("bring rules of health for kinds that an App brings and says nothing of, signed", async () => {
    await commit(configMaps("healthy"));
    await released();
    const rule = (kind: string, current: string) => ({ apiVersion: "v1", kind, current });
    await project({ health: [rule("ConfigMap", "true"), rule("Service", "true")] });
    await released();
    await step();
    expect(await signedHealth()).toEqual([rule("ConfigMap", "true")]);
    await hub.apply(app({ health: [rule("ConfigMap", "has(data.key)")] }));
    await released();
    await step();
    expect(await signedHealth()).toEqual([rule("ConfigMap", "has(data.key)")]);
    await hub.apply(app());
    await project();
    await released();
    await step();
    expect(await signedHealth()).toBeUndefined();
  });

  it("and the App's, longer together than can be signed, withhold it and say what to shorten", async () => {
    await commit(configMaps("long"));
    const current = `data.key != '${"k".repeat(900)}'`;
    const long = { apiVersion: "v1", kind: "ConfigMap", current };
    await project({ health: [long] });
    await hub.apply(
      app({
        sync: { ignore: [{ paths: Array.from({ length: 3 }, (_, n) => `/data/${"p".repeat(400 + n)}`) }] },
      }),
    );
    expect(await withheld()).toMatch(
      /^the order for cluster [ab] takes \d+ bytes, and 2400 can be signed: shorten spec\.sync\.ignore/,
    );
    await hub.apply(app());
    await released();
    await project();
  });

  it("give nothing new to an App whose Source may not be read any more", async () => {
    await commit(configMaps("three"));
    await released();
    await project({ sources: ["https://git.example.com/other/**"] });
    await commit(configMaps("three", "four"));
    expect(await withheld()).toContain(
      "the repository of Source fleet (https://git.example.com/fleet.git) is not among spec.sources of Project default",
    );
  });

  it("give nothing new to an App whose Source is gone, or whose Project is", async () => {
    await remove("Source", "fleet");
    await commit(configMaps("five"));
    expect(await withheld()).toBe("there is no Source fleet in project default: apply it");
    await hub.apply(source);
    const stored = await getResource(hub.db, "Project", "default", "default");
    if (stored === undefined) throw new Error("no Project");
    await deleteResource(hub.db, stored, hubStamp("test"));
    await commit(configMaps("six"));
    expect(await withheld()).toContain("there is no Project default");
  });

  it("take a cluster out of reach off by a signed, budgeted removal", async () => {
    await commit(configMaps("seven"));
    const first = await released();
    await runTo(first);
    await hub.apply(app({ rollout: { budget: { deletes: 0 } } }));
    await put({ kind: "Cluster", metadata: { name: "b", labels: { tier: "lab" } } });
    await project({ clusters: { matchLabels: { tier: "web" } } });
    expect(await look(hub, "default", "shop")).toMatchObject({ kind: "withheld" });
    await hub.apply(app());
    const release = await released();
    expect(await getRelease(hub.db, "default", "shop", release)).toMatchObject({
      removed: 1,
      targetCount: 2,
    });
    await runTo(release);
    expect(await orderOf("b")).toMatchObject({ action: "remove" });
  });

  it("keep Apps to the accounts they name, which statements bear, removals as well", async () => {
    await hub.apply(app({ sync: { serviceAccount: "deployer" } }));
    await commit(configMaps("accounts"));
    await project({ serviceAccounts: ["web/*"] });
    expect(await withheld()).toBe(
      "the service account of App shop (default/deployer) is not among spec.serviceAccounts of Project default (web/*): allow it there, or use another",
    );
    await hub.apply(app());
    expect(await withheld()).toContain("App shop names no service account: set its spec.sync.serviceAccount");
    await hub.apply(
      app({ sync: { serviceAccount: "web/deployer" }, rollout: { budget: { clusters: "100%" } } }),
    );
    await runTo(await released());
    expect(await orderOf("b")).toMatchObject({ action: "apply", sync: { serviceAccount: "web/deployer" } });
    await project({ serviceAccounts: ["web/*"], clusters: { matchLabels: { tier: "none" } } });
    await runTo(await released());
    expect(await orderOf("b")).toMatchObject({ action: "remove", serviceAccount: "web/deployer" });
  });

  it("do not keep a deleted App from leaving its clusters", async () => {
    await commit(configMaps("eight"));
    await runTo(await released());
    await project({ sources: [], namespaces: [] });
    const stored = await getResource(hub.db, "App", "default", "shop");
    if (stored === undefined) throw new Error("no App");
    await markDeleting(hub.db, stored, hubStamp("test"));
    expect(await getRelease(hub.db, "default", "shop", await released())).toMatchObject({ removed: 2 });
  });

  async function orderOf(name: string): Promise<object> {
    const [row] = await listAssignments(hub.db, "default", name);
    const text = Buffer.from(row?.statement.split(".")[1] ?? "", "base64url").toString();
    return (JSON.parse(text) as { order: object }).order;
  }

  /** Every rank is assigned, as far as nobody has to report first. */
  async function runTo(release: number): Promise<void> {
    const rollout = await tick(hub, "default", "shop", release, { redrive: true });
    if (rollout === undefined) throw new Error("no rollout");
    const { fence, released: to } = rollout;
    await assignRange(hub, { project: "default", app: "shop", release, fence, from: 0, to });
  }
});

const deployment = (image: string) => ({
  "apps/all.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { team: web } }
spec: { template: { spec: { containers: [{ name: main, image: "${image}" }] } } }
`,
});
const NO_LATEST = "object.spec.template.spec.containers.all(c, !c.image.endsWith(':latest'))";
const deployments = { match: { kinds: ["Deployment"] } };

describe("a Policy", () => {
  it("that enforces withholds a release, and lets it go once it is fulfilled", async () => {
    await policy("no-latest", NO_LATEST, deployments);
    await commit(deployment("shop:latest"));
    expect(await withheld()).toBe("withheld: Policy no-latest: Deployment default/web: breaks no-latest");
    await commit(deployment("shop:1.4"));
    const release = await released();
    expect((await getRelease(hub.db, "default", "shop", release))?.warnings).toBeUndefined();
  });

  it("that only warns lets the release go; it and the App say so until it is fulfilled", async () => {
    await policy("warner", NO_LATEST, { mode: "warn", ...deployments });
    await commit(deployment("other:latest"));
    const release = await released();
    const warnings = {
      total: 1,
      listed: [{ by: "Policy warner", object: "Deployment default/web", message: "breaks warner" }],
    };
    expect((await getRelease(hub.db, "default", "shop", release))?.warnings).toEqual(warnings);
    expect((await record())?.warnings).toEqual(warnings);
    expect(await shop()).toEqual({ kind: "nothing" });
    await remove("Policy", "warner");
    expect(await shop()).toEqual({ kind: "nothing" });
    expect((await record())?.warnings).toBeUndefined();
    expect((await record())?.release).toBe(release);
  });

  it("is looked at again when it changes, and not for Apps that it does not mean", async () => {
    await commit(deployment("again:latest"));
    await released();
    await policy("labelled", "false", { apps: { matchLabels: { tier: "db" } } });
    await lookFor(hub, { type: "policy.changed", detail: { project: "default", policy: "labelled" } });
    expect((await record())?.error).toBeUndefined();
    await policy("labelled", "'team' in object.metadata.labels && object.metadata.labels.team == 'db'");
    await lookFor(hub, { type: "policy.changed", detail: { project: "default", policy: "labelled" } });
    expect((await record())?.error?.message).toBe(
      "withheld: Policy labelled: Deployment default/web: breaks labelled",
    );
  });

  it("of the hub's own project holds in every project", async () => {
    await commit(deployment("hub:latest"));
    await released();
    const own = { kind: "Policy", metadata: { name: "no-latest", project: "fairlead" } };
    await put({
      ...own,
      spec: { validations: [{ expression: NO_LATEST, message: "name a version" }], ...deployments },
    });
    await lookFor(hub, { type: "policy.changed", detail: { project: "fairlead", policy: "no-latest" } });
    expect((await record())?.error?.message).toBe(
      "withheld: Policy fairlead/no-latest: Deployment default/web: name a version",
    );
    const stored = await getResource(hub.db, "Policy", "fairlead", "no-latest");
    if (stored === undefined) throw new Error("no Policy");
    await deleteResource(hub.db, stored, hubStamp("test"));
    expect(await shop()).toEqual({ kind: "nothing" });
    expect((await record())?.error).toBeUndefined();
  });

  it("whose expression does not compile is refused at apply, and nothing is written", async () => {
    const parsed = parseResource("document", {
      apiVersion: "fairlead.dev/v1",
      kind: "Policy",
      metadata: { name: "broken" },
      spec: { validations: [{ expression: "object.spec >", message: "x" }] },
    });
    if (parsed.kind === "refused") throw new Error(parsed.message);
    const all = [{ verbs: ["*" as const], nouns: ["*" as const] }];
    const applier = { name: "user:ada", rulesIn: async () => all, stamp: hubStamp("test") };
    const documents = [{ place: "document 1", resource: parsed.resource }];
    const applying = applyDocuments(hub.db, applier, {
      documents,
      dryRun: false,
      takeover: false,
      prune: undefined,
    });
    await expect(applying).rejects.toMatchObject({
      code: "invalid-resource",
      message: "document 1: Policy broken: spec.validations.0.expression: Unexpected token: EOF",
    });
    expect(await getResource(hub.db, "Policy", "default", "broken")).toBeUndefined();
  });

  it("whose expression does not compile withholds, though it was stored", async () => {
    await policy("broken", "object.spec.replicas >");
    await commit(deployment("broken:1"));
    expect(await withheld()).toBe(
      "withheld: Policy broken: Deployment default/web: validation 1 cannot be evaluated: Unexpected token: EOF",
    );
  });

  it("that only warns and cannot be evaluated is told and withholds nothing", async () => {
    await policy("warner", "object.nothing.here", { mode: "warn" });
    await commit(deployment("warned:1"));
    await released();
    expect((await record())?.warnings?.listed[0]?.message).toBe(
      "validation 1 cannot be evaluated: No such key: nothing",
    );
  });
});

describe("sweepApps", () => {
  it("reads what a project's Apps share once, and the rest of each App alone", async () => {
    await commit(configMaps("sweep"));
    await sweepApps(hub);
    const names = Array.from({ length: 10 }, (_, index) => `sweep-${index}`);
    const cost = async (): Promise<number> => {
      hub.units();
      await sweepApps(hub);
      const { update, put: written, transact, ...reads } = hub.units();
      expect([update, written, transact]).toEqual([undefined, undefined, undefined]);
      return Object.values(reads).reduce((sum, one) => sum + one, 0);
    };
    const one = await cost();
    for (const name of names) await hub.apply({ ...app(), metadata: { name } });
    await sweepApps(hub);
    // An App, its Source's state and its own: three reads, at most a unit each.
    const eleven = await cost();
    expect(eleven - one).toBeLessThanOrEqual(3.5 * names.length);
  });
});
