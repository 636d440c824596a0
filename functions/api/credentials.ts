/**
 * Credentials of a project: stored and replaced, listed by name, deleted. A value goes into the secret store and never
 * comes back out of this API; the table holds its name, its kind, and who stored it.
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import {
  credentialSchema,
  credentialViewSchema,
  type Credential,
  type CredentialView,
} from "#core/credential.ts";
import { Problem } from "#core/problem.ts";
import { listOf } from "#core/view.ts";
import { SECRET_BYTES_MAX, secretFits } from "../secrets/check.ts";
import type { SecretStore } from "../secrets/port.ts";
import { appKey } from "../source/github-app.ts";
import {
  deleteCredential,
  getCredential,
  listCredentials,
  putCredential,
  type CredentialEntry,
} from "../store/credential.ts";
import type { Db } from "../store/db.ts";
import { getProject, listResources } from "../store/resource.ts";
import { authorize, stampOf, type ApiContext, type ApiEnv } from "./caller.ts";
import { requireMatch } from "./conditional.ts";
import { createApi, json, missing, namedParam, projectParam, route } from "./route.ts";

interface Deps {
  db: Db;
  secrets: SecretStore;
  now: () => number;
}

const PATH = "/projects/{project}/credentials";
const CREDENTIALS_PER_PROJECT_MAX = 500;

const list = route({
  method: "get",
  path: PATH,
  summary: "Credentials of a project, without their values",
  request: { params: projectParam },
  responses: { 200: json(listOf(credentialViewSchema), "All, by name") },
});
const put = route({
  method: "put",
  path: `${PATH}/{name}`,
  summary: "Store a credential, or replace it",
  request: {
    params: namedParam,
    body: { required: true, content: { "application/json": { schema: credentialSchema } } },
  },
  responses: {
    200: json(credentialViewSchema, "It replaced another value"),
    201: json(credentialViewSchema, "It is new"),
  },
});
const remove = route({
  method: "delete",
  path: `${PATH}/{name}`,
  summary: "Delete a credential that no Source uses",
  request: { params: namedParam },
  responses: { 204: { description: "It is gone" } },
});

export function credentialRoutes(deps: Deps): OpenAPIHono<ApiEnv> {
  const { db } = deps;
  const routes = createApi();
  routes.openapi(list, async (context) => {
    const { project } = context.req.valid("param");
    await authorize(db, context, project, { verb: "read", noun: "credentials" });
    return context.json({ items: (await listCredentials(db, project)).map(view) }, 200);
  });
  routes.openapi(put, async (context) => {
    const { project, name } = context.req.valid("param");
    await authorize(db, context, project, { verb: "write", noun: "credentials" });
    const credential = context.req.valid("json");
    const stored = await store(deps, context, { project, name }, credential);
    return context.json(view(stored), stored.version === 1 ? 201 : 200);
  });
  routes.openapi(remove, async (context) => {
    const { project, name } = context.req.valid("param");
    await authorize(db, context, project, { verb: "delete", noun: "credentials" });
    const entry = await getCredential(db, project, name);
    if (entry === undefined) throw missing("credential", project, name);
    requireMatch(context, entry.version);
    await refuseUsed(db, project, name);
    // The value first: an entry without a value is told as a failure, a value without an entry would be told by nobody.
    await deps.secrets.delete(project, name);
    if ((await deleteCredential(db, entry, stampOf(context))) === "lost") throw changed(name);
    return context.body(null, 204);
  });
  return routes;
}

/** The value first: whoever reads the new entry finds it. Of two at once one is told to look again. */
async function store(
  { db, secrets, now }: Deps,
  context: ApiContext,
  { project, name }: { project: string; name: string },
  credential: Credential,
): Promise<CredentialEntry> {
  if ((await getProject(db, project)) === undefined)
    throw new Problem("not-found", `there is no Project ${project}`);
  const value = checked(credential);
  const before = await getCredential(db, project, name);
  if (before === undefined && (await listCredentials(db, project)).length >= CREDENTIALS_PER_PROJECT_MAX)
    throw new Problem(
      "in-use",
      `project ${project} has ${CREDENTIALS_PER_PROJECT_MAX} credentials, which is the limit: delete some`,
    );
  await secrets.put(project, name, value);
  const change = { project, name, kind: credential.kind, stamp: stampOf(context), at: now() };
  const stored = await putCredential(db, change, before);
  if (stored === "lost") throw changed(name);
  return stored;
}

function checked(credential: Credential): string {
  if (credential.kind === "github-app" && appKey(credential.privateKey) === undefined)
    throw new Problem("invalid-request", "privateKey: is no PEM of a private RSA key of at least 2048 bits");
  const value = JSON.stringify(credential);
  if (!secretFits(value))
    throw new Problem("too-large", `a credential may have ${SECRET_BYTES_MAX} bytes as JSON`);
  return value;
}

async function refuseUsed(db: Db, project: string, name: string): Promise<void> {
  const users = (await listResources(db, "Source", project))
    .map(({ resource }) => resource)
    .filter(({ spec }) => spec.credentials === name || spec.webhook === name);
  if (users.length === 0) return;
  const names = users.map(({ metadata }) => metadata.name).join(", ");
  throw new Problem("in-use", `Sources use credential ${name}: ${names}; let them name another first`);
}

function changed(name: string): Problem {
  return new Problem(
    "conflict",
    `credential ${name} has just been changed by somebody else: store yours again`,
  );
}

function view({ name, kind, version, stamp, at }: CredentialEntry): CredentialView {
  return { name, kind, version, by: stamp.by, at };
}
