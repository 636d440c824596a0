/** What commits hold, and how it fares on clusters: the same content fares alike on the same cluster, whenever it comes. */
import { sha256 } from "#core/digest.ts";
import type { Random } from "../kernel/random.ts";
import type { Features } from "./features.ts";

export const FLAVORS = ["plain", "spicy"] as const;
export type Flavor = (typeof FLAVORS)[number];
/** `base` is what the App of that name has, `extra` so many objects more in each flavor. */
export type Commit = Record<Flavor, number> & { base?: number; extra?: number };

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

/** Besides, where the seed has it: what comes back from an older commit comes back whole. */
export function withMore(next: Commit, before: readonly Commit[], { base, losses }: Features): Commit {
  const last = before.at(-1);
  const fresh = before.length + 1;
  return {
    ...next,
    ...(base === undefined ? {} : { base: next.base ?? (base.chance(0.5) ? fresh : (last?.base ?? 0)) }),
    ...(losses === undefined
      ? {}
      : { extra: next.extra ?? (losses.chance(0.6) ? losses.between(0, 5) : (last?.extra ?? 0)) }),
  };
}

export function filesOf({ base, extra = 0, ...flavors }: Commit): Map<string, Uint8Array> {
  const file = (path: string, name: string, data: object): [string, Uint8Array] => {
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
    return [path, new TextEncoder().encode(JSON.stringify(object))];
  };
  const extras = Array.from({ length: extra }, (_, index) => `extra-${index}`);
  const files = FLAVORS.flatMap((flavor) => [
    file(`apps/${flavor}/all.json`, "shop", { flavor, n: String(flavors[flavor]) }),
    ...extras.map((name) => file(`apps/${flavor}/${name}.json`, name, {})),
  ]);
  return new Map([
    ...files,
    ...(base === undefined ? [] : [file("base/all.json", "base", { n: String(base) })]),
  ]);
}

export type Fate = "ok" | "fails" | "slow" | "never";

/** `bad` of all contents do not become healthy on a cluster in good time. */
export function fateOf(seed: string, bundle: string, cluster: string, bad: number): Fate {
  const digest = sha256(`${seed}/${bundle}/${cluster}`);
  if (Number.parseInt(digest.slice(0, 6), 16) / 0x1000000 >= bad) return "ok";
  return (["fails", "fails", "slow", "never"] as const)[Number.parseInt(digest.slice(6, 7), 16) % 4] ?? "ok";
}
