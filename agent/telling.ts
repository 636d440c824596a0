/** Tells the hub of something for as long as the agent runs; what keeps failing is said once, and tried later and later. */
import type { AgentDeps } from "./deps.ts";
import { HubError } from "./hub.ts";
import { KubeError } from "./kube/port.ts";
import type { Stopper } from "./stop.ts";
import { backoff, jittered } from "./wait.ts";

export interface Telling {
  tell: () => Promise<void>;
  /** What a failure means, for the log. */
  failed: string;
  everyMs: number;
  retryMs: number;
  retryMsMax: number;
  pause: (ms: number) => Promise<void>;
}

export async function keepTelling(
  { random, log }: Pick<AgentDeps, "random" | "log">,
  stopper: Stopper,
  { tell, failed, everyMs, retryMs, retryMsMax, pause }: Telling,
): Promise<void> {
  let failures = 0;
  let complaint: string | undefined;
  while (!stopper.stopped) {
    const reason = await reasonOf(tell, stopper);
    if (reason !== undefined && reason !== complaint) log({ level: "warn", message: `${failed}: ${reason}` });
    complaint = reason;
    failures = reason === undefined ? 0 : failures + 1;
    await pause(failures === 0 ? jittered(everyMs, random) : backoff(failures, retryMs, retryMsMax, random));
  }
}

/** Why it failed; undefined where it did not, or where the agent stops anyway. */
async function reasonOf(tell: () => Promise<void>, stopper: Stopper): Promise<string | undefined> {
  try {
    await tell();
    return undefined;
  } catch (error) {
    if (stopper.stopped) return undefined;
    if (error instanceof HubError || error instanceof KubeError) return error.message;
    throw error;
  }
}
