/**
 * `POST /v1/webhooks/{project}/{source}`: "look at this Source", from whoever holds the Source's webhook secret. Open to all; Git is never
 * touched here. No Source, no webhook, a wrong signature and an old one have the same answer and write nothing.
 */
import { createHash, randomBytes } from "node:crypto";
import { z, type OpenAPIHono } from "@hono/zod-openapi";
import { WEBHOOKS_PER_SOURCE } from "#core/limits.ts";
import { nameSchema } from "#core/metadata.ts";
import { Problem } from "#core/problem.ts";
import type { Source } from "#core/source.ts";
import type { SecretStore } from "../secrets/port.ts";
import type { Db } from "../store/db.ts";
import { putDelivery, wasDelivered } from "../store/delivery.ts";
import { putNudge } from "../store/nudge.ts";
import { getResource } from "../store/resource.ts";
import { claimOf, type Claim } from "../webhook/claim.ts";
import { concerns, toldBy } from "../webhook/push.ts";
import { createHookSecrets, type HookSecrets } from "../webhook/secrets.ts";
import type { ApiEnv } from "./caller.ts";
import type { Log } from "./errors.ts";
import { createBuckets, refuseSoon } from "./rates.ts";
import { createApi, json, route } from "./route.ts";

export interface WebhookDeps {
  db: Db;
  secrets: Pick<SecretStore, "get">;
  now: () => number;
  log: Log;
}

const answerSchema = z.object({
  kind: z.enum(["noted", "pong", "ignored", "repeated"]),
  detail: z.string(),
});
type Answer = z.infer<typeof answerSchema>;

const receive = route({
  method: "post",
  path: "/webhooks/{project}/{source}",
  summary:
    "A push, told by GitHub, GitLab, Bitbucket, Gitea, Forgejo or anyone with the Source's webhook secret",
  security: [],
  // Not checked here: a name that cannot be is answered like one that is not.
  request: { params: z.object({ project: z.string(), source: z.string() }) },
  responses: {
    200: json(answerSchema, "It is genuine, and there is nothing to look at"),
    202: json(answerSchema, "The Source will be looked at"),
  },
});

export function webhookRoutes(deps: WebhookDeps): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  const secrets = createHookSecrets(deps.secrets, deps.now);
  const buckets = createBuckets(deps.now);
  routes.openapi(receive, async (context) => {
    const { project, source: name } = context.req.valid("param");
    const body = Buffer.from(await context.req.arrayBuffer());
    const claim = claimOf(context.req.raw.headers, body, deps.now());
    const found = await prove({ ...deps, secrets }, claim, project, name);
    if (found.kind === "refused") {
      deps.log({ level: "warn", webhook: `${project}/${name}`.slice(0, 200), refused: found.why });
      throw new Problem("unauthenticated", "there is no such webhook, or its signature does not fit");
    }
    refuseSoon(context, buckets.take(`${project}/${name}`, WEBHOOKS_PER_SOURCE));
    const told = await note(deps, found, context.req.header("content-type") ?? "", body);
    return context.json(told, told.kind === "noted" ? 202 : 200);
  });
  return routes;
}

interface Proved {
  kind: "proved";
  source: Source;
  claim: Claim;
}

/** Compared with where there is no secret, so that the answer takes the same work. */
const NO_SECRET = randomBytes(32).toString("hex");

async function prove(
  { db, secrets }: { db: Db; secrets: HookSecrets },
  claim: Claim | undefined,
  project: string,
  name: string,
): Promise<Proved | { kind: "refused"; why: string }> {
  if (claim === undefined) return { kind: "refused", why: "no header of a known provider" };
  if (!nameSchema.safeParse(project).success || !nameSchema.safeParse(name).success)
    return { kind: "refused", why: "no name of a Source" };
  const source = (await getResource(db, "Source", project, name))?.resource;
  const secret =
    source?.spec.webhook === undefined ? undefined : await secrets.get(project, source.spec.webhook);
  const fits = claim.isProved(secret ?? NO_SECRET);
  if (source === undefined) return { kind: "refused", why: "no such Source" };
  if (secret === undefined) return { kind: "refused", why: "the Source has no webhook secret" };
  return fits
    ? { kind: "proved", source, claim }
    : { kind: "refused", why: `${claim.provider}: wrong or too old` };
}

/** The nudge before the mark: what is broken off between the two is done again, not lost. */
async function note(
  { db, now }: WebhookDeps,
  { source, claim }: Proved,
  contentType: string,
  body: Buffer,
): Promise<Answer> {
  const { project, name } = source.metadata;
  const told = toldBy(claim, contentType, body);
  if (told.kind === "ping") return { kind: "pong", detail: `the hub hears ${claim.provider}` };
  if (told.kind === "other") return { kind: "ignored", detail: "only pushes move a Source" };
  if (!concerns(told.refs, source.spec.git.ref))
    return { kind: "ignored", detail: `the Source follows ${JSON.stringify(source.spec.git.ref)}` };
  const delivery = createHash("sha256").update(`${project}/${name}\n${claim.delivery}`).digest("hex");
  if (await wasDelivered(db, delivery, now()))
    return { kind: "repeated", detail: "this delivery was taken before" };
  await putNudge(db, project, name, now(), `webhook:${claim.provider}`);
  await putDelivery(db, delivery, now());
  return { kind: "noted", detail: "the Source will be looked at" };
}
