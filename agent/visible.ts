/**
 * Shows each App's placement in the cluster, for those who have `kubectl` and no way to the hub: one object per App, written
 * when what it tells has changed, deleted with the App. Nobody obeys these objects; an edit of one changes nothing. What is
 * news of them is written after them.
 */
import { canonicalJson } from "#core/digest.ts";
import { restNews, type News, type Rest } from "#core/news.ts";
import type { KubeObject } from "#core/object.ts";
import { PLACEMENT_DEFINITION, placementObject, shownRest, shownStatus } from "#core/shown-placement.ts";
import type { AgentDeps } from "./deps.ts";
import { EventTeller } from "./events.ts";
import { KubeError, type Address, type Kube } from "./kube/port.ts";
import type { Content } from "./placement.ts";
import { SYSTEM_NAMESPACE } from "./state/system.ts";
import type { Stopper } from "./stop.ts";
import { backoff, type Alarm } from "./wait.ts";

const { apiVersion, kind, label } = PLACEMENT_DEFINITION;
const WRITE = { dryRun: false, force: true };
/** A kind that was defined just now is served a moment later; where it never is, Events do without placements. */
const COMING_TRIES = 5;

/** `content` is absent where there is nothing to tell: such an App has no object. */
export interface Shown {
  app: string;
  content: Content | undefined;
  commit: string | undefined;
}

type ShowDeps = Pick<AgentDeps, "kube" | "clock" | "log" | "options" | "random" | "sleep">;

export class PlacementShow {
  readonly #deps: ShowDeps;
  readonly #stopper: Stopper;
  readonly #shown: () => Shown[];
  readonly #alarm: Alarm;
  /** What stands in the cluster, by App: the status as text, `""` where there is no object. */
  readonly #written = new Map<string, string>();
  readonly #rests = new Map<string, Rest>();
  readonly #uids = new Map<string, string>();
  readonly #events: EventTeller;
  #defined = false;
  #told = "";

  constructor(deps: ShowDeps, stopper: Stopper, shown: () => Shown[]) {
    this.#deps = deps;
    this.#events = new EventTeller(deps);
    this.#stopper = stopper;
    this.#shown = shown;
    this.#alarm = stopper.alarm();
  }

  /** Something may have changed. */
  changed(): void {
    this.#alarm.ring();
  }

  /** Written with the next round, if it is shown at all. */
  tell(news: readonly News[]): void {
    if (!this.#deps.options.placements || news.length === 0) return;
    this.#events.tell(news);
    this.changed();
  }

  async run(): Promise<void> {
    const { options, sleep, random } = this.#deps;
    let failures = 0;
    while (options.placements && !this.#stopper.stopped) {
      failures = (await this.#tried()) ? 0 : failures + 1;
      if (!this.#stopper.stopped)
        await this.#events.write((app) => this.#uids.get(app), failures > 0 && failures < COMING_TRIES);
      if (failures === 0) await this.#alarm.wait(sleep, Number.POSITIVE_INFINITY);
      // A delivery goes through its phases within a moment: what matters is where it comes to rest.
      const ms =
        failures === 0 ? options.placementsEveryMs : backoff(failures, 1_000, options.apisEveryMs, random);
      await sleep(ms, this.#stopper.signal);
    }
  }

  /** The objects as they are now, to be read for what people wrote on them; a lost one is made again. */
  async read(): Promise<KubeObject[]> {
    if (!this.#defined) return [];
    const own = await this.#listed();
    if (!this.#defined) this.changed();
    const names = new Set(own.map(({ metadata }) => metadata.name));
    for (const [app, text] of this.#written)
      if (text !== "" && !names.has(app)) {
        this.#written.delete(app);
        this.changed();
      }
    return own;
  }

  /** Where the kind is gone there is nothing to read; what passes is the caller's to try again. */
  async #listed(): Promise<KubeObject[]> {
    const found: KubeObject[] = [];
    try {
      for await (const page of this.#deps.kube.listMetadata({
        apiVersion,
        kind,
        namespace: SYSTEM_NAMESPACE,
        label,
      }))
        found.push(...page.objects);
    } catch (error) {
      if (!(error instanceof KubeError) || error.passing) throw error;
      if (error.status === 404) this.#defined = false;
    }
    return found;
  }

  async #tried(): Promise<boolean> {
    const { kube, log } = this.#deps;
    try {
      if (!this.#defined) await define(kube);
      this.#defined = true;
      for (const one of this.#shown()) {
        this.#stopper.check();
        await this.#show(one);
      }
      this.#told = "";
      return true;
    } catch (error) {
      if (this.#stopper.stopped) return true;
      if (!(error instanceof KubeError)) throw error;
      const message = `placements are not shown in ${SYSTEM_NAMESPACE}: ${error.reason}: ${error.message}`;
      if (message !== this.#told) log({ level: "warn", message });
      this.#told = message;
      return false;
    }
  }

  async #show({ app, content, commit }: Shown): Promise<void> {
    const status =
      content === undefined || content.phase === "removed" ? undefined : shownStatus(content, commit);
    const text = status === undefined ? "" : canonicalJson(status);
    if (this.#written.get(app) === text) return;
    const { kube } = this.#deps;
    const before = this.#written.get(app) ?? (await this.#textIn(app));
    if (before !== text) {
      if (status === undefined) await kube.delete(addressOf(app), undefined);
      else {
        if (before === "") await kube.apply(placementObject(app), WRITE);
        this.#seen(app, await kube.applyStatus({ ...placementObject(app), status }));
      }
      if (content !== undefined) this.#note(app, content);
    }
    this.#written.set(app, text);
  }

  #note(app: string, content: Content): void {
    const { phase, message, epoch, generation } = content;
    const rest = { phase, message, generation: `${epoch}.${generation}` };
    this.#events.tell(restNews(app, this.#rests.get(app), rest));
    this.#rests.set(app, rest);
  }

  /** After a restart what stands there already need not be written, nor told again. */
  async #textIn(app: string): Promise<string> {
    const live = await this.#deps.kube.get(addressOf(app));
    if (live === undefined) return "";
    this.#seen(app, live);
    const rest = shownRest(live);
    if (rest !== undefined && !this.#rests.has(app)) this.#rests.set(app, rest);
    return canonicalJson(live["status"] ?? {});
  }

  #seen(app: string, { metadata }: KubeObject): void {
    if (typeof metadata["uid"] === "string") this.#uids.set(app, metadata["uid"]);
  }
}

function addressOf(app: string): Address {
  return { apiVersion, kind, namespace: SYSTEM_NAMESPACE, name: app };
}

/** One that somebody else brought, and that we may not write, serves as well. */
async function define(kube: Kube): Promise<void> {
  const { definition } = PLACEMENT_DEFINITION;
  const { name } = definition.metadata;
  const place = { apiVersion: definition.apiVersion, kind: definition.kind, namespace: "", name };
  try {
    const live = await kube.get(place);
    const mark = live?.metadata.annotations?.[PLACEMENT_DEFINITION.revisionAnnotation];
    if (mark !== PLACEMENT_DEFINITION.revision) await kube.apply(definition, WRITE);
  } catch (error) {
    const refused = error instanceof KubeError && error.status === 403;
    if (!refused || (await kube.scopeOf(apiVersion, kind)) === undefined) throw error;
  }
}
