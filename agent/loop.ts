/**
 * The agent: composes its parts from what it is given and runs until it is stopped. No singletons, no environment:
 * many run in one process. A fatal fault (no rights, a token that is refused) ends it with an error that says so.
 */
import { randomBytes } from "node:crypto";
import { fingerprintOf } from "#core/charter.ts";
import { PROTOCOL_VERSION } from "#core/protocol.ts";
import { ApisTeller, noticing } from "./apis.ts";
import { AGENT_VERSION, type AgentDeps } from "./deps.ts";
import { Desk } from "./desk.ts";
import { HoldTeller } from "./hold.ts";
import { Hub, HubError } from "./hub.ts";
import * as identities from "./identity.ts";
import type { Life } from "./listen.ts";
import { loadEnrolment, loadKeys, storeEnrolment, type AgentKey, type Enrolment } from "./keys.ts";
import { KubeError } from "./kube/port.ts";
import { addressOf, Membership } from "./membership.ts";
import { Checks } from "./cel/checks.ts";
import { HealthRules } from "./cel/rules.ts";
import { PodReasons } from "./pods.ts";
import { pollLoop } from "./poll.ts";
import { Reporter } from "./report.ts";
import { Slots } from "./slots.ts";
import { PlacementShow } from "./visible.ts";
import { Stopped, Stopper } from "./stop.ts";
import { backoff } from "./wait.ts";
import { Vitals } from "./vitals.ts";
import { Watches } from "./watch/watches.ts";

export interface RunningAgent {
  /** Ends loops, aborts requests; waits at most `stopGraceMs` for those that do not end. */
  stop(): Promise<void>;
  /** Resolves after a stop; rejects on a fatal fault. */
  done: Promise<void>;
  /** What a monitor may ask of it. */
  life: Life;
}

export function runAgent(given: AgentDeps): RunningAgent {
  const stopper = new Stopper();
  const vitals = new Vitals(given.clock);
  const deps = { ...given, kube: vitals.metered(given.kube) };
  const parts: Parts = {};
  const done = live(deps, stopper, vitals, parts)
    .catch((error: unknown) => {
      if (!(error instanceof Stopped) && !stopper.stopped) throw error;
    })
    .finally(() => stopper.stop());
  return {
    done,
    life: lifeOf(vitals, parts),
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

interface Parts {
  desk?: Desk;
}

function lifeOf(vitals: Vitals, parts: Parts): Life {
  return {
    stuck: () => vitals.stuck(),
    ready: () => vitals.loaded,
    metrics() {
      const phases = new Map<string, number>();
      for (const { phase } of parts.desk?.contents() ?? []) phases.set(phase, (phases.get(phase) ?? 0) + 1);
      return vitals.text(phases, process.memoryUsage.rss());
    },
  };
}

async function live(deps: AgentDeps, stopper: Stopper, vitals: Vitals, parts: Parts): Promise<void> {
  const run = randomBytes(6).toString("base64url");
  const keys = await patiently(deps, stopper, () => loadKeys(deps.kube, deps.clock()));
  const kubernetes = await patiently(deps, stopper, () => deps.kube.version());
  const { enrolment, token } = await enrol(deps, stopper, { key: keys.key, kubernetes, run });
  const identity = await identities.identityOf(enrolment, keys.key);
  tellWho(deps, enrolment, keys.key);
  const hub = new Hub(deps, stopper.signal, addressOf(identity), run);
  const membership = new Membership(deps, stopper, hub, { identity, keys, token, run, kubernetes });
  const apis = new ApisTeller(deps, stopper, hub);
  const show = new PlacementShow(deps, stopper, () => parts.desk?.shown() ?? []);
  const hold = new HoldTeller(deps, stopper, hub, {
    placements: () => show.read(),
    tell: (news) => show.tell(news),
  });
  const reporter = new Reporter(deps, stopper, hub, {
    contents: () => parts.desk?.contents() ?? [],
    kubernetes: () => kubernetes,
  });
  const slots = new Slots(deps.options.appsAtOnceMax);
  const watched = { ...deps, kube: noticing(deps.kube, () => apis.changed()) };
  const watches = new Watches(deps, stopper);
  const desk = new Desk({
    deps: watched,
    stopper,
    hub,
    reporter: {
      told: () => reporter.told(),
      changed() {
        reporter.changed();
        show.changed();
      },
    },
    slots,
    watches,
    tell: (news) => show.tell(news),
    vitals,
    reasons: new PodReasons(deps),
    rules: new HealthRules(deps),
    checks: new Checks(deps),
    identity: () => membership.identity,
  });
  parts.desk = desk;
  await patiently(deps, stopper, () => desk.load());
  vitals.loaded = true;
  await Promise.all([
    reporter.run(),
    apis.run(),
    hold.run(),
    show.run(),
    watches.run(),
    pollLoop({ deps, stopper, hub, desk, membership, vitals }),
  ]);
  await desk.ended();
}

/** What people compare with what the hub shows. */
function tellWho(deps: AgentDeps, { project, cluster, recoveryKey }: Enrolment, key: AgentKey): void {
  const message = `agent of ${project}/${cluster}: key ${fingerprintOf(key.publicKey)}, pinned recovery key ${fingerprintOf(recoveryKey)}`;
  deps.log({ level: "info", message });
}

interface Applicant {
  key: AgentKey;
  kubernetes: string;
  run: string;
}

/** From the cluster's Secret when it is there; otherwise the token registers this cluster. A token left over is a new one. */
async function enrol(
  deps: AgentDeps,
  stopper: Stopper,
  { key, kubernetes, run }: Applicant,
): Promise<{ enrolment: Enrolment; token: string | undefined }> {
  const known = await patiently(deps, stopper, () => loadEnrolment(deps.kube));
  if (known !== undefined) return { enrolment: known, token: newToken(known, deps.token) };
  if (deps.token === undefined)
    throw new Error(
      "this cluster is not registered; give a token made with: fairlead cluster register <name>",
    );
  const text = deps.token;
  const token = identities.parseToken(text);
  const hub = new Hub(deps, stopper.signal, { hub: token.hub, urls: [token.url], caller: undefined }, run);
  const request = {
    protocol: PROTOCOL_VERSION,
    token: text.trim(),
    key: key.publicKey,
    agent: AGENT_VERSION,
    kubernetes,
  };
  const answer = await patiently(deps, stopper, () => hub.register(request));
  const enrolment = await identities.checkedEnrolment(token, answer);
  await patiently(deps, stopper, () => storeEnrolment(deps.kube, enrolment));
  deps.log({
    level: "info",
    message: `registered as ${enrolment.project}/${enrolment.cluster} at ${token.url}`,
  });
  return { enrolment, token: undefined };
}

/** Undefined where it is the one that this cluster registered with. */
function newToken(known: Enrolment, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  sameCluster(known, text);
  return identities.tokenDigest(identities.parseToken(text)) === known.token ? undefined : text;
}

function sameCluster(known: Enrolment, tokenText: string): void {
  const token = identities.parseToken(tokenText);
  const same = known.hub === token.hub && known.project === token.project && known.cluster === token.cluster;
  if (same) return;
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
      const askedMs = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
      const ms = backoff(failures, options.backoffMinMs, options.backoffMaxMs, random);
      await sleep(Math.max(ms, askedMs), stopper.signal);
    }
  }
}

function isPassing(error: unknown): error is KubeError | HubError {
  if (error instanceof KubeError) return error.passing;
  return error instanceof HubError && (error.status < 400 || error.status === 429 || error.status >= 500);
}
