/**
 * The local stand-in for EventBridge Scheduler: runs a job each `everyMs`, never twice at once, and goes on after a
 * failure, which is told.
 */
import { setTimeout as delay } from "node:timers/promises";

export interface Job {
  name: string;
  everyMs: number;
  run: () => Promise<void>;
}

/** Resolves, once stopped, when no job runs any more. */
export function startSchedule(
  jobs: readonly Job[],
  onError: (job: Job, error: unknown) => void,
): { stop(): Promise<void> } {
  const control = new AbortController();
  const loops = jobs.map((job) => loop(job, control.signal, onError));
  return {
    stop: async () => {
      control.abort();
      await Promise.all(loops);
    },
  };
}

async function loop(
  job: Job,
  signal: AbortSignal,
  onError: (job: Job, error: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await job.run();
    } catch (error) {
      if (!signal.aborted) onError(job, error);
    }
    await pause(job.everyMs, signal);
  }
}

/** Ends early, and quietly, when stopped. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch((error: Error) => {
    if (error.name !== "AbortError") throw error;
  });
}
