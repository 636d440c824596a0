/**
 * JSON Schemas of the resources, for editors (`docs/schemas/`): made from the schemas that the hub itself checks with,
 * so what an editor underlines is what the hub would refuse. `npm run schemas` writes them.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";
import { KINDS, SCHEMAS } from "#core/resource.ts";

const FOLDER = fileURLToPath(new URL("../../docs/schemas/", import.meta.url));
const DRAFT = "http://json-schema.org/draft-07/schema#";
const BASE = "https://fairlead.dev/schemas/";

/** By file name: one for each kind, and `fairlead.json` for files that hold any of them. */
export function schemaFiles(): Record<string, object> {
  const schemas = KINDS.map((kind) => [kind, schemaOf(kind)] as const);
  const single = schemas.map(([kind, schema]) => {
    const file = `${kind.toLowerCase()}.json`;
    return [file, { $schema: DRAFT, $id: `${BASE}${file}`, ...schema }] as const;
  });
  const parts = schemas.map(([kind, schema]) => hoisted(kind, schema));
  const any = {
    $schema: DRAFT,
    $id: `${BASE}fairlead.json`,
    title: "A Fairlead resource",
    anyOf: parts.map(({ schema }) => schema),
    definitions: Object.assign({}, ...parts.map(({ definitions }) => definitions)) as object,
  };
  return Object.fromEntries([...single, ["fairlead.json", any]]);
}

/** As people write it: what has a default may be left out. What JSON Schema cannot say is left to the hub. */
function schemaOf(kind: (typeof KINDS)[number]): object {
  const { $schema: _, ...schema } = z.toJSONSchema(SCHEMAS[kind], {
    target: "draft-7",
    io: "input",
    unrepresentable: "any",
  });
  return { title: kind, ...schema };
}

/** References are from a file's root, so what they lead to stands there, under the kind's own names. */
function hoisted(kind: string, schema: object): { schema: object; definitions: object } {
  const text = JSON.stringify(schema).replaceAll('"#/definitions/', `"#/definitions/${kind}`);
  const { definitions = {}, ...rest } = JSON.parse(text) as { definitions?: Record<string, object> };
  const named = Object.entries(definitions).map(([name, one]) => [`${kind}${name}`, one] as const);
  return { schema: rest, definitions: Object.fromEntries(named) };
}

if (import.meta.main) {
  await mkdir(FOLDER, { recursive: true });
  for (const [file, schema] of Object.entries(schemaFiles()))
    await writeFile(join(FOLDER, file), `${JSON.stringify(schema, null, 2)}\n`);
}
