/**
 * Tells the hub what this cluster's API server serves: its version and its list of APIs, by digest; the list itself, and
 * the shapes of the built-in kinds, only where the hub asks for them. The server is asked rarely, and a moment after a
 * definition was applied. Nothing here holds up a delivery; a hub that does not know it is asked again later.
 */
import { apiSchemas, mergeSchemas, NO_SCHEMAS } from "#core/api-schemas.ts";
import { apiList, minorOf } from "#core/capabilities.ts";
import { canonicalJson, sha256 } from "#core/digest.ts";
import { APIS_BODY_BYTES_MAX } from "#core/limits.ts";
import { PROTOCOL_VERSION } from "#core/protocol.ts";
import type { AgentDeps } from "./deps.ts";
import { HubError, type Hub } from "./hub.ts";
import { KubeError, type Kube } from "./kube/port.ts";
import type { Stopper } from "./stop.ts";
import { keepTelling } from "./telling.ts";
import type { Alarm } from "./wait.ts";

/** The hub may have lost it, or be another one by now: an unchanged list is told again after this long. */
const AGAIN_MS = 60 * 60_000;
/** Each answer but the last names a number to go above, or a list to send. */
const TURNS_MAX = 4;

interface Told {
  digest: string;
  /** Canonical JSON. */
  text: string;
}

interface Facts {
  kubernetes: string;
  /** Absent where there are more than can be told. */
  apis: Told | undefined;
  /** The shapes of the built-in kinds; only once the hub asked for them. */
  schemas?: Told | undefined;
}

export class ApisTeller {
  readonly #deps: AgentDeps;
  readonly #stopper: Stopper;
  readonly #hub: Pick<Hub, "served" | "sendApis" | "sendSchemas">;
  readonly #alarm: Alarm;
  #seq = 0;
  #told: { digest: string; at: number } | undefined;
  #defined = false;

  constructor(deps: AgentDeps, stopper: Stopper, hub: Pick<Hub, "served" | "sendApis" | "sendSchemas">) {
    this.#deps = deps;
    this.#stopper = stopper;
    this.#hub = hub;
    this.#alarm = stopper.alarm();
  }

  /** A definition of kinds was applied or deleted. */
  changed(): void {
    this.#defined = true;
    this.#alarm.ring();
  }

  run(): Promise<void> {
    const { apisEveryMs, apisSettleMs } = this.#deps.options;
    return keepTelling(this.#deps, this.#stopper, {
      tell: () => this.#tell(),
      failed: "the hub was not told which APIs are served",
      everyMs: apisEveryMs,
      retryMs: apisSettleMs,
      retryMsMax: apisEveryMs,
      pause: (ms) => this.#pause(ms),
    });
  }

  async #pause(ms: number): Promise<void> {
    const { options, sleep } = this.#deps;
    await this.#alarm.wait(sleep, ms);
    // The server needs a moment to serve what was defined, and definitions come in dozens.
    if (this.#defined) await sleep(options.apisSettleMs, this.#stopper.signal);
  }

  async #tell(): Promise<void> {
    this.#defined = false;
    const facts = await this.#ask();
    const digest = `${minorOf(facts.kubernetes)} ${facts.apis?.digest}`;
    const now = this.#deps.clock();
    if (this.#told?.digest === digest && now - this.#told.at < AGAIN_MS) return;
    // Until it is answered nobody knows what the hub has: it may take this and its answer be lost.
    if (this.#told !== undefined) this.#told.digest = "";
    for (let turn = 0; turn < TURNS_MAX; turn += 1)
      if (await this.#turn(facts)) {
        this.#told = { digest, at: now };
        return;
      }
    throw new HubError(0, `the hub still asks for it after ${TURNS_MAX} answers`);
  }

  /** True when the hub has all that it wants. */
  async #turn(facts: Facts): Promise<boolean> {
    const { kubernetes, apis, schemas } = facts;
    this.#seq = Math.max(this.#seq + 1, Math.floor(this.#deps.clock()));
    const answer = await this.#hub.served({
      protocol: PROTOCOL_VERSION,
      seq: this.#seq,
      kubernetes,
      ...(apis === undefined ? {} : { apis: apis.digest }),
      ...(schemas === undefined ? {} : { schemas: schemas.digest }),
    });
    if (answer.stale !== undefined) {
      this.#seq = Math.max(this.#seq, answer.stale);
      return false;
    }
    const { wants } = answer;
    if (apis !== undefined && wants.includes("apis")) await this.#hub.sendApis(apis.digest, apis.text);
    if (!wants.includes("schemas")) return true;
    if (schemas !== undefined) {
      await this.#hub.sendSchemas(schemas.digest, schemas.text);
      return true;
    }
    facts.schemas = await this.#askSchemas();
    return facts.schemas === undefined;
  }

  async #ask(): Promise<Facts> {
    const { kube, log } = this.#deps;
    const kubernetes = await kube.version();
    const list = apiList(await kube.served());
    const apis = list === undefined ? undefined : toldOf(list);
    if (apis === undefined && this.#told === undefined)
      log({
        level: "warn",
        message: "this cluster serves more APIs than the hub takes: the version alone is told",
      });
    return { kubernetes, apis };
  }

  /** Undefined where the server has none that can be told: releases are checked less, nothing else. */
  async #askSchemas(): Promise<Told | undefined> {
    try {
      return await this.#readSchemas();
    } catch (error) {
      if (!(error instanceof KubeError) || error.passing) throw error;
      this.#deps.log({ level: "warn", message: `the shapes of kinds are not told: ${error.message}` });
      return undefined;
    }
  }

  async #readSchemas(): Promise<Told | undefined> {
    let schemas = NO_SCHEMAS;
    for await (const document of this.#deps.kube.openapi())
      schemas = mergeSchemas(schemas, apiSchemas(document));
    return Object.keys(schemas.kinds).length === 0 ? undefined : toldOf(schemas);
  }
}

/** Undefined where it is longer than the hub takes. */
function toldOf(value: unknown): Told | undefined {
  const text = canonicalJson(value);
  return Buffer.byteLength(text) > APIS_BODY_BYTES_MAX ? undefined : { digest: sha256(text), text };
}

/** The same cluster; `changed` is called when a definition of kinds was written or deleted. */
export function noticing(kube: Kube, changed: () => void): Kube {
  const notice = (kind: string): void => {
    if (kind === "CustomResourceDefinition" || kind === "APIService") changed();
  };
  return {
    ...kube,
    apply: async (object, options) => {
      const applied = await kube.apply(object, options);
      if (!options.dryRun) notice(object.kind);
      return applied;
    },
    delete: async (address, ...only) => {
      const outcome = await kube.delete(address, ...only);
      if (outcome === "deleted") notice(address.kind);
      return outcome;
    },
    as: (account) => noticing(kube.as(account), changed),
  };
}
