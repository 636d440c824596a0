/** What commits hold, and how it fares on clusters: the same content fares alike on the same cluster, whenever it comes. */
import { sha256 } from "#core/digest.ts";
import type { Random } from "../kernel/random.ts";

export const FLAVORS = ["plain", "spicy"] as const;
export type Flavor = (typeof FLAVORS)[number];
export type Commit = Record<Flavor, number>;

/** One flavor changes, or both; or an older commit comes back. */
export function nextCommit(random: Random, before: readonly Commit[]): Commit {
  const last = before.at(-1) ?? { plain: 0, spicy: 0 };
  if (before.length > 1 && random.chance(0.25)) return random.pick(before);
  const fresh = before.length + 1;
  const what = random.pick(["plain", "spicy", "both", "both"]);
  return {
    plain: what === "spicy" ? last.plain : fresh,
    spicy: what === "plain" ? last.spicy : fresh,
  };
}

export function filesOf(commit: Commit): Map<string, Uint8Array> {
  const text = (flavor: Flavor): string =>
    JSON.stringify({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "shop" },
      data: { flavor, n: String(commit[flavor]) },
    });
  return new Map(
    FLAVORS.map((flavor) => [`apps/${flavor}/all.json`, new TextEncoder().encode(text(flavor))]),
  );
}

export type Fate = "ok" | "fails" | "slow" | "never";

/** `bad` of all contents do not become healthy on a cluster in good time. */
export function fateOf(seed: string, bundle: string, cluster: string, bad: number): Fate {
  const digest = sha256(`${seed}/${bundle}/${cluster}`);
  if (Number.parseInt(digest.slice(0, 6), 16) / 0x1000000 >= bad) return "ok";
  return (["fails", "fails", "slow", "never"] as const)[Number.parseInt(digest.slice(6, 7), 16) % 4] ?? "ok";
}
