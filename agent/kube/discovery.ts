/**
 * Which kinds the server serves, under which path: aggregated discovery in two requests, asked when first needed
 * and again when a kind is unknown, but not in a storm. A kind whose definition we have just applied is waited for,
 * as the server needs a moment to serve it.
 */
import * as z from "zod";
import { groupOf } from "#core/object.ts";
import { KubeError } from "./port.ts";
import type { Wire } from "./wire.ts";

export interface ServedKind {
  /** `/apis/apps/v1/` or, for the core group, `/api/v1/`. */
  prefix: string;
  /** `deployments`. */
  resource: string;
  namespaced: boolean;
}

export interface Discovery {
  /** Undefined when it is not served. */
  find(apiVersion: string, kind: string): Promise<ServedKind | undefined>;
  /** All that is served, as `apiVersion` and kind, asked anew. */
  list(): Promise<(readonly [string, string])[]>;
  /** Says that `kind` will be served soon: the next `find` of it waits, up to `EXPECTED_WAIT_MS`. */
  expect(group: string, kind: string): void;
  /** Other versions under which the kind's group has it, for an error that helps. */
  versionsOf(group: string, kind: string): string[];
}

/** Least time between two askings because of a kind that is not there. */
export const REASK_MS = 3_000;
export const EXPECTED_WAIT_MS = 10_000;
const EXPECTED_STEP_MS = 200;
const EXPECTED_KINDS_MAX = 1_000;

const ACCEPT = ["v2", "v2beta1"]
  .map((version) => `application/json;v=${version};g=apidiscovery.k8s.io;as=APIGroupDiscoveryList`)
  .join(",");

const answerSchema = z.object({
  kind: z.literal("APIGroupDiscoveryList"),
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string().default("") }).default({ name: "" }),
      versions: z.array(
        z.object({
          version: z.string(),
          resources: z
            .array(
              z.object({
                resource: z.string(),
                responseKind: z.object({ kind: z.string() }).nullish(),
                scope: z.enum(["Namespaced", "Cluster"]),
              }),
            )
            .nullish(),
        }),
      ),
    }),
  ),
});

type Table = Map<string, ServedKind>;

export interface DiscoveryTimes {
  now(): number;
  sleep(ms: number): Promise<void>;
}

export function createDiscovery(wire: Pick<Wire, "send">, times: DiscoveryTimes): Discovery {
  let table: Table = new Map();
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<Table> | undefined;
  const expected = new Map<string, number>();

  async function ask(): Promise<void> {
    asking ??= readAll(wire);
    try {
      table = await asking;
      askedAt = times.now();
    } finally {
      asking = undefined;
    }
  }

  async function awaitExpected(key: string, until: number): Promise<void> {
    while (!table.has(key) && times.now() < until) {
      await times.sleep(EXPECTED_STEP_MS);
      await ask();
    }
  }

  return {
    async find(apiVersion, kind) {
      const key = `${apiVersion}/${kind}`;
      if (table.has(key)) return table.get(key);
      if (times.now() - askedAt >= REASK_MS) await ask();
      const name = `${groupOf(apiVersion)}/${kind}`;
      const until = expected.get(name);
      if (until !== undefined) await awaitExpected(key, until);
      expected.delete(name);
      return table.get(key);
    },
    async list() {
      await ask();
      return [...table.keys()].map((key) => {
        const slash = key.lastIndexOf("/");
        return [key.slice(0, slash), key.slice(slash + 1)] as const;
      });
    },
    expect(group, kind) {
      // A definition that came back, or gained a version, is not served yet although the table has it.
      for (const version of versionsIn(table, group, kind)) table.delete(`${version}/${kind}`);
      if (expected.size < EXPECTED_KINDS_MAX)
        expected.set(`${group}/${kind}`, times.now() + EXPECTED_WAIT_MS);
    },
    versionsOf: (group, kind) => versionsIn(table, group, kind),
  };
}

function versionsIn(table: Table, group: string, kind: string): string[] {
  const suffix = `/${kind}`;
  const keys = [...table.keys()]
    .filter((key) => key.endsWith(suffix))
    .map((key) => key.slice(0, -suffix.length));
  return keys.filter((version) => groupOf(version) === group);
}

async function readAll(wire: Pick<Wire, "send">): Promise<Table> {
  const answers = await Promise.all(
    ["/api", "/apis"].map((path) => wire.send({ method: "GET", path, accept: ACCEPT })),
  );
  const table: Table = new Map();
  for (const answer of answers) fill(table, answer);
  return table;
}

function fill(table: Table, answer: unknown): void {
  const parsed = answerSchema.safeParse(answer);
  if (!parsed.success)
    throw new KubeError(
      501,
      "NoAggregatedDiscovery",
      "the API server does not speak aggregated discovery; Fairlead needs Kubernetes 1.27 or newer",
    );
  for (const { metadata, versions } of parsed.data.items)
    for (const { version, resources } of versions)
      for (const { resource, responseKind, scope } of resources ?? []) {
        if (responseKind === null || responseKind === undefined) continue;
        const apiVersion = metadata.name === "" ? version : `${metadata.name}/${version}`;
        const prefix = metadata.name === "" ? `/api/${version}/` : `/apis/${apiVersion}/`;
        const key = `${apiVersion}/${responseKind.kind}`;
        // The first resource of a kind is the one that stores it.
        if (!table.has(key)) table.set(key, { prefix, resource, namespaced: scope === "Namespaced" });
      }
}
