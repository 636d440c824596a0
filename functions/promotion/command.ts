/** A person's "promote now": noted with their name, for the function that holds the credentials to act on. */
import type { Stamp } from "#core/actor.ts";
import { digestOf } from "#core/digest.ts";
import type { Promotion } from "#core/promotion.ts";
import type { PromotionRecord } from "#core/promotion/state.ts";
import type { Db } from "../store/db.ts";
import { getPromotionRecord, putPromotionRecord } from "../store/promotion.ts";
import { getRollout } from "../store/rollout.ts";
import { getAppRecord } from "../store/state.ts";

export type Asked = { kind: "asked"; record: PromotionRecord } | { kind: "refused"; message: string };

const RACES_MAX = 5;

/** Only a release whose rollout has succeeded; the soak, silent clusters and an earlier refusal of it are passed over. */
export async function promoteNow(db: Db, promotion: Promotion, stamp: Stamp, now: number): Promise<Asked> {
  const { metadata, spec } = promotion;
  const { project, name } = metadata;
  const release = (await getAppRecord(db, project, spec.from.app))?.release ?? 0;
  const rollout = release === 0 ? undefined : await getRollout(db, project, spec.from.app, release);
  if (rollout?.state.kind !== "succeeded") {
    const is =
      rollout === undefined
        ? "has no release yet"
        : `: the rollout of release ${release} is ${rollout.state.kind}`;
    return {
      kind: "refused",
      message: `App ${spec.from.app} ${is}; promote it once that has succeeded`.replace(" :", ":"),
    };
  }
  const digest = digestOf(spec);
  for (let race = 0; race < RACES_MAX; race++) {
    const before = await getPromotionRecord(db, project, name);
    const known = before?.spec === digest ? before : undefined;
    const record: PromotionRecord = {
      ...known,
      project,
      name,
      spec: digest,
      state: { kind: "waiting", release, reason: `${stamp.by} asked for it`, at: now },
      asked: { release, by: stamp.by },
      stamp,
      version: (before?.version ?? 0) + 1,
    };
    if ((await putPromotionRecord(db, record)) === "written") return { kind: "asked", record };
  }
  return { kind: "refused", message: `Promotion ${name} is being changed by others: try again` };
}
