/**
 * The agent: composes its parts from what it is given and runs until it is stopped. No singletons, no environment:
 * many run in one process. A fatal fault (no rights, a token that is refused) ends it with an error that says so.
 */
import { PROTOCOL_VERSION } from "#core/protocol.ts";
import { AGENT_VERSION, type AgentDeps } from "./deps.ts";
import { Desk } from "./desk.ts";
import { Hub, HubError, type HubAddress } from "./hub.ts";
import * as identities from "./identity.ts";
import type { Enrolment, Identity } from "./identity.ts";
import { KubeError } from "./kube/port.ts";
import { pollLoop } from "./poll.ts";
import { Reporter } from "./report.ts";
import { Slots } from "./slots.ts";
import { Stopped, Stopper } from "./stop.ts";
import { backoff } from "./wait.ts";

export interface RunningAgent {
  /** Ends loops, aborts requests; waits at most `stopGraceMs` for those that do not end. */
  stop(): Promise<void>;
  /** Resolves after a stop; rejects on a fatal fault. */
  done: Promise<void>;
}

export function runAgent(deps: AgentDeps): RunningAgent {
  const stopper = new Stopper();
  const done = live(deps, stopper)
    .catch((error: unknown) => {
      if (!(error instanceof Stopped) && !stopper.stopped) throw error;
    })
    .finally(() => stopper.stop());
  return {
    done,
    async stop() {
      stopper.stop();
      const grace = new AbortController();
      const ended = done.then(
        () => grace.abort(),
        () => grace.abort(),
      );
      await Promise.race([ended, deps.sleep(deps.options.stopGraceMs, grace.signal)]);
    },
  };
}

async function live(deps: AgentDeps, stopper: Stopper): Promise<void> {
  const key = await patiently(deps, stopper, () => identities.loadKey(deps.kube));
  const kubernetes = await patiently(deps, stopper, () => deps.kube.version());
  const enrolment = await enrol(deps, stopper, key, kubernetes);
  let identity = await identities.identityOf(enrolment, key);
  const hub = new Hub(deps, stopper.signal, addressOf(identity));
  const parts: { desk?: Desk } = {};
  const reporter = new Reporter(deps, stopper, hub, {
    contents: () => parts.desk?.contents() ?? [],
    kubernetes: () => kubernetes,
  });
  const slots = new Slots(deps.options.appsAtOnceMax);
  const desk = new Desk({ deps, stopper, hub, reporter, slots, identity: () => identity });
  parts.desk = desk;
  const considerCharter = async (jws: string): Promise<boolean> => {
    const verdict = await identities.considerCharter(deps.kube, identity, jws);
    if (verdict.kind === "refused") deps.log({ level: "warn", message: verdict.message });
    if (verdict.kind !== "replaced") return false;
    identity = { ...identity, charter: verdict.charter };
    hub.moveTo(addressOf(identity));
    deps.log({
      level: "info",
      message: `charter ${verdict.charter.serial} of epoch ${verdict.charter.epoch} taken`,
    });
    return true;
  };
  await patiently(deps, stopper, () => desk.load());
  await Promise.all([reporter.run(), pollLoop({ deps, stopper, hub, desk, considerCharter })]);
  await desk.ended();
}

function addressOf({ hub, project, cluster, key, charter }: Identity): HubAddress {
  return { hub, urls: charter.urls, caller: { name: `${project}/${cluster}`, key } };
}

/** From the cluster's Secret when it is there; otherwise the token registers this cluster. */
async function enrol(
  deps: AgentDeps,
  stopper: Stopper,
  key: identities.AgentKey,
  kubernetes: string,
): Promise<Enrolment> {
  const known = await patiently(deps, stopper, () => identities.loadEnrolment(deps.kube));
  if (known !== undefined) return sameCluster(known, deps.token);
  if (deps.token === undefined)
    throw new Error(
      "this cluster is not registered; give a token made with: fairlead cluster register <name>",
    );
  const text = deps.token;
  const token = identities.parseToken(text);
  const hub = new Hub(deps, stopper.signal, { hub: token.hub, urls: [token.url], caller: undefined });
  const request = {
    protocol: PROTOCOL_VERSION,
    token: text.trim(),
    key: key.publicKey,
    agent: AGENT_VERSION,
    kubernetes,
  };
  const answer = await patiently(deps, stopper, () => hub.register(request));
  const enrolment = await patiently(deps, stopper, () =>
    identities.acceptEnrolment(deps.kube, token, answer),
  );
  deps.log({
    level: "info",
    message: `registered as ${enrolment.project}/${enrolment.cluster} at ${token.url}`,
  });
  return enrolment;
}

function sameCluster(known: Enrolment, tokenText: string | undefined): Enrolment {
  if (tokenText === undefined) return known;
  const token = identities.parseToken(tokenText);
  const same = known.hub === token.hub && known.project === token.project && known.cluster === token.cluster;
  if (same) return known;
  throw new Error(
    `this cluster is registered as ${known.project}/${known.cluster} at hub ${known.hub}, the token is for ${token.project}/${token.cluster} at ${token.hub}; ` +
      "to move it, delete the Secret fairlead-agent in fairlead-system first",
  );
}

/** Again and again while the trouble is a passing one; anything else goes to the caller. */
async function patiently<T>(deps: AgentDeps, stopper: Stopper, task: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    stopper.check();
    try {
      return await task();
    } catch (error) {
      if (!isPassing(error)) throw error;
      const { options, random, sleep, log } = deps;
      log({ level: "warn", message: `at the start: ${error.message}; trying again` });
      await sleep(backoff(failures, options.backoffMinMs, options.backoffMaxMs, random), stopper.signal);
    }
  }
}

function isPassing(error: unknown): error is KubeError | HubError {
  if (error instanceof KubeError) return error.passing;
  return error instanceof HubError && (error.status < 400 || error.status === 429 || error.status >= 500);
}
