/** Rounds over all Sources: who is due, and that a repository that hangs holds up nobody else's. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { Poller } from "../../../functions/release/poll-sources.ts";
import { putCredential } from "../../../functions/store/credential.ts";
import { putNudge } from "../../../functions/store/nudge.ts";
import { getSourceState } from "../../../functions/store/state.ts";
import { hubStamp } from "#core/actor.ts";
import { until } from "../../support/wait.ts";
import { commitFiles, gitFixture, type GitFixture } from "../source/git-fixture.ts";
import { listener, sourceOf, sourceParts, type SourceParts } from "./source-fixture.ts";

const MINUTE_MS = 60_000;
let git: GitFixture;
let bare: string;
beforeAll(async () => {
  git = await gitFixture();
  bare = await git.repository("fleet.git");
  await commitFiles(bare, { "a.yaml": "a: 1\n" });
});
afterAll(() => git?.close());

/** A hub of its own for each test: rounds look at everything that is there. */
async function hub(): Promise<SourceParts & { poller: Poller; looks: string[] }> {
  const parts = await sourceParts();
  const looks: string[] = [];
  const outbound = {
    to: (hosts: readonly string[]) => (url: string, init: RequestInit) => {
      if (init.method === "GET") looks.push(new URL(url).pathname.split("/")[1] ?? "");
      return parts.outbound.to(hosts)(url, init);
    },
  };
  const poller = new Poller({ ...parts, outbound }, (_source, error) => {
    throw error;
  });
  onTestFinished(async () => {
    await poller.stop();
    await parts.stop();
  });
  return { ...parts, poller, looks };
}

const round = async ({ poller }: Pick<Awaited<ReturnType<typeof hub>>, "poller">): Promise<void> => {
  await poller.round();
  await poller.drain(60_000, 60_000);
};

describe("Poller", () => {
  it("looks when the interval is over, and not before", async () => {
    const parts = await hub();
    await parts.apply(sourceOf(git.url("fleet.git")));
    const start = parts.now();
    for (const after of [0, 1000, 30_000, MINUTE_MS, MINUTE_MS + 1000, 2 * MINUTE_MS]) {
      parts.setNow(start + after);
      await round(parts);
    }
    expect(parts.looks).toEqual(["fleet.git", "fleet.git", "fleet.git"]);
  });

  it("looks less and less often at what fails, and at once after a nudge or a new credential", async () => {
    const parts = await hub();
    await parts.apply(sourceOf(git.url("gone.git"), { credentials: "key" }));
    await parts.credential("default", "key", { kind: "token", token: "t" });
    const start = parts.now();
    const at: number[] = [];
    for (let minute = 0; minute <= 64; minute += 1) {
      parts.setNow(start + minute * MINUTE_MS);
      const before = parts.looks.length;
      await round(parts);
      if (parts.looks.length > before) at.push(minute);
    }
    // 2, 4, 8 and then 15 minutes apart, less the share of jitter that this name has.
    expect(at).toEqual([0, 2, 6, 14, 28, 42, 56]);
    const looked = async (): Promise<number> => {
      const before = parts.looks.length;
      await round(parts);
      return parts.looks.length - before;
    };
    expect(await looked()).toBe(0);
    await putNudge(parts.db, "default", "fleet", parts.now(), "webhook:github");
    expect([await looked(), await looked()]).toEqual([1, 0]);
    parts.setNow(parts.now() + 1);
    const change = {
      project: "default",
      name: "key",
      kind: "token" as const,
      stamp: hubStamp("test"),
      at: parts.now(),
    };
    await putCredential(parts.db, change, undefined);
    parts.setNow(parts.now() + 1);
    expect([await looked(), await looked()]).toEqual([1, 0]);
  });

  it("looks ten times less often once a webhook was seen, and at once when one comes", async () => {
    const parts = await hub();
    await parts.apply(sourceOf(git.url("fleet.git")));
    await putNudge(parts.db, "default", "fleet", parts.now(), "webhook:github");
    const start = parts.now();
    await round(parts);
    parts.setNow(start + 5 * MINUTE_MS);
    await round(parts);
    expect(parts.looks).toHaveLength(1);
    await putNudge(parts.db, "default", "fleet", parts.now(), "webhook:github");
    await round(parts);
    expect(parts.looks).toHaveLength(2);
    parts.setNow(start + 15 * MINUTE_MS);
    await round(parts);
    expect(parts.looks).toHaveLength(3);
  });

  it("passes by repositories that hang: the others are read meanwhile, and the round does not wait", async () => {
    const parts = await hub();
    const silent = await listener(() => undefined);
    onTestFinished(silent.close);
    // More than there are places in all, at one host.
    for (let n = 0; n < 12; n += 1)
      await parts.apply(sourceOf(`${silent.url}/hang-${n}.git`, {}, { name: `a-hang-${n}` }));
    for (let n = 0; n < 5; n += 1)
      await parts.apply(sourceOf(git.url("fleet.git"), {}, { name: `z-good-${n}` }));
    await parts.poller.round();
    await until("all good ones are read while the others hang", async () => {
      const states = await Promise.all(
        [0, 1, 2, 3, 4].map((n) => getSourceState(parts.db, "default", `z-good-${n}`)),
      );
      return states.every((state) => state?.kind === "read");
    });
    expect(parts.looks.filter((path) => path.startsWith("hang"))).toHaveLength(3);
    expect(silent.connections()).toBe(3);
    parts.writes();
    await parts.poller.stop();
    expect(parts.writes()).toEqual([]);
  });

  it("ends a drain in time, and looks first at what was left out", async () => {
    const parts = await hub();
    const silent = await listener(() => undefined);
    onTestFinished(silent.close);
    for (let n = 0; n < 4; n += 1)
      await parts.apply(sourceOf(`${silent.url}/hang-${n}.git`, {}, { name: `hang-${n}` }));
    await parts.poller.round();
    await parts.poller.drain(50, 200);
    expect(parts.looks.toSorted()).toEqual(["hang-0.git", "hang-1.git", "hang-2.git"]);
    await parts.poller.round();
    expect(await getSourceState(parts.db, "default", "hang-0")).toBeUndefined();
  });

  it("finds a new commit of one Source once for each round, whatever else is polled", async () => {
    const parts = await hub();
    await parts.apply(sourceOf(git.url("fleet.git"), { poll: "1s" }));
    await round(parts);
    const commit = await commitFiles(bare, { "a.yaml": "a: 2\n" });
    parts.setNow(parts.now() + 1000);
    await round(parts);
    expect(await getSourceState(parts.db, "default", "fleet")).toMatchObject({ kind: "read", commit });
  });
});
