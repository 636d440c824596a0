/** What a pass changed in the cluster, for those who look there. */
import { appliedNews, driftNews, type News } from "#core/news.ts";
import { shortCommit } from "#core/shown-placement.ts";
import type { AppState } from "./app-state.ts";
import type { PassResult } from "./pass.ts";
import type { Content } from "./placement.ts";

export interface Before {
  view: Content | undefined;
  record: AppState["record"];
}

/** `before` is the App's state as it was when the pass began. */
export function passNews(before: Before, state: AppState, result: PassResult): News[] {
  if (result.kind !== "settled") return [];
  const { app, record, view } = state;
  const told = driftNews(app, [...result.drift.values()], before.view?.drift ?? []);
  const wasApplied = before.record?.state === "kept" && before.record.applied;
  if (wasApplied || record?.state !== "kept" || view === undefined) return told;
  const { statement, from } = record;
  const { release, source } = statement;
  const commit = source === undefined ? undefined : shortCommit(source.commit);
  return [...appliedNews(app, { release, from, commit, outcomes: view.outcomes }), ...told];
}
