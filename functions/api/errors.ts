/** The one place where anything thrown becomes an answer; an unknown cause is logged and never told. */
import { randomUUID } from "node:crypto";
import type { Context, ErrorHandler } from "hono";
import { z } from "zod";
import { Problem } from "#core/problem.ts";

export type Log = (entry: Record<string, unknown>) => void;

export function onError(log: Log): ErrorHandler {
  return (error, context) => {
    const problem = asProblem(error);
    if (problem.code === "internal") {
      const request = randomUUID();
      log({
        level: "error",
        request,
        method: context.req.method,
        path: context.req.path,
        error: String(error),
        stack: error.stack,
      });
      return answer(context, new Problem("internal", `request id ${request}`));
    }
    return answer(context, problem);
  };
}

function asProblem(error: Error): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof z.ZodError)
    return new Problem("invalid-request", z.prettifyError(error).replaceAll("\n", " ").slice(0, 500));
  if (error instanceof SyntaxError) return new Problem("invalid-request", "the body is no JSON");
  return new Problem("internal", "");
}

export function answer(context: Context, problem: Problem): Response {
  return context.json(problem.body(), problem.status, { "content-type": "application/problem+json" });
}

/** For `app.notFound`. */
export function notFound(context: Context): Response {
  return answer(context, new Problem("not-found", `${context.req.method} ${context.req.path}`));
}
