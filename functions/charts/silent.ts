/**
 * Hosts that did not answer, remembered for a minute in this process: a hundred Apps whose charts lie on one dead host
 * wait for it once, not a hundred times. May be lost without harm.
 */
import { httpAddress, type ChartRef } from "#core/chart.ts";
import type { Outbound } from "../outbound/port.ts";
import { ChartFailure } from "./failure.ts";
import { SILENCE_MS } from "./limits.ts";

interface Deps {
  readonly outbound: Outbound;
  readonly now: () => number;
}

const silent = new WeakMap<Outbound, Map<string, { until: number; message: string }>>();

/** Throws what was said then. */
export function refuseSilent({ outbound, now }: Deps, chart: ChartRef): void {
  const known = silent.get(outbound)?.get(originOf(chart));
  if (known !== undefined && now() < known.until) throw new ChartFailure("unreachable", known.message);
}

/** Does as `act` does, and remembers where nobody answered. */
export async function heard<T>({ outbound, now }: Deps, chart: ChartRef, act: () => Promise<T>): Promise<T> {
  const hosts = silent.get(outbound) ?? new Map<string, { until: number; message: string }>();
  silent.set(outbound, hosts);
  try {
    const done = await act();
    hosts.delete(originOf(chart));
    return done;
  } catch (error) {
    if (error instanceof ChartFailure && error.code === "unreachable") {
      for (const [host, { until }] of hosts) if (until <= now()) hosts.delete(host);
      hosts.set(originOf(chart), { until: now() + SILENCE_MS, message: error.message });
    }
    throw error;
  }
}

function originOf({ repository }: ChartRef): string {
  return httpAddress(repository)?.origin ?? repository;
}
