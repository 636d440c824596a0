/** Rendered objects held against the shapes that their clusters told, each distinct bundle once for each distinct answer. */
import { NO_SCHEMAS, type ApiSchemas } from "./api-schemas.ts";
import type { Delivery } from "./cluster-findings.ts";
import type { Finding, Findings } from "./finding.ts";
import { Gathered } from "./gathered.ts";
import { refOf, refText } from "./object.ts";
import { isFields } from "./pointer.ts";
import { misfitsOf, type Misfit } from "./schema-check.ts";

type Found = Misfit & { object: string };

/** `known` by cluster, one value for all that told the same; who told nothing is absent. */
export function schemaFindings(
  deliveries: readonly Delivery[],
  known: ReadonlyMap<string, ApiSchemas>,
): { errors: Findings; warnings: Findings } {
  const found = new Gathered<Found>();
  for (const { objects, clusters } of deliveries) {
    // The values of a Secret that SOPS encrypted have their types only once they are opened.
    const readable = objects.filter((object) => !isFields(object["sops"]));
    for (const [schemas, names] of Map.groupBy(clusters, (name) => known.get(name)))
      for (const object of schemas === undefined ? [] : readable)
        for (const misfit of misfitsOf(object, schemas ?? NO_SCHEMAS)) {
          const one = { ...misfit, object: refText(refOf(object)) };
          found.note(`${one.object} ${one.message}`, one, names);
        }
  }
  return {
    errors: found.tell(({ level }) => level === "error", finding),
    warnings: found.tell(({ level }) => level === "warning", finding),
  };
}

function finding({ object, message }: Found, where: string): Finding {
  return {
    by: "Kubernetes",
    object,
    message: `${message}, as ${where} tell${where.startsWith("cluster ") ? "s" : ""}`,
  };
}
