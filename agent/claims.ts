/**
 * What the Apps of this agent say of each other's objects, read from the statements and bundles that it has accepted.
 * What is decided on it stands in `core/moving.ts`. An App that was told to wait is woken when another one's word changes.
 */
import { declaredIn, namespaceNamed, neighbourOf, partingOf, takeoverOf } from "#core/moving.ts";
import { takeoverRefusal, type Claim, type Declared, type Parting } from "#core/moving.ts";
import { refKey, refOf, refText, type KubeObject } from "#core/object.ts";
import { ownerRefusal, type Owner } from "#core/plan.ts";
import { applyOrderOf, objectsOf, type AppState } from "./app-state.ts";
import { KubeError } from "./kube/port.ts";

/** One App, as the others see it. */
export interface Claimant {
  readonly state: AppState;
  /** A statement has come and is not judged yet. */
  readonly undecided: boolean;
  /** What it waits for from another App may be there. */
  wake(): void;
}

export class Claims {
  readonly #apps = new Map<string, Claimant>();
  readonly #waiting = new Set<string>();
  #answered = false;

  add(app: string, claimant: Claimant): void {
    this.#apps.set(app, claimant);
  }

  get apps(): ReadonlyMap<string, Claimant> {
    return this.#apps;
  }

  /** The hub has answered since the start: until then a statement may be on its way that was known before. */
  get answered(): boolean {
    return this.#answered;
  }

  /** All offers of one answer are with their Apps. */
  heard(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.changed(undefined);
  }

  /** This App is woken once when another one's word changes. */
  wait(app: string): void {
    this.#waiting.add(app);
  }

  changed(by: string | undefined): void {
    for (const app of this.#waiting) {
      if (app === by) continue;
      this.#waiting.delete(app);
      this.#apps.get(app)?.wake();
    }
  }

  /** For one pass of one App. */
  besides(owner: Owner): Besides {
    return new Besides(this, owner);
  }
}

/** The other Apps, as one pass asks them; a bundle is opened at most once for it. */
export class Besides {
  readonly #claims: Claims;
  readonly #owner: Owner;
  readonly #declared = new Map<string, Declared>();

  constructor(claims: Claims, owner: Owner) {
    this.#claims = claims;
    this.#owner = owner;
  }

  /** Why a live object must not be written; what only time can tell is a `KubeError` that may pass. */
  async refusalOf(live: KubeObject, adopt: boolean): Promise<string | undefined> {
    const refusal = ownerRefusal(live, this.#owner, { adopt });
    const app = neighbourOf(live, this.#owner);
    if (refusal === undefined || app === undefined) return refusal;
    const verdict = takeoverOf(await this.#claimOf(app, refKey(refOf(live))));
    if (verdict === "take") return undefined;
    this.#claims.wait(this.#owner.app);
    if (verdict === "wait") {
      const message = `${refText(refOf(live))} belongs to App ${app}, whose new statement is not read yet`;
      throw new KubeError(503, "Moving", message);
    }
    return verdict === "both" ? refusal : takeoverRefusal(live, app);
  }

  /** What becomes of an object that this App does not want any more. */
  async partingOf(key: string): Promise<Parting> {
    const others = [];
    for (const app of this.#claims.apps.keys())
      if (app !== this.#owner.app) others.push({ app, claim: await this.#claimOf(app, key) });
    // The offers of an answer are all there before the first of them is judged.
    const parting: Parting = this.#claims.answered ? partingOf(others) : { kind: "waits" };
    if (parting.kind !== "goes") this.#claims.wait(this.#owner.app);
    return parting;
  }

  async #claimOf(app: string, key: string): Promise<Claim> {
    const claimant = this.#claims.apps.get(app);
    if (!this.#claims.answered) return { kind: "open" };
    if (claimant === undefined || claimant.state.broken) return { kind: "none" };
    const { state } = claimant;
    // A statement that is truly the hub's, with a bundle that was not: its bytes can be put right.
    if (claimant.undecided || state.refusal?.statement !== undefined) return { kind: "open" };
    const { record } = state;
    if (record === undefined) return { kind: "none" };
    if (applyOrderOf(state) === undefined) return { kind: "leaving" };
    const facts = await this.#factsOf(state, key);
    // Another statement may have come meanwhile.
    return facts !== undefined && state.record?.digest === record.digest && !claimant.undecided
      ? { kind: "bundle", ...facts }
      : { kind: "open" };
  }

  async #factsOf(state: AppState, key: string) {
    const namespace = namespaceNamed(key);
    const entry = state.store.entry(key);
    // What was wholly applied stands in the inventory: no need to open the bundle.
    const applied = state.record?.state === "kept" && state.record.applied;
    if (applied && namespace === undefined && entry === undefined)
      return { declares: false, uses: false, took: false };
    const declared = await this.#declaredBy(state);
    if (declared === undefined) return undefined;
    const uses = namespace !== undefined && declared.namespaces.has(namespace);
    return { declares: declared.keys.has(key), uses, took: entry?.uid !== undefined };
  }

  async #declaredBy(state: AppState): Promise<Declared | undefined> {
    const kept = applyOrderOf(state);
    if (kept === undefined) return undefined;
    const known = this.#declared.get(kept.record.digest);
    if (known !== undefined) return known;
    const objects = await objectsOf(state, kept.order);
    if (objects === undefined) return undefined;
    const declared = declaredIn(objects, kept.order.namespace);
    this.#declared.set(kept.record.digest, declared);
    return declared;
  }
}
