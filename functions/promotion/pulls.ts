/** Pull requests of hosts that speak of them as GitHub does; how open ones are found, and what tells a merged one, differs. */
import * as z from "zod";
import type { PullRequest, PullRequests } from "./port.ts";
import { done, type Rest } from "./rest.ts";

export const pullSchema = z.object({
  number: z.number().int().positive(),
  html_url: z.url({ protocol: /^https?$/ }).max(2000),
  state: z.enum(["open", "closed"]),
  head: z.object({ ref: z.string(), repo: z.object({ full_name: z.string() }).nullish() }),
  base: z.object({ ref: z.string() }),
});
type Told = z.infer<typeof pullSchema>;

export interface Branches {
  branch: string;
  into: string;
}

export interface PullWay<T extends Told> {
  rest: Rest;
  /** Path of the repository in the API. */
  base: string;
  schema: z.ZodType<T>;
  findOpen: (wanted: Branches) => Promise<T | undefined>;
  isMerged: (told: T) => boolean;
}

export function pullsOf<T extends Told>(way: PullWay<T>): PullRequests {
  const { rest, base, schema, isMerged } = way;
  const pullOf = (told: T): PullRequest => ({
    number: told.number,
    url: told.html_url,
    standing: isMerged(told) ? "merged" : told.state,
  });
  return {
    find: async (wanted) => {
      if ("number" in wanted) {
        const path = `${base}/pulls/${wanted.number}`;
        const found = await rest.call({ path, schema, also: [404] });
        return found.kind === "done" ? pullOf(found.value) : undefined;
      }
      const own = await way.findOpen(wanted);
      return own === undefined ? undefined : pullOf(own);
    },
    offer: async ({ number, branch, into, title, body }) => {
      const isNew = number === undefined;
      const told = await done(rest, {
        method: isNew ? "POST" : "PATCH",
        path: isNew ? `${base}/pulls` : `${base}/pulls/${number}`,
        body: isNew ? { title, body, head: branch, base: into } : { title, body },
        schema,
      });
      return pullOf(told);
    },
  };
}

/** A fork may have a branch of the same name. */
export function ownAmong<T extends Told>(
  all: readonly T[],
  repository: string,
  { branch, into }: Branches,
): T | undefined {
  return all.find(
    ({ head, base }) =>
      head.ref === branch &&
      base.ref === into &&
      head.repo?.full_name.toLowerCase() === repository.toLowerCase(),
  );
}
