/**
 * Shows each App's placement in the cluster, for those who have `kubectl` and no way to the hub: one object per App, written
 * when what it tells has changed, deleted with the App. Nobody obeys these objects; an edit of one changes nothing.
 */
import { canonicalJson } from "#core/digest.ts";
import type { KubeObject } from "#core/object.ts";
import { PLACEMENT_DEFINITION, placementObject, shownStatus } from "#core/shown-placement.ts";
import type { AgentDeps } from "./deps.ts";
import { KubeError, type Address, type Kube } from "./kube/port.ts";
import type { Content } from "./placement.ts";
import { SYSTEM_NAMESPACE } from "./state/system.ts";
import type { Stopper } from "./stop.ts";
import { backoff, type Alarm } from "./wait.ts";

const { apiVersion, kind, label } = PLACEMENT_DEFINITION;
const WRITE = { dryRun: false, force: true };

/** `content` is absent where there is nothing to tell: such an App has no object. */
export interface Shown {
  app: string;
  content: Content | undefined;
}

export class PlacementShow {
  readonly #deps: Pick<AgentDeps, "kube" | "log" | "options" | "random" | "sleep">;
  readonly #stopper: Stopper;
  readonly #shown: () => Shown[];
  readonly #alarm: Alarm;
  /** What stands in the cluster, by App: the status as text, `""` where there is no object. */
  readonly #written = new Map<string, string>();
  #defined = false;
  #told = "";

  constructor(
    deps: Pick<AgentDeps, "kube" | "log" | "options" | "random" | "sleep">,
    stopper: Stopper,
    shown: () => Shown[],
  ) {
    this.#deps = deps;
    this.#stopper = stopper;
    this.#shown = shown;
    this.#alarm = stopper.alarm();
  }

  /** Something may have changed. */
  changed(): void {
    this.#alarm.ring();
  }

  async run(): Promise<void> {
    const { options, sleep, random } = this.#deps;
    let failures = 0;
    while (options.placements && !this.#stopper.stopped) {
      failures = (await this.#tried()) ? 0 : failures + 1;
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

  async #show({ app, content }: Shown): Promise<void> {
    const status = content === undefined || content.phase === "removed" ? undefined : shownStatus(content);
    const text = status === undefined ? "" : canonicalJson(status);
    if (this.#written.get(app) === text) return;
    const { kube } = this.#deps;
    const before = this.#written.get(app) ?? (await textIn(kube, app));
    if (before !== text) {
      if (status === undefined) await kube.delete(addressOf(app), undefined);
      else {
        if (before === "") await kube.apply(placementObject(app), WRITE);
        await kube.applyStatus({ ...placementObject(app), status });
      }
    }
    this.#written.set(app, text);
  }
}

function addressOf(app: string): Address {
  return { apiVersion, kind, namespace: SYSTEM_NAMESPACE, name: app };
}

/** After a restart what stands there already need not be written. */
async function textIn(kube: Kube, app: string): Promise<string> {
  const live = await kube.get(addressOf(app));
  return live === undefined ? "" : canonicalJson(live["status"] ?? {});
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
