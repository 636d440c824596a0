/**
 * What agents say: who they are when they register, and whatever they tell. Each body is checked by schemas that a poll has no
 * use for, so all of this is loaded when it is first asked for.
 */
import { DIGEST_PATTERN } from "#core/digest.ts";
import { Problem } from "#core/problem.ts";
import {
  holdRequestSchema,
  PROTOCOL_VERSION,
  registerRequestSchema,
  registrationTokenSchema,
  reportRequestSchema,
  rotateRequestSchema,
  servedRequestSchema,
  type HoldAnswer,
  type RegisterAnswer,
  type ReportAnswer,
  type RotateAnswer,
  type ServedAnswer,
} from "#core/protocol.ts";
import type { ApiNoun } from "../release/api-documents.ts";
import { putBeat, redeemToken } from "../store/cluster.ts";
import { getHub } from "../store/hub.ts";
import type { AgentApiDeps } from "./agent.ts";
import type { HeldHub } from "./agent-proof.ts";
import { rotate } from "./agent-rotate.ts";
import { takeHold } from "./hold-told.ts";
import { takeReport } from "./report.ts";
import type { ProvenAgent } from "./request-identity.ts";
import { takeDocument, takeServed } from "./served.ts";

type Deps = AgentApiDeps & { hub: HeldHub };

/** By the path that each is told at. */
export const told = {
  report: (deps: Deps, agent: ProvenAgent, body: unknown): Promise<ReportAnswer> =>
    takeReport(deps, agent, spoken(reportRequestSchema.parse(body))),
  served: (deps: Deps, { line }: ProvenAgent, body: unknown): Promise<ServedAnswer> =>
    takeServed(deps, line, spoken(servedRequestSchema.parse(body))),
  hold: (deps: Deps, { line }: ProvenAgent, body: unknown): Promise<HoldAnswer> =>
    takeHold(deps, line, spoken(holdRequestSchema.parse(body))),
  rotate: async (deps: Deps, agent: ProvenAgent, body: unknown): Promise<RotateAnswer> =>
    rotate(deps, (await deps.hub.get()).hub, agent, spoken(rotateRequestSchema.parse(body))),
};

/** A list of APIs, or the shapes of its kinds, as it came. */
export async function toldDocument(
  deps: Deps,
  { line }: ProvenAgent,
  { noun, digest }: { noun: ApiNoun; digest: string },
  bytes: Uint8Array,
): Promise<void> {
  if (!DIGEST_PATTERN.test(digest)) throw new Problem("not-found", "this is no digest");
  await takeDocument(deps, line, { noun, digest }, bytes);
}

export async function register(deps: Deps, body: unknown): Promise<RegisterAnswer> {
  const request = spoken(registerRequestSchema.parse(body));
  const hub = await getHub(deps.db);
  const token = readToken(request.token);
  if (token.hub !== hub.hub) throw new Problem("unauthenticated", "the token is of another hub");
  const redeemed = await redeemToken(deps.db, token.secret, request.key, deps.now());
  if (redeemed.kind === "refused") throw new Problem("unauthenticated", redeemed.message);
  const { project, cluster } = redeemed;
  await putBeat(deps.db, project, cluster, deps.now(), {
    agent: request.agent,
    kubernetes: request.kubernetes,
  });
  return { project, cluster, recoveryKey: hub.recoveryKey, charter: hub.charter };
}

/** What was said, in a protocol that is spoken here. */
function spoken<T extends { protocol: number }>(request: T): T {
  if (request.protocol >= PROTOCOL_VERSION) return request;
  throw new Problem(
    "agent-too-old",
    `protocol ${request.protocol} is not spoken any more, ${PROTOCOL_VERSION} is: upgrade the agent`,
  );
}

function readToken(text: string) {
  try {
    return registrationTokenSchema.parse(
      JSON.parse(Buffer.from(text.replace(/^fl1\./, ""), "base64url").toString()),
    );
  } catch {
    throw new Problem("unauthenticated", "the token cannot be read");
  }
}
