/**
 * Puts behind a workload's verdict what its pods say: read only while it is not current, every few seconds at most, and a
 * container's last words once for each of its runs. What the agent may not read it goes without; that is logged once.
 */
import type { Health } from "#core/health.ts";
import { podReason, podSelector, withReason, type PodReason } from "#core/health/pods.ts";
import { refKey, refOf, type KubeObject } from "#core/object.ts";
import { scrubbed } from "#core/scrub.ts";
import { sentence } from "#core/text.ts";
import type { AgentDeps } from "./deps.ts";
import { KubeError, type Kube } from "./kube/port.ts";

const PODS_MAX = 20;
const LOG_LINES = 5;
const LOG_BYTES_MAX = 2048;
/** With the object's name in front it fits into one message. */
const REASON_CHARS_MAX = 200;
const KNOWN_MAX = 1_000;

interface Known {
  at: number;
  reason: string | undefined;
  said: { run: string; words: string } | undefined;
}

export type Explain = (object: KubeObject, verdict: Health) => Promise<Health>;
/** The values that no message may hold; undefined where they cannot be known, and then no log is quoted. */
export type Secrets = () => Promise<string[] | undefined>;

export class PodReasons {
  readonly #deps: Pick<AgentDeps, "kube" | "clock" | "log" | "options">;
  readonly #known = new Map<string, Known>();
  #told = false;

  constructor(deps: Pick<AgentDeps, "kube" | "clock" | "log" | "options">) {
    this.#deps = deps;
  }

  /** The verdict, with a reason where there is one; `kube` has the rights of the object's App. */
  async explain(
    object: KubeObject,
    verdict: Health,
    secrets: Secrets,
    kube: Kube = this.#deps.kube,
  ): Promise<Health> {
    const key = refKey(refOf(object));
    if (verdict.status === "current" || verdict.status === "terminating") {
      this.#known.delete(key);
      return verdict;
    }
    const isPod = object.kind === "Pod" && object.apiVersion === "v1";
    if (!isPod && podSelector(object) === undefined) return verdict;
    const { clock, options } = this.#deps;
    const before = this.#known.get(key);
    if (before === undefined || clock() - before.at >= options.podsEveryMs)
      this.#remember(key, await this.#look(kube, object, isPod, before?.said, secrets));
    return this.recall(key, verdict);
  }

  /** With the reason that was read last, if any. */
  recall(key: string, verdict: Health): Health {
    const reason = verdict.status === "current" ? undefined : this.#known.get(key)?.reason;
    return reason === undefined ? verdict : withReason(verdict, reason);
  }

  #remember(key: string, known: Known): void {
    this.#known.delete(key);
    this.#known.set(key, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > KNOWN_MAX && oldest !== undefined) this.#known.delete(oldest);
  }

  async #look(
    kube: Kube,
    object: KubeObject,
    isPod: boolean,
    said: Known["said"],
    secrets: Secrets,
  ): Promise<Known> {
    const at = this.#deps.clock();
    const found = podReason(isPod ? [object] : await this.#podsOf(kube, object));
    if (found === undefined) return { at, reason: undefined, said };
    const now = await this.#wordsOf(kube, found, said, secrets);
    // A kubelet quotes registries' answers, and these may quote what they were sent.
    const text = sentence(scrubbed(found.text, []), REASON_CHARS_MAX);
    return { at, reason: withWords(text, now?.words ?? ""), said: now };
  }

  async #podsOf(kube: Kube, object: KubeObject): Promise<KubeObject[]> {
    const selector = podSelector(object);
    const { namespace = "" } = object.metadata;
    if (selector === undefined) return [];
    return (await this.#allowed(() => kube.pods(namespace, selector, PODS_MAX))) ?? [];
  }

  async #wordsOf(
    kube: Kube,
    { pod, speaker }: PodReason,
    said: Known["said"],
    secrets: Secrets,
  ): Promise<Known["said"]> {
    if (speaker === undefined) return undefined;
    const { container, previous, run: number } = speaker;
    const run = `${String(pod.metadata["uid"])} ${number}`;
    if (said?.run === run) return said;
    const { name, namespace = "" } = pod.metadata;
    const limits = { lines: LOG_LINES, bytesMax: LOG_BYTES_MAX };
    const log = await this.#allowed(() => kube.podLog({ namespace, name, container, previous }, limits));
    const text = wholeLines(log ?? "");
    const values = text === "" ? [] : await this.#allowed(secrets);
    if (log === undefined || values === undefined) return undefined;
    return { run, words: sentence(scrubbed(text, values), LOG_BYTES_MAX) };
  }

  /** A reason is a help and never a need: whatever keeps it away, the verdict stands. */
  async #allowed<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      if (error.status === 403 && !this.#told) {
        this.#told = true;
        const message = `pods cannot be read, so messages do without their reasons: ${error.message}; allow the agent to list pods and get pods/log`;
        this.#deps.log({ level: "warn", message });
      }
      return undefined;
    }
  }
}

/** What was cut may end within a secret, which would then be struck out no more. */
function wholeLines(log: string): string {
  if (Buffer.byteLength(log) < LOG_BYTES_MAX) return log;
  return log.slice(0, Math.max(0, log.lastIndexOf("\n")));
}

/** The end of the words says more than their beginning. */
function withWords(text: string, words: string): string {
  const room = REASON_CHARS_MAX - text.length - 2;
  if (words === "" || room < 20) return text;
  return `${text}: ${words.length <= room ? words : `…${words.slice(1 - room)}`}`;
}
