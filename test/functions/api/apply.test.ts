/** `POST /v1/apply`: YAML and JSON, dry-run and diff, conflicts, and what of it is asked of whom. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Rule } from "#core/access.ts";
import { actorName } from "#core/actor.ts";
import { APPLY_BODY_BYTES_MAX } from "#core/limits.ts";
import type { Db } from "../../../functions/store/db.ts";
import { getResource, putResource } from "../../../functions/store/resource.ts";
import { parseResource } from "#core/resource.ts";
import { apiHub, ask, writes, type ApiHub } from "../../support/api-hub.ts";
import { apiToken } from "../../support/caller.ts";
import { API, app, applyTo, cluster, doc, documents, outcomes, project, source } from "./apply-documents.ts";

let hub: ApiHub;

beforeAll(async () => {
  hub = await apiHub();
  await hub.apply({ kind: "Project", metadata: { name: "web" } });
}, 900_000);
afterAll(() => hub?.stop());

const yaml: ReturnType<typeof applyTo>["yaml"] = (...args) => applyTo(hub).yaml(...args);
const refusal: ReturnType<typeof applyTo>["refusal"] = (...args) => applyTo(hub).refusal(...args);

/** Some role's token in project `web`. */
const holder = (rules: readonly Rule[], name: string) =>
  apiToken(hub.db, { project: "web", name, rules, now: hub.now() });

describe("YAML", () => {
  it("is applied in the order of dependence, and twice is the same as once", async () => {
    const body = documents(app("shop"), cluster("eu"), source("fleet"));
    expect(outcomes(await yaml(body))).toEqual([
      "Source fleet created",
      "Cluster eu created",
      "App shop created",
    ]);
    writes(hub);
    expect((await yaml(body)).results).toEqual([
      { kind: "Source", project: "web", name: "fleet", outcome: "unchanged", version: 1 },
      { kind: "Cluster", project: "web", name: "eu", outcome: "unchanged", version: 1 },
      { kind: "App", project: "web", name: "shop", outcome: "unchanged", version: 1 },
    ]);
    expect(writes(hub)).toEqual([]);
  });

  it("gives documents without a project the one of the query", async () => {
    const body = `${API}\nkind: Cluster\nmetadata: { name: filled }\n`;
    expect((await yaml(body, { query: "?project=web" })).results[0]).toMatchObject({ project: "web" });
    expect((await yaml(body, { query: "?dryRun=true" })).results[0]).toMatchObject({ project: "default" });
  });

  it("is refused with document, line, path and fix, all faults at once, and nothing is written", async () => {
    const bad = `${app("shop2")}---\n${API}\nkind: App\nmetadata: { name: x, project: web }\nspec:\n  source: 3\n  clustrs: {}\n  clusters: {}\n`;
    expect(await refusal(bad, 422)).toMatchObject({
      code: "invalid-resource",
      errors: [
        "document 2, line 10: spec.source: must be text, not 3: put it in quotes",
        "document 2, line 11: spec.clustrs: unknown field `clustrs`: did you mean `clusters`?",
      ],
    });
    expect(await getResource(hub.db, "App", "web", "shop2")).toBeUndefined();
  });

  it.each([
    [
      "an alias bomb",
      () =>
        `a0: &a0 [x]\n${Array.from({ length: 9 }, (_, at) => `a${at + 1}: &a${at + 1} [${`*a${at},`.repeat(9)}]`).join("\n")}`,
      422,
      "write out what the aliases repeat",
    ],
    ["10,000 documents", () => `${API}\n---\n`.repeat(10_000), 413, "more than 500 documents"],
    ["a 300-character name", () => cluster("x".repeat(300)), 422, "must have at most 63 characters, has 300"],
    ["no document", () => "# nothing\n", 400, "holds no document"],
    [
      "a document that stands twice",
      () => documents(cluster("twice"), cluster("twice")),
      422,
      "Cluster twice: stands already in document 1, line 1",
    ],
  ])("refuses %s", async (_, body, status, words) => {
    expect((await refusal(body(), status)).detail).toContain(words);
  });

  it("refuses a body of 50 MB before it is read whole, in either type", async () => {
    let sent = 0;
    const chunk = new Uint8Array(64 * 1024).fill(0x20);
    const body = new ReadableStream({
      pull: (control) => {
        if (sent >= 50 * 1024 * 1024) return control.close();
        sent += chunk.byteLength;
        control.enqueue(chunk);
      },
    });
    writes(hub);
    const answer = await hub.api.request("/v1/apply", {
      method: "POST",
      headers: { authorization: `Bearer ${hub.tokens.admin}`, "content-type": "application/yaml" },
      body,
      duplex: "half",
    });
    expect([answer.status, await answer.text()]).toEqual([
      413,
      expect.stringContaining(String(APPLY_BODY_BYTES_MAX)),
    ]);
    expect(sent).toBeLessThan(4 * 1024 * 1024);
    expect(writes(hub)).toEqual([]);
  });

  it("refuses bytes that are no UTF-8, in either type, and other types", async () => {
    for (const [type, status] of [
      ["application/yaml", 422],
      ["application/json", 400],
    ] as const) {
      const headers = { authorization: `Bearer ${hub.tokens.admin}`, "content-type": type };
      const answer = await hub.api.request("/v1/apply", {
        method: "POST",
        headers,
        body: new Uint8Array([0x7b, 0xff, 0x7d]),
      });
      expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining("UTF-8")]);
    }
    expect(await refusal("a: 1", 415, { headers: { "content-type": "text/plain" } })).toMatchObject({
      code: "unsupported-type",
    });
  });
});

describe("a dry run", () => {
  it("tells each field with before and after, and writes nothing", async () => {
    await yaml(documents(source("fleet"), app("plan", ", rollout: { maxUnavailable: 1 }")));
    writes(hub);
    const body = app("plan", ", rollout: { maxUnavailable: 50% }, namespace: shop", "team: ops");
    const { results } = await yaml(body, { query: "?dryRun=true" });
    expect(results).toEqual([
      {
        kind: "App",
        project: "web",
        name: "plan",
        outcome: "configured",
        version: 1,
        changes: [
          { path: "/metadata/labels/team", before: '"web"', after: '"ops"' },
          { path: "/spec/namespace", before: '"default"', after: '"shop"' },
          { path: "/spec/rollout/maxUnavailable", before: "1", after: '"50%"' },
        ],
      },
    ]);
    expect(writes(hub)).toEqual([]);
    const { results: done } = await yaml(body);
    expect(done[0]).toEqual({ ...results[0], version: 2 });
  });

  it("bounds what it lists", async () => {
    const values = Array.from({ length: 80 }, (_, at) => `v${at}: ${"x".repeat(900)}`).join(", ");
    await yaml(cluster("wide"));
    const { results } = await yaml(cluster("wide", "", `{ values: { ${values} } }`), {
      query: "?dryRun=true",
    });
    expect([results[0]?.changes?.length, results[0]?.more]).toEqual([50, 30]);
    for (const { after } of results[0]?.changes ?? []) expect(after?.length).toBeLessThanOrEqual(300);
  });
});

describe("resourceVersion", () => {
  it("that is not the stored one is a conflict with both versions and who changed it last", async () => {
    await yaml(cluster("versioned"));
    await yaml(cluster("versioned", "env: prod"));
    const stale = cluster("versioned").replace("name: versioned", "name: versioned, resourceVersion: 1");
    const { code, detail } = await refusal(stale, 409);
    expect(code).toBe("conflict");
    expect(detail).toBe(
      `document 1, line 1: Cluster versioned: has version 2, you sent 1, last changed by token:fairlead/admin: read it again, then apply`,
    );
    expect((await refusal(stale, 409, { query: "?dryRun=true" })).code).toBe("conflict");
    const none = cluster("absent").replace("name: absent", "name: absent, resourceVersion: 4");
    expect((await refusal(none, 409)).detail).toContain("is not there, you sent version 4");
    const right = stale.replace("resourceVersion: 1", "resourceVersion: 2");
    expect((await yaml(right)).results[0]).toMatchObject({ outcome: "configured", version: 3 });
  });

  it("of two that write at once, the loser is told what was written and what was not, and may repeat it", async () => {
    const other = parseResource("d", {
      apiVersion: "fairlead.dev/v1",
      kind: "App",
      metadata: { name: "raced", project: "web" },
      spec: { source: "other", clusters: {} },
    });
    if (other.kind !== "parsed") throw new Error(other.message);
    const racing: Db = {
      ...hub.db,
      put: async (item, condition) => {
        if (
          item["name"] === "raced" &&
          item["stamp"] !== undefined &&
          !JSON.stringify(item).includes('"by":"user:eve"')
        )
          await putResource(hub.db, other.resource, { by: "user:eve" });
        return hub.db.put(item, condition);
      },
    };
    const api = hub.build({ db: racing });
    const body = documents(app("raced"), source("before"));
    const answer = await ask(api, applyTo(hub).request(body));
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({
      detail: expect.stringContaining(
        "App raced was changed by somebody else at this moment; written before that: Source before",
      ),
      errors: ["written: Source before", "not written: App raced"],
    });
    expect(outcomes(await yaml(body))).toEqual(["Source before unchanged", "App raced configured"]);
  });
});

const inFenced = (text: string): string => text.replace("project: web", "project: fenced");

describe("a Project", () => {
  it("counts for what stands beside it, and is told where it is missing", async () => {
    const into = cluster("c").replace("project: web", "project: fresh");
    expect(await refusal(into, 404)).toMatchObject({
      code: "not-found",
      detail: expect.stringContaining(
        "there is no project fresh: apply a Project of that name first, or beside it",
      ),
    });
    expect(outcomes(await yaml(documents(into, project("fresh", "{}"))))).toEqual([
      "Project fresh created",
      "Cluster c created",
    ]);
  });

  it("limits where its Sources come from and whose signatures they may name", async () => {
    await yaml(project("limited", `{ sources: ["https://git.example.com/acme/*"], signers: [] }`));
    const of = (url: string, more = "") =>
      doc("Source", "s", `{ git: { url: "${url}" }${more} }`).replace("project: web", "project: limited");
    expect((await refusal(of("https://evil.example.com/acme/x"), 422)).detail).toContain(
      "is not among spec.sources of Project limited",
    );
    const signed = of("https://git.example.com/acme/x", ", verify: { signatures: required, signers: [ops] }");
    expect((await refusal(signed, 422)).detail).toContain(
      "spec.verify.signers: ops is no signer of Project limited (it has none)",
    );
    expect(outcomes(await yaml(of("https://git.example.com/acme/x")))).toEqual(["Source s created"]);
  });

  it("limits which service accounts its Apps may name, and wants one where it names any", async () => {
    await yaml(documents(project("fenced", '{ serviceAccounts: ["shop/*"] }'), inFenced(source("fleet"))));
    const of = (sync: string) =>
      inFenced(doc("App", "a", `{ source: fleet, clusters: {}, namespace: shop, sync: ${sync} }`));
    expect((await refusal(of("{ serviceAccount: kube-system/x }"), 422)).detail).toContain(
      "spec.sync.serviceAccount: the service account of App a (kube-system/x) is not among spec.serviceAccounts of Project fenced (shop/*)",
    );
    expect((await refusal(of("{}"), 422)).detail).toContain("App a names no service account");
    expect(outcomes(await yaml(of("{ serviceAccount: deployer }")))).toEqual(["App a created"]);
  });

  it("of the hub holds no Sources, Apps or Clusters", async () => {
    const { detail } = await refusal(cluster("c").replace("project: web", "project: fairlead"), 422);
    expect(detail).toContain("project fairlead is the hub's own and holds no Clusters: name another");
  });
});

describe("rights", () => {
  const admin: Rule[] = [{ verbs: ["*"], nouns: ["*"] }];
  const writer: Rule[] = [
    { verbs: ["read", "write"], nouns: ["sources", "apps", "clusters", "policies", "projects"] },
  ];

  it("are asked for every document, and one that is missing stops all", async () => {
    const token = await holder([{ verbs: ["write"], nouns: ["apps"] }], "apps-only");
    const { detail } = await refusal(documents(app("mine"), source("theirs")), 403, { token });
    expect(detail).toBe("token:web/apps-only may not write sources in project web");
    const elsewhere = app("mine").replace("project: web", "project: default");
    expect((await refusal(elsewhere, 403, { token })).detail).toContain("project default");
    expect((await refusal(app("mine").replace("project: web", "project: none"), 403, { token })).code).toBe(
      "forbidden",
    );
    expect(outcomes(await yaml(app("mine"), { token }))).toEqual(["App mine created"]);
  });

  it("come before anything is said of what is stored", async () => {
    const token = await holder([{ verbs: ["read"], nouns: ["*"] }], "reader");
    const stale = app("mine").replace("name: mine", "name: mine, resourceVersion: 77");
    expect((await refusal(stale, 403, { token })).detail).not.toContain("77");
  });

  it("with labels hold before and after: nobody moves a thing into their reach, or out of it", async () => {
    const rule: Rule = { verbs: ["write"], nouns: ["apps"], labels: { matchLabels: { team: "ops" } } };
    const token = await holder([rule], "ops-apps");
    await yaml(app("labelled", "", "team: web"));
    expect((await refusal(app("labelled", "", "team: ops"), 403, { token })).code).toBe("forbidden");
    await yaml(app("own", "", "team: ops"), { token });
    expect((await refusal(app("own", "", "team: web"), 403, { token })).code).toBe("forbidden");
  });

  it("to write a cluster are not those to move it: labels and values ask for deploy", async () => {
    const token = await holder(writer, "writer");
    await yaml(cluster("moved", "env: dev"));
    expect((await refusal(cluster("moved", "env: prod"), 403, { token })).detail).toContain(
      "may not deploy clusters",
    );
    expect(
      (await refusal(cluster("moved", "env: dev", "{ values: { a: b } }"), 403, { token })).detail,
    ).toContain("deploy");
    expect(outcomes(await yaml(cluster("moved", "env: dev", "{ poll: 5s }"), { token }))).toEqual([
      "Cluster moved configured",
    ]);
  });

  it("to make a Project are the hub's; roles hand out no more than one has", async () => {
    const token = await holder(writer, "writer-2");
    expect((await refusal(project("mine", "{}"), 403, { token })).detail).toContain(
      "may not write projects in project fairlead",
    );
    const granting = project("web", "{ roles: [{ role: admin, members: [{ user: eve }] }] }");
    expect((await refusal(granting, 403, { token })).detail).toContain(
      "may not give more than it has in project web (the roles of Project web)",
    );
    const modest = project(
      "web",
      `{ roles: [{ role: apps, rules: [{ verbs: [write], nouns: [apps] }], members: [{ user: eve }] }] }`,
    );
    expect(outcomes(await yaml(modest, { token }))).toEqual(["Project web configured"]);
  });

  it("of a project's admin end at the limits that the hub set for it", async () => {
    const token = await holder(admin, "web-admin");
    const current = await getResource(hub.db, "Project", "web", "web");
    const roles = JSON.stringify(current?.resource.spec.roles);
    const wider = project("web", `{ roles: ${roles}, egress: ["10.0.0.1"] }`);
    expect((await refusal(wider, 403, { token })).detail).toContain(
      "may not write projects in project fairlead",
    );
  });

  it("of a fleet folder are given only by who has them, a role for its Source included", async () => {
    const token = await holder(writer, "writer-3");
    expect((await refusal(source("folder", ", apps: fleet/"), 403, { token })).detail).toContain(
      "may not give more than it has in project web (the fleet folder of Source folder)",
    );
    const granted = project("granting", `{ roles: [{ role: admin, members: [{ source: strong }] }] }`);
    await yaml(granted);
    const deployer = await apiToken(hub.db, {
      project: "granting",
      name: "deployer",
      role: "deployer",
      now: hub.now(),
    });
    const named = (name: string) =>
      source(name, ", apps: fleet/").replace("project: web", "project: granting");
    expect((await refusal(named("strong"), 403, { token: deployer })).detail).toContain(
      "fleet folder of Source strong",
    );
    expect(outcomes(await yaml(named("weak"), { token: deployer }))).toEqual(["Source weak created"]);
  });

  it("to use a credential at an address are those to write it", async () => {
    const token = await holder(writer, "writer-4");
    const secret = source("secret", ", credentials: deploy-token");
    expect((await refusal(secret, 403, { token })).detail).toContain(
      "may not write credentials in project web",
    );
    await yaml(secret);
    expect((await refusal(secret.replace("git.example.com", "evil.example.com"), 403, { token })).code).toBe(
      "forbidden",
    );
    const slower = secret.replace("credentials: deploy-token", "credentials: deploy-token, poll: 5m");
    expect(outcomes(await yaml(slower, { token }))).toEqual(["Source secret configured"]);
  });
});

describe("the stamp", () => {
  it("says who, why and in which request", async () => {
    const headers = { "fairlead-reason": "because of the sale" };
    await yaml(cluster("stamped"), { headers });
    const stored = await getResource(hub.db, "Cluster", "web", "stamped");
    expect(stored?.stamp).toMatchObject({
      by: actorName({ kind: "token", id: "", project: "fairlead", name: "admin" }),
      why: "because of the sale",
      request: expect.any(String),
    });
  });
});

describe("warnings", () => {
  it("name an App that reaches no cluster, or has no Source; nothing is refused for them", async () => {
    const lost = doc("App", "lost", "{ source: nowhere, clusters: { matchLabels: { tier: none } } }");
    const { results, warnings } = await yaml(lost);
    expect(results[0]?.outcome).toBe("created");
    expect(warnings).toEqual([
      "App lost: spec.source: project web has no Source nowhere yet, so nothing is released",
      expect.stringMatching(/^App lost: spec\.clusters matches none of \d+ clusters$/),
    ]);
    const found = documents(lost, source("nowhere"), cluster("reached", "tier: none"));
    expect((await yaml(found.replace("clusters: {", "path: a, clusters: {"))).warnings).toEqual([]);
  });
});
