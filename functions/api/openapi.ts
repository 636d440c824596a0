/** `/openapi.json`: the contract of every route, as the routes themselves declare it. Made when it is first asked for. */
import { z, type OpenAPIHono } from "@hono/zod-openapi";
import type { Handler } from "hono";
import type { ApiEnv } from "./caller.ts";

const ABOUT = {
  openapi: "3.1.0",
  info: {
    title: "Fairlead",
    version: "1",
    description:
      "People's API of a Fairlead hub. Refusals are problem+json with a `code`; lists come in pages; ETags make reads cheap and writes safe.",
    license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  },
  security: [{ bearer: [] }, { session: [] }],
};

export function openApiDocument(app: OpenAPIHono<ApiEnv>): Handler<ApiEnv> {
  let text: string | undefined;
  return (context) => {
    text ??= JSON.stringify(makeDocument(app), nullOnce);
    return context.body(text, 200, { "content-type": "application/json" });
  };
}

function makeDocument(app: OpenAPIHono<ApiEnv>) {
  nameRecursive(app.openAPIRegistry.definitions);
  const document = app.getOpenAPI31Document(ABOUT);
  document.components = {
    ...document.components,
    securitySchemes: {
      bearer: { type: "http", scheme: "bearer", description: "An API token, or a CI job's own OIDC token" },
      session: {
        type: "apiKey",
        in: "cookie",
        name: "fairlead",
        description: "A browser's session; over https the cookie is named `__Host-fairlead`",
      },
    },
  };
  return document;
}

/** A schema that holds itself can only be written down under a name; any JSON, in a chart's values, is one. */
function nameRecursive(value: unknown, seen = new Set<unknown>(), named = new Set<unknown>()): void {
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  if (value instanceof z.ZodLazy) {
    // Borrowed, as schemas made before the extension was loaded lack it; a lazy schema is itself named, not only the copy.
    z.ZodType.prototype.openapi.call(value, `Recursive${named.add(value).size}`);
    nameRecursive(value.unwrap(), seen, named);
  }
  const parts: object = value instanceof z.ZodType ? value.def : value;
  for (const part of Object.values(parts)) nameRecursive(part, seen, named);
}

/** For `JSON.stringify`: the generator says `oneOf` of a schema or null also where the schema itself allows null. */
function nullOnce(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("oneOf" in value) || !Array.isArray(value.oneOf))
    return value;
  const { oneOf, ...rest } = value;
  const isNull = (one: { type?: string }): boolean => one.type === "null";
  return oneOf.some(isNull) ? { ...rest, anyOf: oneOf } : value;
}
