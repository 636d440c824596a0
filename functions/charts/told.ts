/** Sentences that both kinds of repositories need. */
import { chartAddress, type ChartRef } from "#core/chart.ts";
import { ChartFailure } from "./failure.ts";
import { VERSIONS_TOLD_MAX } from "./limits.ts";
import { newestFirst, type Versioned } from "./versions.ts";

/** With the newest versions that there are. */
export function noSuchVersion(chart: ChartRef, offered: readonly Versioned[]): ChartFailure {
  const has = newestFirst(offered).map(({ version }) => version);
  const told = has.slice(0, VERSIONS_TOLD_MAX).join(", ");
  const more = has.length > VERSIONS_TOLD_MAX ? ` and ${has.length - VERSIONS_TOLD_MAX} older ones` : "";
  return new ChartFailure(
    "no-version",
    `${chartAddress(chart)} has no version ${chart.version}: it has ${told === "" ? "none" : `${told}${more}`}; change spec.chart.version`,
  );
}
