/** What lists and watches of metadata promise, on the in-memory cluster and on a real API server alike. */
import { describe, expect, it } from "vitest";
import type { KubeError, WatchEvent } from "../../agent/kube/port.ts";
import type { KubeObject } from "#core/object.ts";
import type { KubeUnderTest } from "./kube.ts";

const FORCE = { dryRun: false, force: true };

/** A label of the namespace's own, so that tests do not see each other's objects. */
function parts(namespace: string) {
  const label = `watch.example.org/${namespace}`;
  const config = (name: string, data: Record<string, string>, labelled = true): KubeObject => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace, labels: labelled ? { [label]: "x" } : {} },
    data,
  });
  const address = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", namespace, name });
  return { selection: { apiVersion: "v1", kind: "ConfigMap", label }, config, address };
}

type Parts = ReturnType<typeof parts>;

async function listed({ kube }: KubeUnderTest, { selection }: Parts) {
  const objects: KubeObject[] = [];
  let version = "";
  for await (const page of kube.listMetadata(selection)) {
    objects.push(...page.objects);
    version = page.version;
  }
  return { objects, version };
}

/** Collects until `enough`, then hangs up. */
async function watched(
  { kube }: KubeUnderTest,
  { selection }: Parts,
  version: string,
  enough: (events: WatchEvent[]) => boolean,
): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  const from = { version, forMs: 60_000, signal: AbortSignal.timeout(60_000) };
  for await (const event of kube.watchMetadata(selection, from)) {
    if (event.type !== "bookmark") events.push(event);
    if (enough(events)) return events;
  }
  return expect.unreachable(`the watch ended after ${events.length} events`);
}

const told = (events: readonly WatchEvent[]): string[] =>
  events.flatMap((event) =>
    event.type === "bookmark" ? [] : [`${event.type} ${event.object.metadata.name}`],
  );

export function kubeWatchConformance(title: string, open: () => KubeUnderTest): void {
  const space = async (): Promise<{ under: KubeUnderTest; with: Parts }> => {
    const under = open();
    return { under, with: parts(await under.namespace()) };
  };

  describe(`${title}: metadata`, () => {
    it("is listed for what bears the label, and is metadata alone", async () => {
      const { under, with: of } = await space();
      const live = await under.kube.apply(of.config("a", { secret: "value" }), FORCE);
      await under.kube.apply(of.config("b", {}, false), FORCE);
      const { objects, version } = await listed(under, of);
      expect(objects).toEqual([{ apiVersion: "v1", kind: "ConfigMap", metadata: live.metadata }]);
      expect(version).toMatch(/^\d+$/);
    });
    it("is watched from a list on: created, changed, deleted, in order and none lost", async () => {
      const { under, with: of } = await space();
      const { version } = await listed(under, of);
      await under.kube.apply(of.config("a", { key: "1" }), FORCE);
      await under.edit(of.address("a"), { data: { key: "2" } });
      await under.kube.apply(of.config("other", {}, false), FORCE);
      await under.kube.delete(of.address("a"), undefined);
      const events = await watched(under, of, version, (all) => all.length === 3);
      expect(told(events)).toEqual(["put a", "put a", "gone a"]);
      const versions = events.map((event) => Number(event.version));
      expect(versions).toEqual(versions.toSorted((a, b) => a - b));
      expect(JSON.stringify(events)).not.toContain('"data":');
    });
    it("is listed and watched in one namespace alone where one is named", async () => {
      const { under, with: of } = await space();
      const [here, there] = [of.config("a", {}), of.config("b", {})];
      const elsewhere = await under.namespace();
      await under.kube.apply({ ...there, metadata: { ...there.metadata, namespace: elsewhere } }, FORCE);
      const within = { ...of, selection: { ...of.selection, namespace: here.metadata.namespace ?? "" } };
      const { objects, version } = await listed(under, within);
      expect(objects).toEqual([]);
      await under.kube.apply({ ...there, metadata: { ...there.metadata, namespace: elsewhere } }, FORCE);
      await under.kube.delete({ ...of.address("b"), namespace: elsewhere }, undefined);
      await under.kube.apply(here, FORCE);
      const events = await watched(under, within, version, (all) => all.length > 0);
      expect(told(events)).toEqual(["put a"]);
      expect((await listed(under, within)).objects.map(({ metadata }) => metadata.name)).toEqual(["a"]);
    });
    it("goes on from the version of the last event, with what came in between", async () => {
      const { under, with: of } = await space();
      const { version } = await listed(under, of);
      await under.kube.apply(of.config("a", {}), FORCE);
      const first = await watched(under, of, version, (all) => all.length === 1);
      await under.kube.apply(of.config("b", {}), FORCE);
      const second = await watched(under, of, first[0]?.version ?? "", (all) => all.length === 1);
      expect(told(second)).toEqual(["put b"]);
    });
    it("tells an object as gone when it loses the label, and as put when it has it again", async () => {
      const { under, with: of } = await space();
      await under.kube.apply(of.config("a", {}), FORCE);
      const { version } = await listed(under, of);
      await under.edit(of.address("a"), { metadata: { labels: { [of.selection.label]: null } } });
      await under.kube.apply(of.config("a", {}), FORCE);
      expect(told(await watched(under, of, version, (all) => all.length === 2))).toEqual(["gone a", "put a"]);
    });
    it("shows who changed an object: the manager with its time", async () => {
      const { under, with: of } = await space();
      await under.kube.apply(of.config("a", { key: "1" }), FORCE);
      const { version } = await listed(under, of);
      await under.edit(of.address("a"), { data: { key: "2" } });
      const [event] = await watched(under, of, version, (all) => all.length === 1);
      expect(JSON.stringify(event)).toContain('"manager":"kubectl-edit"');
    });
    it("ends after its time, and at once when it is given up", async () => {
      const { under, with: of } = await space();
      const { version } = await listed(under, of);
      const signal = AbortSignal.timeout(60_000);
      for await (const event of under.kube.watchMetadata(of.selection, { version, forMs: 100, signal }))
        expect(event.type).toBe("bookmark");
      expect(signal.aborted).toBe(false);
      const given = AbortSignal.abort();
      const ended = (async () => {
        for await (const event of under.kube.watchMetadata(of.selection, {
          version,
          forMs: 60_000,
          signal: given,
        }))
          expect(event.type).toBe("bookmark");
      })();
      await ended.catch((error: KubeError) => expect(error.status).toBe(0));
    });
    it("says of an unknown kind that it is not served", async () => {
      const { under, with: of } = await space();
      const selection = { ...of.selection, apiVersion: "nowhere.example.org/v1", kind: "Gadget" };
      const error = await listed(under, { ...of, selection }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: "KubeError", status: 404, reason: "NotServed" });
    });
  });
}
