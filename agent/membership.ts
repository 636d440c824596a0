/**
 * The agent's place at its hub while it runs: takes newer charters, a new key when its own is old or the hub asks, and
 * a new registration when it is started with a new token. Nothing of it keeps the lanes from healing.
 */
import { fingerprintOf } from "#core/charter.ts";
import { PROTOCOL_VERSION } from "#core/protocol.ts";
import { AGENT_VERSION, type AgentDeps } from "./deps.ts";
import { Hub, HubError, type HubAddress } from "./hub.ts";
import * as identities from "./identity.ts";
import type { Identity } from "./identity.ts";
import { dropNext, loadKeys, prepareNext, promoteNext, type AgentKey, type AgentKeys } from "./keys.ts";
import { proveKey } from "./signed.ts";
import type { Stopper } from "./stop.ts";
import { jittered } from "./wait.ts";

/** After a refusal, before the same is asked again. */
const REFUSED_WAIT_MS = 24 * 60 * 60_000;
const UNKNOWN_WAIT_MS = 5 * 60_000;
const AWAY_WAIT_MS = 60_000;

export interface Member {
  identity: Identity;
  keys: AgentKeys;
  /** Of a token that is not the one it registered with. */
  token: string | undefined;
  run: string;
  kubernetes: string;
}

export function addressOf({ hub, project, cluster, key, charter }: Identity): HubAddress {
  return { hub, urls: charter.urls, caller: { name: `${project}/${cluster}`, key } };
}

export class Membership {
  readonly #deps: AgentDeps;
  readonly #stopper: Stopper;
  readonly #hub: Hub;
  readonly #member: Member;
  readonly #rotateEveryMs: number;
  #asked = false;
  #rotateAt = 0;
  #registerAt = 0;

  constructor(deps: AgentDeps, stopper: Stopper, hub: Hub, member: Member) {
    this.#deps = deps;
    this.#stopper = stopper;
    this.#hub = hub;
    this.#member = member;
    // A fleet that was registered in one hour must not rotate in one.
    this.#rotateEveryMs = jittered(deps.options.rotateEveryMs, deps.random);
  }

  get identity(): Identity {
    return this.#member.identity;
  }

  /** True when the charter was replaced: what was refused may be right now. */
  async considerCharter(jws: string): Promise<boolean> {
    const verdict = await identities.considerCharter(this.#deps.kube, this.identity, jws);
    if (verdict.kind === "refused") this.#deps.log({ level: "warn", message: verdict.message });
    if (verdict.kind !== "replaced") return false;
    const { serial, epoch } = verdict.charter;
    this.#member.identity = { ...this.identity, charter: verdict.charter };
    this.#hub.moveTo(addressOf(this.identity));
    this.#deps.log({ level: "info", message: `charter ${serial} of epoch ${epoch} taken` });
    return true;
  }

  /** The hub's answer says so. */
  askedToRotate(): void {
    this.#asked = true;
  }

  /** Whatever is due, before a poll. Throws a `HubError` without status or a `KubeError` when it is to be tried again. */
  async tend(): Promise<void> {
    const now = this.#deps.clock();
    const { keys, token } = this.#member;
    if (token !== undefined && now >= this.#registerAt) await this.#register(token);
    if (now < this.#rotateAt) return;
    if (keys.next !== undefined) return await this.#offer([keys.next, keys.key]);
    if (!this.#asked && now - keys.madeAt < this.#rotateEveryMs) return;
    this.#member.keys = await prepareNext(this.#deps.kube);
    await this.#offer([keys.key]);
  }

  /** After a 401: another process of this agent may have changed the key in the cluster. */
  async refused(): Promise<void> {
    const keys = await loadKeys(this.#deps.kube, this.#deps.clock());
    if (keys.key.publicKey.x === this.#member.keys.key.publicKey.x) return;
    this.#take(keys);
    this.#deps.log({
      level: "info",
      message: "the key in the cluster was changed by another process: taken",
    });
  }

  /** Signed by each of `signers` in turn, as one of them is the key that the hub knows. */
  async #offer(signers: readonly AgentKey[]): Promise<void> {
    const { next } = this.#member.keys;
    if (next === undefined) return;
    const { hub, project, cluster } = this.identity;
    const claim = { hub, agent: `${project}/${cluster}`, x: next.publicKey.x };
    const proof = await proveKey(claim, next.privateKey);
    const request = { protocol: PROTOCOL_VERSION, key: next.publicKey, proof };
    for (const { privateKey } of signers) {
      const refused = await this.#refusal(() => this.#hub.rotate(request, privateKey));
      if (refused === undefined) return await this.#promote(next, "rotated");
      if (refused.status !== 401) return await this.#giveUp(refused);
    }
    // Neither key is known: the polls tell it. Both are kept, as the hub may be one that was put back from a copy.
    this.#rotateAt = this.#deps.clock() + UNKNOWN_WAIT_MS;
  }

  async #refusal(ask: () => Promise<unknown>): Promise<HubError | undefined> {
    try {
      await ask();
      return undefined;
    } catch (error) {
      this.#stopper.check();
      if (error instanceof HubError && error.status >= 400 && error.status < 500 && error.status !== 429)
        return error;
      throw error;
    }
  }

  async #promote(good: AgentKey, how: string): Promise<void> {
    const keys = await promoteNext(this.#deps.kube, this.#deps.clock(), good);
    this.#asked = false;
    this.#take(keys);
    const mark = fingerprintOf(keys.key.publicKey);
    this.#deps.log({ level: "info", message: `key ${how}, its fingerprint is now ${mark}` });
  }

  #take(keys: AgentKeys): void {
    this.#member.keys = keys;
    this.#member.identity = { ...this.identity, key: keys.key.privateKey };
    this.#hub.useKey(keys.key.privateKey);
  }

  async #giveUp(refused: HubError): Promise<void> {
    this.#asked = false;
    this.#rotateAt = this.#deps.clock() + REFUSED_WAIT_MS;
    this.#member.keys = await dropNext(this.#deps.kube);
    this.#deps.log({ level: "warn", message: `key not rotated: ${refused.message}` });
  }

  /** A new key for a new token; the one in force goes on meanwhile, also where the hub is away or refuses the token. */
  async #register(text: string): Promise<void> {
    const token = identities.parseToken(text);
    const digest = identities.tokenDigest(token);
    const { run, kubernetes } = this.#member;
    if (this.#member.keys.next?.token !== digest)
      this.#member.keys = await prepareNext(this.#deps.kube, digest);
    const { next } = this.#member.keys;
    if (next === undefined) return;
    const hub = new Hub(
      this.#deps,
      this.#stopper.signal,
      { hub: token.hub, urls: [token.url], caller: undefined },
      run,
    );
    const request = {
      protocol: PROTOCOL_VERSION,
      token: text.trim(),
      key: next.publicKey,
      agent: AGENT_VERSION,
      kubernetes,
    };
    try {
      const answer = await hub.register(request);
      const enrolment = await identities.checkedEnrolment(token, answer).catch((error: unknown) => {
        throw new HubError(400, error instanceof Error ? error.message : String(error));
      });
      const keys = await promoteNext(this.#deps.kube, this.#deps.clock(), next, enrolment);
      this.#member.identity = await identities.identityOf(enrolment, keys.key);
      this.#member.keys = keys;
      this.#member.token = undefined;
      this.#hub.moveTo(addressOf(this.identity));
      this.#deps.log({ level: "info", message: `registered anew with the new token, at ${token.url}` });
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      await this.#notRegistered(error);
    }
  }

  async #notRegistered(error: HubError): Promise<void> {
    this.#stopper.check();
    const over = error.status >= 400 && error.status < 500 && error.status !== 429;
    this.#deps.log({
      level: "warn",
      message: `the new token did not register this cluster, it goes on as it is: ${error.message}`,
    });
    if (!over) return void (this.#registerAt = this.#deps.clock() + AWAY_WAIT_MS);
    this.#member.token = undefined;
    this.#member.keys = await dropNext(this.#deps.kube);
  }
}
