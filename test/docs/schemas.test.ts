/** The schemas for editors are those of the hub: checked in, current, and of one mind with it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { parseResource } from "#core/resource.ts";
import { schemaFiles } from "../../cli/dev/schemas.ts";

const FOLDER = fileURLToPath(new URL("../../docs/schemas/", import.meta.url));
const apiVersion = "fairlead.dev/v1";

const GOOD: Record<string, object> = {
  "project.json": { apiVersion, kind: "Project", metadata: { name: "web" } },
  "source.json": {
    apiVersion,
    kind: "Source",
    metadata: { name: "a" },
    spec: { git: { url: "https://x.test/a.git" } },
  },
  "app.json": { apiVersion, kind: "App", metadata: { name: "a" }, spec: { source: "a", clusters: {} } },
  "cluster.json": { apiVersion, kind: "Cluster", metadata: { name: "a" } },
  "policy.json": {
    apiVersion,
    kind: "Policy",
    metadata: { name: "a" },
    spec: { validations: [{ expression: "true", message: "fine" }] },
  },
  "promotion.json": {
    apiVersion,
    kind: "Promotion",
    metadata: { name: "a" },
    spec: {
      from: { app: "a" },
      to: { source: "b", path: "prod" },
      change: { copy: ["staging/**"] },
      host: { kind: "github" },
    },
  },
};

describe("docs/schemas", () => {
  const made = schemaFiles();

  it("is what `npm run schemas` writes: run it when this fails", () => {
    expect(readdirSync(FOLDER).toSorted()).toEqual(Object.keys(made).toSorted());
    for (const [file, schema] of Object.entries(made))
      expect([file, JSON.parse(readFileSync(join(FOLDER, file), "utf8"))]).toEqual([
        file,
        JSON.parse(JSON.stringify(schema)),
      ]);
  });

  it.each(Object.entries(GOOD))(
    "%s takes what the hub takes, and refuses an unknown field as it does",
    (file, value) => {
      const { title: _, ...schema } = made[file] as { title: string };
      const editor = z.fromJSONSchema(schema);
      const mistyped = { ...value, metadata: { name: "a", lables: {} } };
      expect([parseResource("d", value).kind, editor.safeParse(value).success]).toEqual(["parsed", true]);
      expect([parseResource("d", mistyped).kind, editor.safeParse(mistyped).success]).toEqual([
        "refused",
        false,
      ]);
    },
  );

  it("of any kind together: fairlead.json", () => {
    const editor = z.fromJSONSchema({ ...made["fairlead.json"] });
    for (const value of Object.values(GOOD)) expect(editor.safeParse(value).success).toBe(true);
    expect(editor.safeParse({ apiVersion, kind: "Ap", metadata: { name: "a" } }).success).toBe(false);
  });
});
