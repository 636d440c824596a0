/**
 * One simulated cluster. The line to the hub is the agent's own: registration, key, signed requests, poll loop, reports
 * in its batches, as many Apps at once. In place of a cluster stands a desk that applies nothing: what is assigned is
 * fetched, held against its digest, told as received, and told as healthy right after that. No signature is verified.
 */
import { randomBytes } from "node:crypto";
import { openBundle } from "#core/bundle.ts";
import { AGENT_PATHS, PROTOCOL_VERSION } from "#core/protocol.ts";
import { statementSchema, type Statement } from "#core/statement.ts";
import { AGENT_OPTIONS, AGENT_VERSION, type AgentDeps, type LogEntry } from "../../../agent/deps.ts";
import { Hub, HubError } from "../../../agent/hub.ts";
import { createHubFetch, type HubRequest } from "../../../agent/hub-fetch.ts";
import { checkedEnrolment, identityOf, parseToken } from "../../../agent/identity.ts";
import { createMemoryKube } from "../../../agent/kube/memory.ts";
import { loadKeys } from "../../../agent/keys.ts";
import { addressOf } from "../../../agent/membership.ts";
import { contentFor, type Content } from "../../../agent/placement.ts";
import { pollLoop } from "../../../agent/poll.ts";
import { Reporter } from "../../../agent/report.ts";
import { Slots } from "../../../agent/slots.ts";
import { Stopper } from "../../../agent/stop.ts";
import { sleep } from "../../../agent/timer.ts";
import { backoff } from "../../../agent/wait.ts";
import type { Assignment } from "../../../agent/desk.ts";

const KUBERNETES = "v1.34.0+simulated";

export interface News {
  count(what: string): void;
  /** The hub has taken that an App is healthy on this commit. */
  healthy(commit: string): void;
}

/** Resolves when it is registered; it polls until the process ends. */
export async function startCluster(text: string, news: News): Promise<void> {
  const token = parseToken(text);
  const stopper = new Stopper();
  const deps = depsOf(token.cluster, news);
  const run = randomBytes(6).toString("base64url");
  const { key } = await loadKeys(deps.kube, Date.now());
  const door = new Hub(deps, stopper.signal, { hub: token.hub, urls: [token.url], caller: undefined }, run);
  const facts = { protocol: PROTOCOL_VERSION, agent: AGENT_VERSION, kubernetes: KUBERNETES };
  const answer = await patiently(deps, () => door.register({ ...facts, token: text, key: key.publicKey }));
  const identity = await identityOf(await checkedEnrolment(token, answer), key);
  const hub = new Hub(deps, stopper.signal, addressOf(identity), run);
  const desk = new SimulatedDesk(deps, stopper, hub, news);
  const membership = {
    considerCharter: () => Promise.resolve(false),
    tend: () => Promise.resolve(),
    refused: () => Promise.resolve(),
    askedToRotate: () => undefined,
  };
  const vitals = { polled: () => undefined, pollDue: () => undefined };
  void desk.reporter.run();
  void pollLoop({ deps, stopper, hub, vitals, desk, membership });
}

/** Again and again, as an agent does, while the hub does not answer. */
async function patiently<T>({ options, random, log }: AgentDeps, act: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      log({ level: "warn", message: error.message });
      const ms = backoff(failures, options.backoffMinMs, options.backoffMaxMs, random);
      await sleep(ms, new AbortController().signal);
    }
  }
}

function depsOf(name: string, news: News): AgentDeps {
  const send = createHubFetch(AGENT_OPTIONS.requestTimeoutMs);
  return {
    kube: createMemoryKube({ name, now: Date.now }),
    fetch: async (url: string, init: HubRequest) => {
      const answer = await send(url, init);
      news.count(requestName(new URL(url).pathname, answer.status));
      return answer;
    },
    clock: Date.now,
    sleep,
    random: Math.random,
    log: ({ message }: LogEntry) => {
      news.count("complaints");
      process.stderr.write(`${name}: ${message}\n`);
    },
    token: undefined,
    options: AGENT_OPTIONS,
  };
}

function requestName(path: string, status: number): string {
  if (path === AGENT_PATHS.desired) return status === 304 ? "idle polls" : "polls with news";
  if (path === AGENT_PATHS.report) return "reports";
  return path === AGENT_PATHS.register ? "registrations" : "bundles";
}

class SimulatedDesk {
  readonly #deps: AgentDeps;
  readonly #hub: Hub;
  readonly #news: News;
  readonly #slots = new Slots(AGENT_OPTIONS.appsAtOnceMax);
  /** The newest statement, by App. */
  readonly #offered = new Map<string, string>();
  readonly #contents = new Map<string, Content>();
  readonly reporter: Reporter;

  constructor(deps: AgentDeps, stopper: Stopper, hub: Hub, news: News) {
    this.#deps = deps;
    this.#hub = hub;
    this.#news = news;
    this.reporter = new Reporter(deps, stopper, hub, {
      contents: () => [...this.#contents.values()].sort((a, b) => (a.app < b.app ? -1 : 1)),
      kubernetes: () => KUBERNETES,
    });
  }

  take(assignments: readonly Assignment[]): void {
    for (const { app, statement } of assignments) {
      if (this.#offered.get(app) === statement) continue;
      this.#offered.set(app, statement);
      void patiently(this.#deps, () => this.#install(app, statement));
    }
  }

  /** Two steps, each in a turn of its own, as the agent's lanes take them. */
  async #install(app: string, jws: string): Promise<void> {
    if (this.#offered.get(app) !== jws) return;
    const statement = statementIn(jws);
    const received = await this.#slots.run(async () => {
      const objects = await this.#fetch(app, statement);
      const content = { ...contentFor(app, statement), objects };
      this.#contents.set(app, content);
      await this.reporter.told();
      return content;
    });
    await this.#slots.run(async () => {
      const { objects } = received;
      const message = `all ${objects} objects are current`;
      this.#contents.set(app, { ...received, phase: "healthy", message, outcomes: { configured: objects } });
    });
    await this.reporter.told();
    this.#news.healthy(statement.source?.commit ?? "");
  }

  async #fetch(app: string, { order }: Statement): Promise<number> {
    if (order.action === "remove") return 0;
    const opened = openBundle(await this.#hub.bundle(app), order.bundle);
    if (opened.kind === "refused") throw new Error(`${app}: ${opened.message}`);
    return opened.objects.length;
  }
}

function statementIn(jws: string): Statement {
  return statementSchema.parse(JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString()));
}
