/** What an apply would store, held back where no calendar knows a window's pattern or time zone: no rollout may wait for it. */
import type { App } from "#core/app.ts";
import { titleOf, type Put } from "#core/apply-plan.ts";
import { calendarWindows } from "#core/rollout.ts";
import { windowIssue } from "../rollout/windows.ts";

/** A refusal that was found before stays. */
export function refuseWindows(puts: readonly Put[]): Put[] {
  return puts.map((put) => {
    const { place, resource, outcome } = put.change;
    if (put.refusal !== undefined || resource.kind !== "App" || outcome === "unchanged") return put;
    const issue = issueOf(resource);
    if (issue === undefined) return put;
    const message = `${place}: ${titleOf(resource)}: ${issue}`;
    return { ...put, refusal: { code: "invalid-resource", message } };
  });
}

function issueOf({ spec: { rollout } }: App): string | undefined {
  const lists = [
    { path: "spec.rollout.windows", windows: rollout.windows ?? [] },
    ...rollout.stages.map(({ windows = [] }, index) => ({
      path: `spec.rollout.stages[${index}].windows`,
      windows,
    })),
  ];
  for (const { path, windows } of lists)
    for (const [index, window] of calendarWindows(windows).entries()) {
      const issue = windowIssue(window);
      if (issue !== undefined) return `${path}[${index}]: ${issue}`;
    }
  return undefined;
}
