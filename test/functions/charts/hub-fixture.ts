/** What a look at a chart needs, and nothing else: a table, an object store, secrets, the outbound client, a clock to set. */
import type { App } from "#core/app.ts";
import type { Credential } from "#core/credential.ts";
import { chartAsked, chartDemands } from "#core/chart-state.ts";
import { parseResource } from "#core/resource.ts";
import { projectSchema, type Project } from "#core/project.ts";
import { ChartFailure, type ChartFailureCode } from "../../../functions/charts/failure.ts";
import { findChart, type ChartDeps, type Found } from "../../../functions/charts/find.ts";
import { createOutbound } from "../../../functions/outbound/client.ts";
import { plainParts, type PlainParts } from "../../support/hub-parts.ts";

export interface ChartParts extends PlainParts {
  /** The same, not allowed to speak to its own machine. */
  guarded: ChartDeps;
  credential(name: string, credential: Credential): Promise<void>;
  find(chart: object, options?: FindOptions): Promise<Found>;
  failure(chart: object, options?: FindOptions): Promise<{ code: ChartFailureCode; message: string }>;
}

export interface FindOptions {
  project?: object;
  deps?: ChartDeps;
  before?: Found;
}

export async function chartParts(): Promise<ChartParts> {
  const parts = await plainParts();
  const closed = createOutbound({ allowLoopback: false });
  const find = async (chart: object, { project = {}, deps = parts, before }: FindOptions = {}) => {
    const [app, tenant] = [appOf(chart), projectOf(project)];
    const ref = app.spec.chart;
    if (ref === undefined) throw new Error("the App has no chart");
    const rules = chartDemands(app, tenant);
    const asked = chartAsked(ref, rules);
    const known = before === undefined ? undefined : { ...before, kind: "found" as const, asked, at: 0 };
    return findChart(deps, { project: tenant, chart: ref, rules, before: known });
  };
  return {
    ...parts,
    guarded: { ...parts, outbound: closed },
    credential: (name, credential) => parts.secrets.put("default", name, JSON.stringify(credential)),
    find,
    failure: async (chart, options) => {
      const error = await find(chart, options).catch((error: unknown) => error);
      if (!(error instanceof ChartFailure))
        throw new Error(`did not fail as a chart: ${JSON.stringify(error)}`);
      return { code: error.code, message: error.message };
    },
    stop: async () => {
      await closed.close();
      await parts.stop();
    },
  };
}

export function appOf(chart: object): App {
  const spec = { source: "fleet", clusters: {}, chart };
  const parsed = parseResource("document", {
    apiVersion: "fairlead.dev/v1",
    kind: "App",
    metadata: { name: "shop" },
    spec,
  });
  if (parsed.kind === "refused" || parsed.resource.kind !== "App") throw new Error(JSON.stringify(parsed));
  return parsed.resource;
}

function projectOf(spec: object): Project {
  const metadata = { name: "default" };
  return projectSchema.parse({ apiVersion: "fairlead.dev/v1", kind: "Project", metadata, spec });
}
