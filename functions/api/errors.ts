/** The one place where anything thrown becomes an answer; an unknown cause is logged and never told. */
import { randomUUID } from "node:crypto";
import type { Context, ErrorHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { routePath } from "hono/route";
import * as z from "zod";
import { Problem } from "#core/problem.ts";

export type Log = (entry: Record<string, unknown>) => void;

export function onError(log: Log): ErrorHandler {
  return (error, context) => {
    const problem = asProblem(error);
    if (problem.code === "internal") {
      const request = idOf(context);
      const { method } = context.req;
      const route = routePath(context, -1);
      log({ level: "error", request, method, route, error: String(error), stack: error.stack });
      return answer(context, new Problem("internal", `request id ${request}`));
    }
    return answer(context, problem);
  };
}

/** People's API gives each request an id at its edge; the agents' app, which logs nothing else, only here. */
function idOf(context: Context): string {
  return (context.get("request") as string | undefined) ?? randomUUID();
}

function asProblem(error: Error): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof z.ZodError)
    return new Problem("invalid-request", z.prettifyError(error).replaceAll("\n", " ").slice(0, 500));
  if (error instanceof SyntaxError) return new Problem("invalid-request", "the body is no JSON");
  if (error instanceof HTTPException) return ofHttp(error);
  return new Problem("internal", "");
}

/** What the router's own checks throw. */
function ofHttp({ status }: HTTPException): Problem {
  if (status === 415) return new Problem("unsupported-type", "send the body as application/json");
  if (status === 400) return new Problem("invalid-request", "the body is no JSON");
  return new Problem("internal", "");
}

export function answer(context: Context, problem: Problem): Response {
  context.set("code", problem.code);
  return context.json(problem.body(), problem.status, { "content-type": "application/problem+json" });
}

/** For `app.notFound`. */
export function notFound(context: Context): Response {
  return answer(context, new Problem("not-found", `${context.req.method} ${context.req.path.slice(0, 200)}`));
}

/** For the router's check of methods. */
export function onMethodNotAllowed(context: Context, methods: readonly string[]): Response {
  context.header("allow", methods.join(", "));
  return answer(
    context,
    new Problem("method-not-allowed", `${context.req.method} is none of ${methods.join(", ")}`),
  );
}
