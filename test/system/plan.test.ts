/**
 * A plan is a promise: what it says of a branch is what the merged branch then does in the clusters. A real hub with a real
 * Git server and real agents; only the clusters are in memory.
 */
import { afterEach, expect, it } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { releasePlanSchema, type ReleasePlan } from "#core/release-plan.ts";
import { git } from "../functions/source/git-fixture.ts";
import { smallFleet, type SmallFleet } from "../support/small-fleet.ts";

const LONG_MS = 300_000;
let fleet: SmallFleet | undefined;
afterEach(async () => {
  await fleet?.stop();
  fleet = undefined;
}, LONG_MS);

const CLUSTERS = ["east", "west"];
const PASSWORDS = ["swordfish-1", "swordfish-2"];
const configMap = (name: string, data: object) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: ${JSON.stringify(data)}\n`;
const secret = (password: string | undefined) =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: door }\nstringData: { password: ${password} }\n`;

it(
  "a branch's plan names exactly what its merge then does, and holds no plain text of a Secret",
  async () => {
    fleet = await smallFleet(CLUSTERS);
    const hub = await fleet.open("a");
    await fleet.apply(hub);
    await fleet.startAll(hub);
    const first = await fleet.tree.push(
      {
        "apps/shop/kept.yaml": configMap("kept", { text: "one" }),
        "apps/shop/changed.yaml": configMap("changed", { text: "one", other: "same" }),
        "apps/shop/dropped.yaml": configMap("dropped", {}),
        "apps/shop/secret.yaml": secret(PASSWORDS[0]),
      },
      "First",
    );
    await fleet.rolloutOf(hub, first);

    await git(fleet.tree.folder, "checkout", "--quiet", "-b", "feature");
    await fleet.tree.push(
      {
        "apps/shop/changed.yaml": configMap("changed", { text: "two", other: "same" }),
        "apps/shop/dropped.yaml": undefined,
        "apps/shop/added.yaml": configMap("added", {}),
        "apps/shop/secret.yaml": secret(PASSWORDS[1]),
      },
      "Second",
    );
    await git(fleet.tree.folder, "push", "--quiet", "origin", "feature");
    const { out } = await fleet.cli(hub, "plan", "shop", "--branch", "feature", "-o", "json");
    const plan = releasePlanSchema.parse(JSON.parse(out));
    expect(plan).toMatchObject({
      verdict: { kind: "release" },
      against: { release: 1, commit: first },
      changes: { entries: [{ clusters: { count: 2 }, unchanged: 1 }] },
    });
    for (const password of PASSWORDS)
      for (const form of [password, Buffer.from(password).toString("base64")])
        expect(out).not.toContain(form);
    const words = await fleet.cli(hub, "plan", "shop", "--branch", "feature");
    expect(words.out).toContain("update 2 clusters: east, west\n  + ConfigMap shop/added\n");

    const before = held(fleet);
    await git(fleet.tree.folder, "checkout", "--quiet", "main");
    await git(fleet.tree.folder, "merge", "--quiet", "--ff-only", "feature");
    await git(fleet.tree.folder, "push", "--quiet", "origin", "main");
    await fleet.rolloutOf(hub, await git(fleet.tree.folder, "rev-parse", "HEAD"));
    expect(
      CLUSTERS.flatMap((name) => differences(before.get(name), held(fleet as SmallFleet).get(name))),
    ).toEqual(CLUSTERS.flatMap(() => told(plan)));
    const again = await fleet.cli(hub, "plan", "shop", "--branch", "main", "--exit-code");
    expect(again.out).toContain("The clusters would stay as they are.");
  },
  LONG_MS,
);

type Held = Map<string, Map<string, KubeObject>>;

/** What the App has in each cluster. */
function held({ kubes }: SmallFleet): Held {
  const ours = (name: string) =>
    (kubes.get(name)?.list() ?? []).filter(
      ({ kind, metadata }) => ["ConfigMap", "Secret"].includes(kind) && metadata.namespace === "shop",
    );
  return new Map(
    CLUSTERS.map((name) => [
      name,
      new Map(ours(name).map((one) => [`${one.kind} ${one.metadata.name}`, one])),
    ]),
  );
}

const CREATED = "created";

function differences(
  before: ReadonlyMap<string, KubeObject> = new Map(),
  after: ReadonlyMap<string, KubeObject> = new Map(),
): string[] {
  const data = (one: KubeObject | undefined): string => JSON.stringify(one?.["data"]);
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => !before.has(key) || !after.has(key) || data(before.get(key)) !== data(after.get(key)))
    .map((key) => `${before.has(key) ? (after.has(key) ? "changed" : "deleted") : CREATED} ${key}`)
    .sort();
}

function told({ changes }: ReleasePlan): string[] {
  const [entry] = changes?.entries ?? [];
  if (entry === undefined) return [];
  const lines = (what: string, refs: readonly { kind: string; name: string }[]) =>
    refs.map(({ kind, name }) => `${what} ${kind} ${name}`);
  return [
    ...lines(CREATED, entry.created.listed),
    ...lines(
      "changed",
      entry.changed.listed.map(({ object }) => object),
    ),
    ...lines("deleted", entry.deleted.listed),
  ].sort();
}
