/** What a change of a Promotion's state tells the bus. */
import type { HubEvent } from "#core/event.ts";
import { promotionRecordSchema, type PromotionRecord } from "#core/promotion/state.ts";
import type { Item } from "../store/db.ts";

export function promotionFacts(before: Item | undefined, after: Item): HubEvent[] {
  const is = promotionRecordSchema.parse(after);
  const was = before === undefined ? undefined : promotionRecordSchema.parse(before);
  return [...askedFacts(was, is), ...landedFacts(was, is), ...stateFacts(was, is)];
}

const detailOf = ({ project, name }: PromotionRecord) => ({ project, promotion: name });

function askedFacts(was: PromotionRecord | undefined, is: PromotionRecord): HubEvent[] {
  if (is.asked === undefined || was?.asked?.release === is.asked.release) return [];
  return [{ type: "promotion.asked", detail: { ...detailOf(is), release: is.asked.release } }];
}

function landedFacts(was: PromotionRecord | undefined, is: PromotionRecord): HubEvent[] {
  if (is.landed === undefined || was?.landed?.release === is.landed.release) return [];
  return [{ type: "promotion.landed", detail: { ...detailOf(is), release: is.landed.release } }];
}

function stateFacts(was: PromotionRecord | undefined, is: PromotionRecord): HubEvent[] {
  const { state } = is;
  const isSame = was?.state.kind === state.kind && was.state.release === state.release;
  if (state.kind === "failed") {
    // Tried again and failed again is no news.
    if (isSame && was.state.kind === "failed" && was.state.message === state.message) return [];
    return [{ type: "promotion.failed", detail: { ...detailOf(is), reason: state.message } }];
  }
  if (isSame || (state.kind !== "opened" && state.kind !== "declined")) return [];
  const detail = { ...detailOf(is), release: state.release, url: state.url };
  if (state.kind === "declined") return [{ type: "promotion.declined", detail }];
  const isUpdate = was?.pull !== undefined && was.pull.number === is.pull?.number;
  return [{ type: isUpdate ? "promotion.updated" : "promotion.opened", detail }];
}
