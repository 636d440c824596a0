/**
 * Refusals of callers who are known, folded by caller and code for five minutes. Each is a line in the log of the process
 * anyway, and a refused request writes nothing; where a process lasts, a schedule brings the folds to the audit log.
 */
import type { MiddlewareHandler } from "hono";
import { actorName } from "#core/actor.ts";
import type { Draft } from "#core/audit-record.ts";
import { digestOf } from "#core/digest.ts";
import { nameSchema } from "#core/metadata.ts";
import type { ProblemCode } from "#core/problem.ts";
import { HUB_PROJECT } from "#core/project.ts";
import type { ApiEnv, Caller } from "../api/caller.ts";
import { isAgain } from "../api/request.ts";
import type { Db } from "../store/db.ts";
import { getProject } from "../store/resource.ts";
import type { Sequencer } from "./sequencer.ts";

export const DENIALS_FOLD_MS = 5 * 60_000;
/** Callers × codes × projects held at once; what comes beyond is a line only. */
const FOLDS_MAX = 1000;
const ASKED_CHARS_MAX = 200;

export interface Denial {
  by: string;
  code: ProblemCode;
  /** As the path names it, whether it is there or not. */
  project: string;
  from?: string | undefined;
  asked: string;
}

export interface Fold extends Denial {
  firstAt: number;
  lastAt: number;
  count: number;
}

export interface Denials {
  note(denial: Denial): void;
  /** What is over by now; it is not given out again. */
  take(): Fold[];
}

export function createDenials(now: () => number): Denials {
  const folds = new Map<string, Fold>();
  return {
    note: (denial) => {
      const key = JSON.stringify([denial.by, denial.code, denial.project]);
      const at = now();
      const fold = folds.get(key);
      if (fold !== undefined) folds.set(key, { ...fold, lastAt: at, count: fold.count + 1 });
      else if (folds.size < FOLDS_MAX) folds.set(key, { ...denial, firstAt: at, lastAt: at, count: 1 });
    },
    take: () => {
      const over = [...folds].filter(([, { firstAt }]) => now() - firstAt >= DENIALS_FOLD_MS);
      for (const [key] of over) folds.delete(key);
      return over.map(([, fold]) => fold);
    },
  };
}

const DENIED: Partial<Record<number, ProblemCode>> = { 403: "forbidden", 429: "too-many" };

/** Behind the middleware that knows the caller. */
export function noteDenials(denials: Denials): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    await next();
    const code = DENIED[context.res.status];
    const caller = context.get("caller") as Caller | undefined;
    if (code === undefined || caller === undefined || isAgain(context)) return;
    const { method, path } = context.req;
    const project = nameSchema.safeParse(/^\/v1\/projects\/([^/]+)/.exec(path)?.[1]);
    denials.note({
      by: actorName(caller.actor),
      code,
      project: project.success ? project.data : HUB_PROJECT,
      from: context.get("from"),
      asked: `${method} ${path}`.slice(0, ASKED_CHARS_MAX),
    });
  };
}

/** Into the log of the project that was asked for; a name that is no project's must not make a log. */
export async function flushDenials(
  deps: { db: Db; sequencer: Pick<Sequencer, "append"> },
  denials: Denials,
): Promise<void> {
  for (const fold of denials.take()) {
    const isThere = (await getProject(deps.db, fold.project)) !== undefined;
    await deps.sequencer.append(isThere ? fold.project : HUB_PROJECT, [draftOf(fold)]);
  }
}

function draftOf({ by, code, from, asked, firstAt, lastAt, count, project }: Fold): Draft {
  const after = { code, count, firstAt, lastAt, project, firstAsked: asked };
  return {
    id: digestOf([by, after]).slice(0, 16),
    at: lastAt,
    by,
    ...(from === undefined ? {} : { from }),
    noun: "denial",
    name: code,
    action: "denied",
    after,
  };
}
