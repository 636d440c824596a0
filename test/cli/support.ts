/**
 * A hub that answers fixtures over the API's own shapes, in process, and a run of the CLI against it. Sleeping moves
 * the clock and nothing else, so a wait of minutes takes none.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hono } from "hono";
import { onTestFinished } from "vitest";
import { Problem } from "#core/problem.ts";
import { answer, notFound, onError } from "../../functions/api/errors.ts";
import { run } from "../../cli/main.ts";
import type { Io } from "../../cli/io.ts";
import { NOW } from "../functions/dashboard/fleet-fixture.ts";

export const SERVER = "http://hub.test";
export const TOKEN = "api-token";

export interface Ran {
  code: number;
  out: string;
  err: string;
}

/** A hub with bearer check and problem+json errors as the real one has them; add routes to it. */
export function fixtureHub(): Hono {
  const hub = new Hono();
  hub.onError(onError(() => undefined));
  hub.notFound(notFound);
  hub.use(async (context, next) => {
    if (context.req.header("authorization") === `Bearer ${TOKEN}`) return next();
    return answer(context, new Problem("unauthenticated", "send the API token as a bearer"));
  });
  return hub;
}

/** A folder of its own, gone after the test. */
export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "fairlead-cli-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** `overrides.sleep` is told the ms and may change what the hub says next. */
export async function fairlead(
  hub: Hono,
  argv: readonly string[],
  overrides: Partial<Io> = {},
): Promise<Ran> {
  let [out, err, now] = ["", "", NOW];
  const told = overrides.sleep;
  const io: Io = {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: { FAIRLEAD_SERVER: SERVER, FAIRLEAD_API_TOKEN: TOKEN },
    fetch: async (url, init) => hub.request(url, init),
    cwd: tmpdir(),
    isTTY: false,
    now: () => now,
    ...overrides,
    sleep: async (ms) => {
      now += ms;
      await told?.(ms);
    },
  };
  const code = await run(argv, io);
  return { code, out, err };
}
