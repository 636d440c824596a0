/**
 * The local hub's one port: agents' endpoints and people's API behind it, as two apps like on AWS. Only loopback
 * names are answered, so a page elsewhere cannot reach the hub under a name of its own (DNS rebinding).
 */
import { serve, type ServerType } from "@hono/node-server";
import { Hono } from "hono";
import { Problem } from "#core/problem.ts";
import { answer } from "../api/errors.ts";

const HOST = "127.0.0.1";
const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);

export function joinApps(agents: Pick<Hono, "fetch">, people: Pick<Hono, "fetch">): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    if (!LOOPBACK.has(new URL(context.req.url).hostname))
      return answer(context, new Problem("forbidden", "this hub answers on loopback only"));
    return next();
  });
  app.all("/agent/*", (context) => agents.fetch(context.req.raw, context.env));
  app.all("*", (context) => people.fetch(context.req.raw, context.env));
  return app;
}

/** `port` 0 takes a free one. A port in use is told with the way out. `env` carries the socket, and with it the address. */
export function listen(
  fetch: (request: Request, env: object) => Response | Promise<Response>,
  port: number,
): Promise<{ port: number; close(): Promise<void> }> {
  return new Promise((resolve, reject) => {
    const server: ServerType = serve({ fetch, port, hostname: HOST }, (info) =>
      resolve({ port: info.port, close: () => close(server) }),
    );
    server.once("error", (error: NodeJS.ErrnoException) => {
      const taken = error.code === "EADDRINUSE";
      reject(
        taken
          ? new Error(`port ${port} is in use: is a hub running already? Else choose another with --port`)
          : error,
      );
    });
  });
}

function close(server: ServerType): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    if ("closeAllConnections" in server) server.closeAllConnections();
  });
}
