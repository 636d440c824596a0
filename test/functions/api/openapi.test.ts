/** `/openapi.json`: the contract is public, whole, and of one form for every route. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { apiHub, ask, type ApiHub } from "../../support/api-hub.ts";

interface Operation {
  summary?: string;
  security?: object[];
  parameters?: { name: string; in: string }[];
  requestBody?: { required?: boolean };
  responses: Record<string, { content?: Record<string, unknown> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { securitySchemes: object; schemas: Record<string, unknown> };
}

let hub: ApiHub;
let document: Document;
let operations: [string, Operation][];
beforeAll(async () => {
  hub = await apiHub();
  document = (await (await ask(hub.api, { method: "GET", url: "/openapi.json" })).json()) as Document;
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      one,
    ]),
  );
}, 300_000);
afterAll(() => hub?.stop());

describe("/openapi.json", () => {
  it("is OpenAPI 3.1, open to all, with both ways to prove who asks", () => {
    expect(document.openapi).toBe("3.1.0");
    expect(document.components.securitySchemes).toMatchObject({
      bearer: { type: "http", scheme: "bearer" },
      session: { type: "apiKey", in: "cookie", name: "fairlead" },
    });
  });

  it("says for every route under /v1 what it is and how it refuses", () => {
    const refusals = ["400", "401", "403", "404", "409", "412", "413", "415", "422", "429", "503"];
    for (const [name, { summary, responses }] of operations) {
      expect([name, summary]).toEqual([name, expect.stringMatching(/^[A-Z]/)]);
      if (name.includes("/v1/"))
        expect([name, Object.keys(responses)]).toEqual([name, expect.arrayContaining(refusals)]);
      for (const [status, { content }] of Object.entries(responses))
        if (Number(status) >= 400 && status !== "431")
          expect([name, status, Object.keys(content ?? {})]).toEqual([
            name,
            status,
            ["application/problem+json"],
          ]);
    }
  });

  it("needs a proof everywhere but where nobody can have one yet", () => {
    const open = operations.filter(([, { security }]) => security?.length === 0).map(([name]) => name);
    expect(open.toSorted()).toEqual([
      "GET /healthz",
      "GET /readyz",
      "GET /v1/auth/config",
      "POST /v1/auth/bootstrap",
      "POST /v1/webhooks/{project}/{source}",
    ]);
  });

  it("names every parameter of a path", () => {
    for (const [name, { parameters = [] }] of operations) {
      const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, param]) => param ?? "").toSorted();
      const said = parameters.filter((one) => one.in === "path").map((one) => one.name);
      expect([name, said.toSorted()]).toEqual([name, inPath]);
    }
  });

  it("resolves each of its references", () => {
    const refs = new Set(
      [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref ?? ""),
    );
    const known = new Set(
      Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`),
    );
    expect([...refs].filter((ref) => !known.has(ref))).toEqual([]);
    expect(refs.size).toBeGreaterThan(0);
  });

  it("is the same text each time", async () => {
    const text = async () => (await ask(hub.build({}), { method: "GET", url: "/openapi.json" })).text();
    expect(await text()).toBe(await text());
  });
});
