/**
 * An agent that runs only while it leads. Each term is a whole run of its own; before every write of a term the lead is
 * looked at once more, so that one which was paused or cut off writes nothing after its time.
 */
import type { AgentDeps } from "./deps.ts";
import type { Kube } from "./kube/port.ts";
import type { Leadership } from "./leadership.ts";
import { runAgent, type RunningAgent } from "./loop.ts";
import { Stopped, Stopper } from "./stop.ts";

export function runElected(deps: AgentDeps, leader: Leadership): RunningAgent {
  const stopper = new Stopper();
  const terms: { now?: RunningAgent } = {};
  const done = live(deps, leader, stopper, terms);
  return {
    done,
    // A replica that waits is well, and ready to take over; what it does not do cannot be counted.
    life: {
      stuck: () => terms.now?.life.stuck(),
      ready: () => terms.now?.life.ready() ?? true,
      metrics: () => terms.now?.life.metrics() ?? "",
    },
    async stop() {
      stopper.stop();
      await terms.now?.stop();
      // Requests left behind cannot write any more, so another replica may begin.
      await leader.release();
    },
  };
}

async function live(
  deps: AgentDeps,
  leader: Leadership,
  stopper: Stopper,
  terms: { now?: RunningAgent },
): Promise<void> {
  try {
    while (await leader.acquire(stopper.signal)) await term(deps, leader, stopper, terms);
  } finally {
    await leader.release();
  }
}

async function term(
  deps: AgentDeps,
  leader: Leadership,
  stopper: Stopper,
  terms: { now?: RunningAgent },
): Promise<void> {
  const over = new AbortController();
  const end = (): void => {
    over.abort();
    void terms.now?.stop();
  };
  const guard = (): void => {
    if (!over.signal.aborted && leader.holds) return;
    end();
    throw new Stopped("this replica leads no longer");
  };
  const agent = runAgent({ ...deps, kube: guarded(deps.kube, guard) });
  terms.now = agent;
  // A stop lets go of the Lease only after it gave what is under way its time.
  const kept = leader
    .keep(AbortSignal.any([over.signal, stopper.signal]))
    .finally(() => (stopper.stopped ? undefined : end()));
  try {
    await agent.done;
  } finally {
    end();
    await kept;
    delete terms.now;
  }
}

/** `guard` throws where nothing may be written any more. */
function guarded(kube: Kube, guard: () => void): Kube {
  return {
    ...kube,
    async apply(object, options) {
      guard();
      return await kube.apply(object, options);
    },
    async applyStatus(object) {
      guard();
      return await kube.applyStatus(object);
    },
    async setManagers(address, managers, version) {
      guard();
      return await kube.setManagers(address, managers, version);
    },
    async delete(...args) {
      guard();
      return await kube.delete(...args);
    },
    as: (account) => guarded(kube.as(account), guard),
  };
}
