/** Stages of an App over a list of clusters: the first that matches holds a cluster, `rest` what no stage holds. */
import type { App } from "../app.ts";
import { approvalOf } from "../approval.ts";
import { durationMs } from "../duration.ts";
import { calendarWindows } from "./calendar.ts";
import { matches, type Labels } from "../selector.ts";
import { countOf, type Stage } from "./state.ts";

type Spec = App["spec"]["rollout"];

/** Index of the cluster's stage; that of `rest` where none matches, or where its labels are not known any more. */
export function stageOf({ stages }: Pick<Spec, "stages">, labels: Labels | undefined): number {
  if (labels === undefined) return stages.length;
  const index = stages.findIndex(({ clusters }) => matches(clusters, labels));
  return index === -1 ? stages.length : index;
}

/** `members` holds for each rank, in order, the index of its stage. A named stage stays although it is empty: its gates hold. */
export function stagesOf(spec: Spec, members: readonly number[]): Stage[] {
  const named = spec.stages.map((stage, index) => {
    const { name, soak, approval, maxConcurrent, gates, windows } = stage;
    const range = rangeOf(members, index);
    const size = range.to - range.from;
    return {
      name,
      ...range,
      maxUnavailable: countOf(stage.maxUnavailable ?? spec.maxUnavailable, size),
      ...(maxConcurrent === undefined ? {} : { maxConcurrent: countOf(maxConcurrent, size) }),
      ...(soak === undefined ? {} : { soakMs: durationMs(soak) }),
      ...(approval === undefined ? {} : approvalOf(approval)),
      ...(gates === undefined || gates.length === 0 ? {} : { gates }),
      ...(windows === undefined ? {} : { windows: calendarWindows(windows) }),
    };
  });
  const range = rangeOf(members, spec.stages.length);
  if (range.from === range.to) return named;
  const maxUnavailable = countOf(spec.maxUnavailable, range.to - range.from);
  return [...named, { name: "rest", ...range, maxUnavailable }];
}

export function withoutGates(spec: Spec): Spec {
  return { ...spec, stages: spec.stages.map((stage) => ({ ...stage, gates: [] })) };
}

function rangeOf(members: readonly number[], index: number): { from: number; to: number } {
  const from = members.filter((one) => one < index).length;
  return { from, to: from + members.filter((one) => one === index).length };
}
