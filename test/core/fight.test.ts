import { describe, expect, it } from "vitest";
import { afterRestore, isOver, isResting, nextLookAt, type Bout } from "#core/fight.ts";
import { ignoreFor, ignoreText } from "#core/ignore-suggestion.ts";

/** Restored at each of these seconds. */
function bouts(seconds: readonly number[]): Bout {
  let bout: Bout | undefined;
  for (const second of seconds) bout = afterRestore(bout, second * 1000);
  return bout ?? expect.unreachable("no restore");
}

describe(afterRestore.name, () => {
  it("calls five restores in a minute healing, and the sixth a fight", () => {
    expect(isResting(bouts([1, 2, 3, 4, 5]), 5_001)).toBe(false);
    const fight = bouts([1, 2, 3, 4, 5, 6]);
    expect(isResting(fight, 15_999)).toBe(true);
    expect(isResting(fight, 16_000)).toBe(false);
  });
  it("calls any number healing that is spread over more time", () => {
    const spread = bouts(Array.from({ length: 100 }, (_, index) => index * 13));
    expect(spread.rests).toBe(0);
    expect(spread.restores.length).toBeLessThan(7);
  });
  it("rests twice as long each time that the other is there again, ten minutes at most", () => {
    let bout = bouts([1, 2, 3, 4, 5, 6]);
    const rests: number[] = [];
    for (let turn = 0; turn < 9; turn += 1) {
      const now = bout.restUntil + 50;
      bout = afterRestore(bout, now);
      rests.push((bout.restUntil - now) / 1000);
    }
    expect(rests).toEqual([20, 40, 80, 160, 320, 600, 600, 600, 600]);
  });
  it("begins anew once the other was quiet for a minute", () => {
    const fight = bouts([1, 2, 3, 4, 5, 6]);
    expect(nextLookAt(fight, 7_000)).toBe(16_000);
    expect(isOver(fight, 75_999)).toBe(false);
    expect(nextLookAt(fight, 17_000)).toBe(76_000);
    expect(isOver(fight, 76_000)).toBe(true);
    expect(afterRestore(fight, 76_000)).toEqual({ restores: [76_000], rests: 0, restUntil: 0 });
  });
});

describe(ignoreFor.name, () => {
  it("names the drifted fields and the kind, as an App takes them", () => {
    const rule = ignoreFor({ object: "Deployment shop/web", fields: [{ path: "/spec/replicas" }] });
    expect(rule).toEqual({ paths: ["/spec/replicas"], kinds: ["Deployment"] });
    expect(rule && ignoreText(rule)).toBe('{ paths: ["/spec/replicas"], kinds: ["Deployment"] }');
  });
  it("has none for an object that was deleted", () => {
    expect(
      ignoreFor({ object: "ConfigMap shop/a", fields: [{ path: "", after: "present" }] }),
    ).toBeUndefined();
  });
});
