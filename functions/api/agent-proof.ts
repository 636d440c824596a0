/** The agents' app's way from a request to the agent that is proved to make it; knows which hub it is, and asks rarely. */
import type { Context } from "hono";
import { Problem } from "#core/problem.ts";
import { TIME_HEADER } from "#core/agent-api.ts";
import { retirePrevious } from "../store/line.ts";
import type { Db } from "../store/db.ts";
import { getHub, type Hub } from "../store/hub.ts";
import { whileWriting, type Writer } from "../store/writer.ts";
import { identify, type Identified, type ProvenAgent } from "./request-identity.ts";

interface Deps {
  db: Db;
  now: () => number;
  writer?: Writer | undefined;
}

/** The charter changes rarely; a poll must not read it. */
const HUB_TTL_MS = 10_000;
/** A request for another hub asks again, but not each one: anybody may send such. */
const HUB_AGAIN_MS = 1_000;

export interface HeldHub {
  get(): Promise<Hub>;
  /** Reads it anew unless that was just done. */
  again(): Promise<Hub>;
}

export function holdHub({ db, now }: Deps): HeldHub {
  let held: { hub: Hub; at: number } | undefined;
  const notOlder = async (ms: number): Promise<Hub> => {
    if (held === undefined || now() - held.at > ms) held = { hub: await getHub(db), at: now() };
    return held.hub;
  };
  return { get: () => notOlder(HUB_TTL_MS), again: () => notOlder(HUB_AGAIN_MS) };
}

export async function proveAgent(deps: Deps, hub: HeldHub, context: Context): Promise<ProvenAgent> {
  const { method, path } = context.req;
  const body = method === "GET" ? new Uint8Array() : new Uint8Array(await context.req.arrayBuffer());
  const request = { authorization: context.req.header("authorization"), method, path, body };
  const ask = (id: string): Promise<Identified> => identify(deps.db, id, request, deps.now());
  let identified = await ask((await hub.get()).hub);
  if (identified.kind === "other-hub") identified = await ask((await hub.again()).hub);
  if (identified.kind === "clock") context.header(TIME_HEADER, String(deps.now()));
  if (identified.kind !== "agent") throw new Problem("unauthenticated", identified.message);
  const { line, by, run } = identified;
  if (line.previous !== undefined && line.key?.x === by)
    await whileWriting(deps.writer, () => retirePrevious(deps.db, line), undefined);
  return { line, by, run };
}
