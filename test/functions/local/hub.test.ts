/** The local hub as a composition: one per data folder, loopback only, everything survives a restart. */
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { charterSchema } from "#core/charter.ts";
import { ensureTool } from "../../../cli/dev/tools.ts";
import { startHub, type LocalHub } from "../../../functions/local/hub.ts";
import { openBrowser } from "../../support/browser.ts";
import { readCharter } from "../../support/read-charter.ts";

let folder: string;
let wasmFile: string;
let hub: LocalHub;

const open = (options: { port?: number; newEpoch?: boolean; dataDir?: string } = {}): Promise<LocalHub> =>
  startHub({
    dataDir: join(folder, options.dataDir ?? "hub"),
    port: options.port ?? 0,
    wasmFile,
    log: () => undefined,
    newEpoch: options.newEpoch ?? false,
  });
const call = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${hub.url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${hub.apiToken}`, "content-type": "application/json" },
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-local-hub-"));
  wasmFile = join(await ensureTool("render-engine"), "engine.wasm");
  hub = await open();
}, 900_000);
afterAll(async () => {
  await hub?.stop();
  await rm(folder, { recursive: true, force: true });
});

const port = (): number => Number(new URL(hub.url).port);

describe("startHub", () => {
  it("refuses a second hub on the same data, and a port in use, with the way out", async () => {
    await expect(open()).rejects.toThrow(/already runs on this data \(process \d+/);
    await expect(open({ dataDir: "other", port: port() })).rejects.toThrow(/port \d+ is in use.*--port/);
  });

  it("answers loopback names only: a page of another site cannot reach it under its own name", async () => {
    const status = await new Promise<number>((resolve, reject) => {
      request(
        { host: "127.0.0.1", port: port(), path: "/healthz", headers: { host: "evil.example" } },
        (answer) => resolve(answer.statusCode ?? 0),
      )
        .on("error", reject)
        .end();
    });
    expect(status).toBe(403);
  });

  it("keeps id, token and resources over a restart", async () => {
    const resources = [{ apiVersion: "fairlead.dev/v1", kind: "Cluster", metadata: { name: "kept" } }];
    expect((await call("/v1/apply", { method: "POST", body: JSON.stringify({ resources }) })).status).toBe(
      200,
    );
    const { hub: id, apiToken } = hub;
    const before = port();
    await hub.stop();
    hub = await open({ port: before });
    expect([hub.hub, hub.apiToken]).toEqual([id, apiToken]);
    expect((await call("/v1/projects/default/clusters/kept")).status).toBe(200);
  });

  it("prints a link that signs a browser in as the first admin, once", async () => {
    const open = async () => {
      const browser = openBrowser();
      return browser.submit(await browser.visit(hub.loginUrl));
    };
    const first = await open();
    expect([first.url.href, first.status]).toEqual([`${hub.url}/`, 200]);
    expect((await open()).status).toBe(401);
  });

  it("opens a new epoch only when asked, with a charter that is newer", async () => {
    const charterOf = async () => charterSchema.parse(await readCharter(hub));
    const before = await charterOf();
    const at = port();
    await hub.stop();
    hub = await open({ port: at, newEpoch: true });
    const after = await charterOf();
    expect(after).toMatchObject({ hub: before.hub, epoch: before.epoch + 1, signers: before.signers });
    expect(after.serial).toBeGreaterThan(before.serial);
  });
});
