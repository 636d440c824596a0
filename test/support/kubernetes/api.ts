/**
 * The few calls that a test cluster's start needs of its own API server: raw JSON, verified TLS, bounded waits.
 */
import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";

export type Api = { url: string; caFile: string; token: string };
export type Answer = { status: number; text: string };

/** How long any one step of a cluster's start may take, on a machine that does much else. */
export const startMsMax = 120_000;

const requestMsMax = 10_000;
const pollMs = 50;

/** One request; rejects when no answer comes, resolves with any status. */
export async function call(api: Api, method: "GET" | "POST", path: string, body?: unknown): Promise<Answer> {
  const ca = await readFile(api.caFile);
  const headers = { authorization: `Bearer ${api.token}`, "content-type": "application/json" };
  const options = { method, ca, headers, agent: false as const, timeout: requestMsMax };
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, api.url), options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.on("error", reject);
    });
    sent.on("timeout", () => sent.destroy(new Error(`${path}: no answer within ${requestMsMax} ms`)));
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Creates an object; one that is there already is left as it is. */
export async function create(api: Api, path: string, object: object): Promise<void> {
  const { status, text } = await call(api, "POST", path, object);
  if (status >= 300 && status !== 409) throw new Error(`POST ${path} was refused (${status}): ${text}`);
}

/**
 * Asks until `done` says so. `until` is what else may end the wait: a promise that rejects, such as a server's
 * death. Throws, naming what was awaited and the last answer, after `msMax`.
 */
export async function waitFor(
  what: string,
  msMax: number,
  done: () => Promise<true | string>,
  until: Promise<never>,
): Promise<void> {
  const deadline = Date.now() + msMax;
  for (;;) {
    const last = await Promise.race([done().catch((error: unknown) => String(error)), until]);
    if (last === true) return;
    if (Date.now() > deadline) throw new Error(`${what} did not come within ${msMax} ms; last seen: ${last}`);
    await sleep(pollMs);
  }
}
