/**
 * A small hub in process, over real signatures: what the agent's tests speak to. It checks each request as the
 * protocol asks, and signs whatever a test wants signed, also what a hub never would.
 */
import type { ToldHold } from "#core/hold.ts";
import { CompactSign, compactVerify, exportJWK, generateKeyPair, importJWK, type CryptoKey } from "jose";
import { makeBundle, type BundleRef } from "#core/bundle.ts";
import { SIGNED_TYPES, type Charter, type PublicKey } from "#core/charter.ts";
import { digestOf, sha256 } from "#core/digest.ts";
import type { KubeObject } from "#core/object.ts";
import {
  AGENT_PATHS,
  BEAT_HEADER,
  CONTENT_HEADER,
  keyProofSchema,
  POLL_HEADER,
  registerRequestSchema,
  reportRequestSchema,
  rotateRequestSchema,
  holdRequestSchema,
  servedRequestSchema,
  TIME_HEADER,
  type PlacementReport,
  type ReportRequest,
  type ServedRequest,
} from "#core/protocol.ts";
import type { Statement } from "#core/statement.ts";

const HUB = "hub-under-test";
export const HUB_URL = "http://hub.test";
const SKEW_S = 60;

interface Signer {
  kid: string;
  key: PublicKey;
  privateKey: CryptoKey;
}

export interface AssignOptions {
  generation?: number;
  release?: number;
  floor?: number;
  epoch?: number;
  cluster?: string;
  hub?: string;
  namespace?: string;
  sync?: Record<string, unknown>;
  pruneLimit?: number;
  commit?: string;
  /** Of a removal, with its namespace. */
  serviceAccount?: string;
}

export class TestHub {
  away = false;
  pollMs = 5;
  /** Milliseconds by which the hub's clock is ahead of this machine's. */
  clockAheadMs = 0;
  polls = 0;
  beats = 0;
  answered200 = 0;
  /** Polls without a tag whose answer the agent had. */
  sameContent = 0;
  /** A hub from before sends all of it each time. */
  knowsContent = true;
  bundleFetches = 0;
  readonly reports: ReportRequest[] = [];
  readonly refusals: string[] = [];
  readonly bundles = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly statements = new Map<string, string>();
  readonly latest = new Map<string, PlacementReport>();
  /** What was told of the cluster's API server, and the lists that came. */
  readonly served: ServedRequest[] = [];
  readonly apiLists = new Map<string, string>();
  readonly schemas = new Map<string, string>();
  /** What the cluster asked for: not now. */
  readonly holds: ToldHold[] = [];
  /** Numbers up to it are stale. */
  holdSeq = 0;
  /** Takes a hold, and its answer gets lost: so many times. */
  holdAnswersLost = 0;
  /** A hub from before knows nothing of it. */
  knowsServed = true;
  /** Numbers up to it are stale. */
  servedSeq = 0;
  /** Phases as told, in order, repeats left out. */
  readonly phases = new Map<string, string[]>();
  /** Asked before an answer goes out: what the cluster looks like at that moment, for a test of order. */
  onReport: (request: ReportRequest) => void = () => {};
  charter!: Charter;
  charterJws!: string;
  #recovery!: Signer;
  #signer!: Signer;
  /** Keys by agent: the one in force, then the one it replaced. */
  readonly agents = new Map<string, PublicKey[]>();
  /** Asks every agent for a new key. */
  askRotation = false;
  readonly runs = new Set<string>();
  #secret = "s".repeat(40);
  #generation = 0;

  /** Where it says it is: a test may serve `fetch` over a socket there. */
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  static async create(url: string = HUB_URL): Promise<TestHub> {
    const hub = new TestHub(url);
    hub.#recovery = await makeSigner("recovery");
    hub.#signer = await makeSigner("signer-1");
    await hub.certify({ serial: 1, epoch: 1, signers: [hub.#signer] });
    return hub;
  }

  /** A new charter, signed by the recovery key (or by `by`, for a forgery). */
  async certify(parts: {
    serial: number;
    epoch: number;
    signers: Signer[];
    urls?: string[];
    by?: Signer;
  }): Promise<void> {
    const { serial, epoch, signers, urls = [this.url], by = this.#recovery } = parts;
    this.charter = { hub: HUB, serial, epoch, signers: signers.map(({ kid, key }) => ({ kid, key })), urls };
    this.charterJws = await signed(this.charter, SIGNED_TYPES.charter, by);
  }

  signWith(signer: Signer): void {
    this.#signer = signer;
  }

  /** The next token is another one; that of before is refused. */
  renewToken(): void {
    this.#secret = `${this.#secret.slice(1)}t`;
  }

  token(cluster = "c1"): string {
    const { key } = this.#recovery;
    const recovery = digestOf({ crv: key.crv, kty: key.kty, x: key.x });
    const token = { hub: HUB, url: this.url, project: "web", cluster, recovery, secret: this.#secret };
    return `fl1.${Buffer.from(JSON.stringify(token)).toString("base64url")}`;
  }

  /** Signs an order to apply and puts it into the answer; the generation grows unless it is given. */
  async assign(app: string, objects: readonly KubeObject[], options: AssignOptions = {}): Promise<Statement> {
    const bundle = makeBundle(objects);
    this.bundles.set(app, new TextEncoder().encode(bundle.text));
    const statement = this.statement(app, { digest: bundle.digest, size: bundle.size }, options);
    await this.put(app, statement);
    return statement;
  }

  async remove(app: string, deletion: "delete" | "orphan", options: AssignOptions = {}): Promise<void> {
    const { pruneLimit = 20, serviceAccount } = options;
    const order = { action: "remove", deletion, pruneLimit, serviceAccount };
    await this.put(app, { ...this.#head(app, options), order });
  }

  statement(app: string, bundle: BundleRef, options: AssignOptions = {}): Statement {
    const { namespace = "shop", pruneLimit = 20 } = options;
    const sync = {
      prune: true,
      drift: "correct",
      adopt: false,
      deletion: "delete",
      ignore: [],
      ...options.sync,
    };
    const order = { action: "apply", bundle, namespace, sync: sync as never, pruneLimit } as const;
    return { ...this.#head(app, options), order };
  }

  async put(app: string, statement: unknown, signer: Signer = this.#signer): Promise<string> {
    const jws = await signed(statement, SIGNED_TYPES.statement, signer);
    this.statements.set(app, jws);
    return jws;
  }

  drop(app: string): void {
    this.statements.delete(app);
  }

  #head(app: string, options: AssignOptions): Omit<Statement, "order"> {
    const generation = options.generation ?? this.#generation + 1;
    this.#generation = Math.max(this.#generation, generation);
    const {
      hub = HUB,
      epoch = this.charter.epoch,
      cluster = "c1",
      release = generation,
      floor = 1,
    } = options;
    const source = options.commit === undefined ? {} : { source: { commit: options.commit } };
    return { hub, epoch, project: "web", cluster, app, release, generation, floor, ...source };
  }

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    if (this.away) throw new TypeError("fetch failed");
    const { origin, pathname } = new URL(url);
    if (!this.charter.urls.includes(origin)) throw new TypeError(`nobody listens at ${origin}`);
    const body = typeof init.body === "string" ? init.body : "";
    if (pathname === AGENT_PATHS.register) return this.#register(body);
    const headers = new Headers(init.headers);
    const refusal = await this.#refusalOf(headers, init.method ?? "GET", pathname, body);
    if (refusal !== undefined) return refusal;
    if (pathname === AGENT_PATHS.desired) return this.#desired(headers);
    if (pathname === AGENT_PATHS.report) return this.#report(body);
    if (pathname === AGENT_PATHS.rotate) return this.#rotate(body);
    if (pathname === AGENT_PATHS.served) return this.#served(body);
    if (pathname === AGENT_PATHS.hold) return this.#hold(body);
    if (init.method === "PUT") {
      const [folder, held] = pathname.startsWith(AGENT_PATHS.apis(""))
        ? [AGENT_PATHS.apis(""), this.apiLists]
        : [AGENT_PATHS.schemas(""), this.schemas];
      held.set(pathname.replace(folder, ""), body);
      return Response.json({});
    }
    return this.#bundle(pathname);
  };

  #register(body: string): Response {
    const request = registerRequestSchema.parse(JSON.parse(body));
    const token = JSON.parse(Buffer.from(request.token.slice(4), "base64url").toString("utf8")) as {
      cluster: string;
      secret: string;
    };
    if (token.secret !== this.#secret) return new Response("the token is not known", { status: 401 });
    this.agents.set(`web/${token.cluster}`, [request.key]);
    const recoveryKey = this.#recovery.key;
    return Response.json({ project: "web", cluster: token.cluster, recoveryKey, charter: this.charterJws });
  }

  async #refusalOf(
    headers: Headers,
    method: string,
    path: string,
    body: string,
  ): Promise<Response | undefined> {
    const jwt = headers.get("authorization")?.replace(/^Bearer /, "") ?? "";
    const claims = JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString("utf8")) as Record<
      string,
      unknown
    >;
    const agent = String(claims["iss"]);
    const keys = this.agents.get(agent) ?? [];
    const signers = await Promise.all(keys.map((key) => signs(jwt, key)));
    const by = signers.indexOf(true);
    if (by === -1) return this.#refuse("unknown agent");
    // The new key is used: what it replaced is worth nothing any more. A rotation that came in meanwhile stands.
    if (by === 0 && this.agents.get(agent) === keys) this.agents.set(agent, keys.slice(0, 1));
    this.runs.add(String(claims["run"]));
    const bod = body === "" ? "" : sha256(body);
    if (claims["aud"] !== HUB || claims["htm"] !== method || claims["htu"] !== path || claims["bod"] !== bod)
      return this.#refuse("claims");
    const now = Date.now() + this.clockAheadMs;
    if (Math.abs(now / 1000 - Number(claims["iat"])) > SKEW_S)
      return this.#refuse("time", { [TIME_HEADER]: String(now) });
    return undefined;
  }

  #refuse(why: string, headers: Record<string, string> = {}): Response {
    this.refusals.push(why);
    return new Response(why, { status: 401, headers });
  }

  #desired(headers: Headers): Response {
    this.polls += 1;
    if (headers.get(BEAT_HEADER) === "1") this.beats += 1;
    const assignments = [...this.statements].map(([app, statement]) => ({ app, statement }));
    const etag = `"${digestOf([this.charterJws, assignments, this.askRotation])}"`;
    const poll = { [POLL_HEADER]: String(this.pollMs) };
    if (headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers: poll });
    const answer = { charter: this.charterJws, pollMs: this.pollMs, assignments, rotate: this.askRotation };
    const content = this.knowsContent ? { [CONTENT_HEADER]: digestOf(answer) } : {};
    if (headers.has(CONTENT_HEADER) && headers.get(CONTENT_HEADER) === content[CONTENT_HEADER]) {
      this.sameContent += 1;
      return new Response(null, { status: 304, headers: { etag, ...poll } });
    }
    this.answered200 += 1;
    return Response.json(answer, { headers: { etag, ...content, ...poll } });
  }

  async #rotate(body: string): Promise<Response> {
    const { key, proof } = rotateRequestSchema.parse(JSON.parse(body));
    const { payload } = await compactVerify(proof, await importJWK(key, "EdDSA"));
    const { agent, x, hub } = keyProofSchema.parse(JSON.parse(new TextDecoder().decode(payload)));
    const held = this.agents.get(agent)?.[0];
    if (x !== key.x || hub !== HUB || held === undefined) return new Response("proof", { status: 400 });
    if (held.x === key.x) return Response.json({ outcome: "already" });
    this.agents.set(agent, [key, held]);
    this.askRotation = false;
    return Response.json({ outcome: "rotated" });
  }

  #served(body: string): Response {
    if (!this.knowsServed) return new Response("no such path", { status: 404 });
    const request = servedRequestSchema.parse(JSON.parse(body));
    this.served.push(request);
    if (request.seq <= this.servedSeq) return Response.json({ wants: [], stale: this.servedSeq });
    this.servedSeq = request.seq;
    const known = request.apis === undefined || this.apiLists.has(request.apis);
    const shaped = request.schemas !== undefined && this.schemas.has(request.schemas);
    const wants = [...(known ? [] : ["apis", "something newer"]), ...(shaped ? [] : ["schemas"])];
    return Response.json({ wants });
  }

  #hold(body: string): Response {
    if (!this.knowsServed) return new Response("no such path", { status: 404 });
    const request = holdRequestSchema.parse(JSON.parse(body));
    if (request.seq <= this.holdSeq) return Response.json({ stale: this.holdSeq });
    this.holds.push(request.hold);
    if (this.holdAnswersLost > 0) {
      this.holdAnswersLost -= 1;
      return new Response("the answer got lost", { status: 503 });
    }
    return Response.json({});
  }

  #bundle(path: string): Response {
    this.bundleFetches += 1;
    const app = [...this.bundles.keys()].find((name) => path === AGENT_PATHS.bundle(name));
    const bytes = app === undefined ? undefined : this.bundles.get(app);
    return bytes === undefined ? new Response("no such bundle", { status: 404 }) : new Response(bytes);
  }

  #report(body: string): Response {
    const request = reportRequestSchema.parse(JSON.parse(body));
    this.onReport(request);
    const stale: { app: string; seq: number }[] = [];
    this.reports.push(request);
    for (const placement of request.placements) {
      const held = this.latest.get(placement.app);
      if (held !== undefined && held.seq >= placement.seq) stale.push({ app: placement.app, seq: held.seq });
      else this.#keep(placement);
    }
    return Response.json({ accepted: request.placements.length - stale.length, stale });
  }

  #keep(placement: PlacementReport): void {
    this.latest.set(placement.app, placement);
    const phases = this.phases.get(placement.app) ?? [];
    if (phases.at(-1) !== placement.phase) phases.push(placement.phase);
    this.phases.set(placement.app, phases);
  }
}

export async function makeSigner(kid: string): Promise<Signer> {
  const pair = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const jwk = await exportJWK(pair.publicKey);
  return { kid, key: { kty: "OKP", crv: "Ed25519", x: jwk.x ?? "" }, privateKey: pair.privateKey };
}

async function signs(jwt: string, key: PublicKey): Promise<boolean> {
  try {
    const { protectedHeader } = await compactVerify(jwt, await importJWK(key, "EdDSA"));
    return protectedHeader.typ === SIGNED_TYPES.request;
  } catch {
    return false;
  }
}

async function signed(payload: unknown, typ: string, signer: Signer): Promise<string> {
  return await new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: "EdDSA", typ, kid: signer.kid })
    .sign(signer.privateKey);
}
