/**
 * The hub is lost, put back from an old copy, moved, or signs with another key: no cluster is visited, nothing is
 * deleted, and the next commit arrives. Real hubs, real agents, a real Git server; only the clusters are in memory.
 */
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { hubViewSchema } from "#core/hub.ts";
import { clusterViewSchema } from "#core/view.ts";
import { greetings, smallFleet, type SmallFleet } from "../support/small-fleet.ts";
import { until } from "../support/wait.ts";

const LONG_MS = 300_000;
const CLUSTERS = ["east", "west"];
let fleet: SmallFleet | undefined;
afterEach(async () => {
  await fleet?.stop();
  fleet = undefined;
}, LONG_MS);

/** Two clusters at release 2 of the shop. */
async function running() {
  fleet = await smallFleet(CLUSTERS);
  const hub = await fleet.open("a");
  await fleet.apply(hub);
  await fleet.startAll(hub);
  const first = await fleet.tree.push(greetings({ greeting: "one", other: "kept" }), "Say one");
  await fleet.rolloutOf(hub, first);
  const second = await fleet.tree.push(greetings({ greeting: "two" }), "Say two");
  await fleet.rolloutOf(hub, second);
  return { fleet, hub };
}

const port = ({ url }: { url: string }): number => Number(new URL(url).port);

async function everywhere(fleet: SmallFleet, text: string): Promise<void> {
  expect(await Promise.all(CLUSTERS.map((name) => fleet.greeting(name)))).toEqual([text, text]);
  expect(await Promise.all(CLUSTERS.map((name) => fleet.greeting(name, "other")))).toEqual(["kept", "kept"]);
}

async function exported(fleet: SmallFleet, hub: Parameters<SmallFleet["cli"]>[0]): Promise<string> {
  const file = join(fleet.folder, "hub.jsonl");
  await writeFile(file, (await fleet.cli(hub, "export")).out);
  return file;
}

/** What the recovery key's keeper has: a copy of its file, apart from the hub. */
async function keptKey(fleet: SmallFleet, data: string): Promise<string> {
  const file = join(fleet.folder, "offline-recovery.json");
  await writeFile(file, await readFile(fleet.recoveryFile(data)), { mode: 0o600 });
  return file;
}

describe("a lost hub", () => {
  it(
    "rebuilt from its export at the same address: agents carry on untouched, numbers go on, the next commit arrives",
    async () => {
      const { fleet, hub } = await running();
      const file = await exported(fleet, hub);
      const key = await keptKey(fleet, "a");
      const id = hub.hub;
      await fleet.lose(hub, "a");
      const next = await fleet.open("b", { port: port(hub) });
      const told = await fleet.cli(next, "import", file, "--recovery-key", key);
      expect(told.err).toContain(`hub ${id} is here now`);
      const commit = await fleet.tree.push(greetings({ greeting: "three" }), "Say three");
      const rollout = await fleet.rolloutOf(next, commit);
      expect(rollout.release).toBeGreaterThan(2);
      await everywhere(fleet, "three");
      expect(await fleet.read(next, "/v1/hub", hubViewSchema)).toMatchObject({ hub: id, epoch: 2 });
      for (const name of CLUSTERS)
        expect((await fleet.placement(next, name)).observed).toMatchObject({ epoch: 2, phase: "healthy" });
      // And over a restart: the table outweighs the key files of the hub that took over.
      await next.stop();
      const again = await fleet.open("b", { port: port(hub) });
      expect(again.hub).toBe(id);
      const last = await fleet.tree.push(greetings({ greeting: "four" }), "Say four");
      await fleet.rolloutOf(again, last);
      await everywhere(fleet, "four");
      expect((await fleet.cli(again, "audit-log", "verify")).err).not.toContain("gap");
      // Read in a second time, nothing happens.
      expect((await fleet.cli(again, "import", file, "--recovery-key", key)).err).toContain(
        "was read in before",
      );
    },
    LONG_MS,
  );

  it(
    "rebuilt at another address of its charter is found, also by an agent that slept through it all",
    async () => {
      const { fleet, hub } = await running();
      const next = await fleet.open("b");
      const key = await keptKey(fleet, "a");
      await fleet.cli(hub, "hub", "move", "--url", hub.url, "--url", next.url, "--recovery-key", key);
      for (const name of CLUSTERS)
        await until("the charter is taken", async () =>
          fleet.agents.get(name)?.logs.some(({ message }) => message.startsWith("charter")),
        );
      await fleet.agents.get("west")?.stop();
      const file = await exported(fleet, hub);
      await fleet.lose(hub, "a");
      await fleet.cli(next, "import", file, "--recovery-key", key);
      await until("east is heard at the new address", async () => {
        const path = "/v1/projects/default/clusters/east";
        return (await fleet.read(next, path, clusterViewSchema)).heardAt !== undefined;
      });
      await fleet.start("west");
      const commit = await fleet.tree.push(greetings({ greeting: "moved" }), "Say moved");
      await fleet.rolloutOf(next, commit);
      await everywhere(fleet, "moved");
    },
    LONG_MS,
  );

  it(
    "put back from an old copy, in a new epoch, goes on below the numbers that it forgot",
    async () => {
      const { fleet, hub } = await running();
      await hub.stop();
      await fleet.copy("a", "old");
      const later = await fleet.open("a", { port: port(hub) });
      const commit = await fleet.tree.push(greetings({ greeting: "forgotten" }), "Say what is forgotten");
      await fleet.rolloutOf(later, commit);
      await fleet.lose(later, "a");
      const old = await fleet.open("old", { port: port(hub), newEpoch: true });
      const next = await fleet.tree.push(greetings({ greeting: "remembered" }), "Say what is remembered");
      await fleet.rolloutOf(old, next);
      await everywhere(fleet, "remembered");
      expect((await fleet.placement(old, "east")).observed).toMatchObject({ epoch: 2 });
    },
    LONG_MS,
  );
});

describe("a new signing key", () => {
  it(
    "is certified, given to the hub, and ends the old one in a new epoch; the hub refuses to be cut off",
    async () => {
      const { fleet, hub } = await running();
      const file = join(fleet.folder, "signing-2.json");
      const key = fleet.recoveryFile("a");
      const rotate = (at: typeof hub, ...more: string[]) =>
        fleet.cli(at, "hub", "rotate-signing-key", "--signing-key", file, "--recovery-key", key, ...more);
      await rotate(hub);
      await expect(rotate(hub, "--drop-old")).rejects.toThrow("the key that this hub signs with");
      const before = await fleet.read(hub, "/v1/hub", hubViewSchema);
      expect([before.epoch, before.signers.length]).toEqual([1, 2]);
      await hub.stop();
      await copyFile(file, join(fleet.folder, "a", "keys", "signing.json"));
      const next = await fleet.open("a", { port: port(hub) });
      const commit = await fleet.tree.push(greetings({ greeting: "signed anew" }), "Sign anew");
      await fleet.rolloutOf(next, commit);
      await everywhere(fleet, "signed anew");
      await rotate(next, "--drop-old");
      await until("every statement is of the new epoch", async () => {
        const placements = await Promise.all(CLUSTERS.map((name) => fleet.placement(next, name)));
        return placements.every(({ observed }) => observed?.epoch === 2 && observed.phase === "healthy");
      });
      await everywhere(fleet, "signed anew");
      const after = await fleet.read(next, "/v1/hub", hubViewSchema);
      expect([after.signers.length, after.signers[0]?.kid]).toEqual([1, after.signing]);
    },
    LONG_MS,
  );
});
