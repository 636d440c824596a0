/** The page's routes as the hub mounts them, with the hub's own error answers. */
import { Hono } from "hono";
import { onError } from "../../../functions/api/errors.ts";
import { dashboardRoutes } from "../../../functions/dashboard/routes.ts";
import { busyFleet } from "./fleet-fixture.ts";

/** Notes the projects that were read in `asked`. */
export function buildPage(asked: string[] = []): Hono {
  const app = new Hono();
  app.onError(onError(() => undefined));
  const readFleet = async (project: string) => {
    asked.push(project);
    return busyFleet();
  };
  return app.route("/", dashboardRoutes({ readFleet, listProjects: async () => ["default", "web"] }));
}
