/** One part of a release as CycloneDX writes it down, and what we read of the ones that npm writes. */
import * as z from "zod";

const licenseSchema = z.union([
  z.object({ license: z.object({ id: z.string().optional(), name: z.string().optional() }) }),
  z.object({ expression: z.string() }),
]);

export const componentSchema = z.looseObject({
  "bom-ref": z.string(),
  type: z.string(),
  name: z.string(),
  version: z.string(),
  purl: z.string().optional(),
  licenses: z.array(licenseSchema).optional(),
  properties: z.array(z.looseObject({ name: z.string() })).optional(),
});
export type Component = z.infer<typeof componentSchema>;

/** Parts with what needs them: `parent` stands for all of `parts`. */
export interface Group {
  parent: Component;
  parts: Component[];
}

/** The expression as the part's author wrote it; empty where none did. */
export function licenseOf({ licenses }: Component): string {
  return (licenses ?? [])
    .map((one) => ("expression" in one ? one.expression : (one.license.id ?? one.license.name ?? "")))
    .join(" AND ");
}

export function componentOf(
  type: "application" | "library",
  name: string,
  version: string,
  purl: string | undefined,
  license: string,
): Component {
  const known = license === "" ? {} : { licenses: [{ expression: license }] };
  const ref = purl ?? `${name}@${version}`;
  return { "bom-ref": ref, type, name, version, ...(purl === undefined ? {} : { purl }), ...known };
}
