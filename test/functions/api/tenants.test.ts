/**
 * Tenants are kept apart: every route is tried with another project's admin, and every agents' route with another
 * cluster's identity. Nothing is done, nothing is told, and what exists looks like what does not.
 */
import { exportJWK, generateKeyPair, type CryptoKey } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AGENT_PATHS, PROTOCOL_VERSION } from "#core/protocol.ts";
import { bodyDigest, signRequest } from "../../../agent/signed.ts";
import { buildAgentApp } from "../../../functions/api/agent.ts";
import { publicHalf } from "../../../functions/release/sign.ts";
import { putToken } from "../../../functions/store/cluster.ts";
import { getPlacements } from "../../../functions/store/placement.ts";
import { apiHub, ask, refused, writes, type ApiHub } from "../../support/api-hub.ts";
import { API_ROUTES, routeName, urlOf } from "../../support/api-routes.ts";
import { apiToken } from "../../support/caller.ts";
import { cluster } from "../../support/hub-parts.ts";

let hub: ApiHub;
beforeAll(async () => {
  hub = await apiHub();
}, 300_000);
afterAll(() => hub?.stop());

const inProject = API_ROUTES.filter(({ path, open }) => path.includes("{project}") && open === undefined);

describe("another project's admin", () => {
  it.each(inProject.map((route) => [routeName(route), route] as const))(
    "%s: is refused, the same whether it is there or not, and nothing is written",
    async (_, route) => {
      const { method, body } = route;
      const asked = (params: Record<string, string> | void) => ({
        method,
        url: urlOf({ ...route, params: { ...route.params, project: "default" } }, params),
        body,
        token: hub.tokens.other,
      });
      const there = (await route.prepare?.(hub)) ?? {};
      const existing = await refused(hub, asked({ ...there, project: "default" }), 403);
      expect(existing).toMatchObject({ code: "forbidden" });
      const missing = route.missing?.["project"] === undefined ? route.missing : undefined;
      if (missing !== undefined) expect(await refused(hub, asked(missing), 403)).toEqual(existing);
      // Nor does a project that is not there look different from one that is somebody else's.
      const nowhere = await refused(hub, asked({ ...there, project: "nowhere" }), 403);
      expect(nowhere.detail.replace("nowhere", "default")).toBe(existing.detail);
    },
  );

  it("POST /v1/apply: writes nothing into this one, dry run or not", async () => {
    const resources = [
      { apiVersion: "fairlead.dev/v1", ...cluster("mine"), metadata: { name: "mine", project: "other" } },
      { apiVersion: "fairlead.dev/v1", ...cluster("a", { team: "taken" }) },
    ];
    for (const dryRun of [false, true])
      await refused(
        hub,
        { method: "POST", url: "/v1/apply", body: { resources, dryRun }, token: hub.tokens.other },
        403,
      );
  });

  it("GET /v1/projects and /v1/whoami: sees its own project alone", async () => {
    const get = async (url: string) =>
      (await ask(hub.api, { method: "GET", url, token: hub.tokens.other })).json() as Promise<{
        items?: { resource: { metadata: { name: string } } }[];
        projects?: { project: string }[];
      }>;
    expect((await get("/v1/projects")).items?.map(({ resource }) => resource.metadata.name)).toEqual([
      "other",
    ]);
    expect((await get("/v1/whoami")).projects?.map(({ project }) => project)).toEqual(["other"]);
  });

  it("GET /: is shown no page of it", async () => {
    await refused(hub, { method: "GET", url: "/?project=default", token: hub.tokens.other }, 403);
  });
});

describe("a role that is limited by labels", () => {
  const limited = (labels: object) =>
    apiToken(hub.db, {
      project: "default",
      name: "limited",
      rules: [{ verbs: ["read", "delete", "register"], nouns: ["*"], labels }],
      now: hub.now(),
    });
  const get = (url: string, token: string) => ask(hub.api, { method: "GET", url, token });
  const base = "/v1/projects/default";

  it("lists and opens what it may see, and nothing else is there for it", async () => {
    const token = await limited({ matchLabels: { team: "web" } });
    const seen = (await (await get(`${base}/clusters`, token)).json()) as {
      items: { resource: { metadata: { name: string } } }[];
    };
    expect(seen.items.map(({ resource }) => resource.metadata.name)).toEqual(["a"]);
    expect((await get(`${base}/clusters/a`, token)).status).toBe(200);
    expect(await (await get(`${base}/fleet`, token)).json()).toMatchObject({
      apps: [],
      sources: [],
      clusters: [{ resource: { metadata: { name: "a" } } }],
    });
    for (const method of ["GET", "DELETE"] as const) {
      const hidden = await refused(hub, { method, url: `${base}/clusters/b`, token }, 403);
      expect(await refused(hub, { method, url: `${base}/clusters/none`, token }, 403)).toEqual(hidden);
    }
    await refused(hub, { method: "POST", url: `${base}/clusters/b/registration`, token }, 403);
    for (const part of ["releases", "rollouts", "placements", "placements/a", "rollouts/1"])
      await refused(hub, { method: "GET", url: `${base}/apps/shop/${part}`, token }, 403);
  });

  it("that also fits things without labels still cannot tell what is hidden from what is not there", async () => {
    const token = await limited({ matchExpressions: [{ key: "team", operator: "NotIn", values: ["web"] }] });
    expect((await get(`${base}/clusters/b`, token)).status).toBe(200);
    const hidden = await refused(hub, { method: "GET", url: `${base}/clusters/a`, token }, 404);
    const missing = await refused(hub, { method: "GET", url: `${base}/clusters/z`, token }, 404);
    expect(missing.detail.replace("Cluster z", "Cluster a")).toBe(hidden.detail);
  });

  it("is told nothing that is of the whole project", async () => {
    const token = await limited({ matchExpressions: [{ key: "x", operator: "DoesNotExist" }] });
    await refused(hub, { method: "GET", url: `${base}/drift-audits/newest`, token }, 403);
    await refused(hub, { method: "GET", url: `${base}/audit`, token }, 403);
    expect(await (await get(`${base}/fleet`, token)).json()).not.toHaveProperty("audit");
  });
});

describe("another cluster's agent", () => {
  let agents: ReturnType<typeof buildAgentApp>;
  let stranger: CryptoKey;

  beforeAll(async () => {
    agents = buildAgentApp({ db: hub.db, objects: hub.objects, now: hub.now, log: () => undefined });
    const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
    stranger = privateKey;
    const secret = "registration-of-cluster-b-registration-of";
    await putToken(hub.db, "default", "b", secret, hub.now() + 60_000);
    const token = {
      hub: "hub-test",
      url: "http://127.0.0.1:1",
      project: "default",
      cluster: "b",
      recovery: "0".repeat(64),
      secret,
    };
    const body = JSON.stringify({
      protocol: PROTOCOL_VERSION,
      token: `fl1.${Buffer.from(JSON.stringify(token)).toString("base64url")}`,
      key: publicHalf(await exportJWK(publicKey)),
      agent: "test",
    });
    expect((await agents.request(AGENT_PATHS.register, { method: "POST", body })).status).toBe(200);
  });

  const isPut = (path: string): boolean =>
    path.startsWith(AGENT_PATHS.apis("")) || path.startsWith(AGENT_PATHS.schemas(""));

  async function signed(iss: string, path: string, body?: object): Promise<Response> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const method = text === undefined ? "GET" : isPut(path) ? "PUT" : "POST";
    const claims = {
      iss,
      aud: "hub-test",
      iat: Math.floor(hub.now() / 1000),
      htm: method,
      htu: path,
      bod: bodyDigest(text),
    };
    const authorization = `Bearer ${await signRequest(claims, stranger)}`;
    return agents.request(path, {
      method,
      headers: { authorization },
      ...(text === undefined ? {} : { body: text }),
    });
  }

  const placement = {
    app: "shop",
    seq: 99,
    epoch: 1,
    generation: 1,
    release: 1,
    phase: "healthy",
    message: "all is well",
    objects: 1,
    outcomes: {},
  };
  const report = { protocol: PROTOCOL_VERSION, agent: "test", fingerprint: "", placements: [placement] };
  const routes: [string, string, object | undefined][] = Object.entries(AGENT_PATHS)
    .filter(([name]) => name !== "register")
    .map(([name, path]) => [
      name,
      typeof path === "string" ? path : path("shop"),
      name === "report"
        ? report
        : ["desired", "bundle"].includes(name)
          ? undefined
          : { protocol: PROTOCOL_VERSION },
    ]);

  it.each(routes)("%s: is nobody under another's name, and writes nothing", async (_, path, body) => {
    for (const iss of ["default/a", "other/b", "default/none"]) {
      writes(hub);
      const answer = await signed(iss, path, body);
      expect([iss, answer.status, writes(hub)]).toEqual([iss, 401, []]);
      expect(await answer.text()).not.toContain(iss.split("/")[1] === "a" ? "cluster a" : "none");
    }
  });

  it("is given none of another cluster's assignments, bundles or placements under its own name", async () => {
    const desired = (await (await signed("default/b", AGENT_PATHS.desired)).json()) as {
      assignments: unknown[];
    };
    expect(desired.assignments).toEqual([]);
    expect((await signed("default/b", AGENT_PATHS.bundle("shop"))).status).toBe(404);
    const reported = await signed("default/b", AGENT_PATHS.report, report);
    expect(await reported.json()).toMatchObject({ accepted: 0 });
    const placements = await getPlacements(hub.db, "default", "shop", ["a", "b"]);
    expect([...placements.keys()]).toEqual(["a"]);
    expect(placements.get("a")?.observed).toBeUndefined();
  });
});
