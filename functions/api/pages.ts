/** Lists at the edge: limit, cursor and selector of a request become one page of the store, and its end a cursor. */
import { Problem } from "#core/problem.ts";
import type { ResourceKind } from "#core/resource.ts";
import { matches, type Selector } from "#core/selector.ts";
import { parseSelectorText } from "#core/selector-text.ts";
import type { Db } from "../store/db.ts";
import type { Page, PageAsked } from "../store/page.ts";
import { pageResources, type OfKind, type Stored } from "../store/resource.ts";
import { createCursors } from "./cursor.ts";

export interface PageQuery {
  limit: number;
  cursor?: string | undefined;
}

export interface Pages {
  /** `scope` names the list: its route and project, and whatever else narrows it. */
  read<T>(
    scope: readonly string[],
    query: PageQuery,
    read: (asked: PageAsked) => Promise<Page<T>>,
  ): Promise<Page<T>>;
  /** Resources that both the query's selector and `keep` let through, by name. */
  resources<K extends ResourceKind>(
    kind: K,
    project: string,
    query: PageQuery & { selector?: string | undefined },
    keep: (stored: Stored<OfKind<K>>) => boolean,
  ): Promise<Page<Stored<OfKind<K>>>>;
}

export function createPages(db: Db): Pages {
  const cursors = createCursors(db);
  const read: Pages["read"] = async (parts, { limit, cursor }, page) => {
    const scope = JSON.stringify(parts);
    const after = cursor === undefined ? undefined : await cursors.open(scope, cursor);
    const { items, next } = await page({ limit, after });
    return { items, ...(next === undefined ? {} : { next: await cursors.seal(scope, next) }) };
  };
  return {
    read,
    resources: (kind, project, query, keep) => {
      const selector = selectorOf(query.selector ?? "");
      return read([kind, project, query.selector ?? ""], query, (asked) =>
        pageResources(db, kind, project, {
          ...asked,
          keep: (stored) => keep(stored) && matches(selector, stored.resource.metadata.labels ?? {}),
        }),
      );
    },
  };
}

function selectorOf(text: string): Selector {
  const parsed = parseSelectorText(text);
  if (parsed.kind === "parsed") return parsed.selector;
  throw new Problem("invalid-request", `selector: ${parsed.message}`);
}
