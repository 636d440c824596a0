/**
 * Charts as the real `helm` packages, indexes and pushes them, and places to pull them from: a Helm repository over HTTP, and
 * a real OCI registry behind a door that asks for credentials in the ways registries do.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { ensureTool } from "../../../cli/dev/tools.ts";
import { startRegistry } from "../../support/registry.ts";

export interface Bench {
  readonly folder: string;
  readonly helm: (...argv: string[]) => Promise<string>;
  /** Packages a chart; answers the archive's path. */
  chart(name: string, version: string, files?: Record<string, string>, argv?: string[]): Promise<string>;
  close(): Promise<void>;
}

export const TEMPLATE = `apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }} }
data: { chart: {{ .Chart.Version | quote }}, color: {{ .Values.color | quote }} }
`;

export async function bench(): Promise<Bench> {
  const program = join(await ensureTool("helm"), "helm");
  const folder = await mkdtemp(join(tmpdir(), "fairlead-charts-"));
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder };
  let count = 0;
  const helm = async (...argv: string[]) =>
    (await promisify(execFile)(program, argv, { cwd: folder, env, maxBuffer: 2 ** 26 })).stdout;
  return {
    folder,
    helm,
    chart: async (name, version, files = {}, argv = []) => {
      const root = join(folder, `packed-${(count += 1)}`);
      const all = {
        "Chart.yaml": `apiVersion: v2\nname: ${name}\nversion: ${version}\n`,
        "values.yaml": "color: red\n",
        "templates/map.yaml": TEMPLATE,
        ...files,
      };
      for (const [path, text] of Object.entries(all)) {
        await mkdir(dirname(join(root, name, path)), { recursive: true });
        await writeFile(join(root, name, path), text);
      }
      await helm("package", join(root, name), "--destination", root, ...argv);
      return join(root, `${name}-${version}.tgz`);
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export interface Served {
  readonly origin: string;
  readonly host: string;
  /** What was asked for since the last call, with the `Authorization` that came along. */
  asked(): { path: string; authorization: string | undefined }[];
  close(): void;
}

export async function serve(handler: Handler): Promise<Served> {
  let seen: { path: string; authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    seen.push({ path: request.url ?? "", authorization: request.headers.authorization });
    void Promise.resolve(handler(request, response)).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    asked: () => {
      const since = seen;
      seen = [];
      return since;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

export interface Repository extends Served {
  /** Puts archives (and their provenance files) in, and indexes anew. */
  add(...archives: string[]): Promise<void>;
  /** Stands before every answer; true: it answered itself. */
  door: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  readonly folder: string;
}

/** A Helm repository as a file server has it. */
export async function repository(helm: Bench["helm"], root: string): Promise<Repository> {
  const folder = await mkdtemp(join(root, "repository-"));
  const doors: { door: Repository["door"] } = { door: undefined };
  const served = await serve(async (request, response) => {
    if (doors.door?.(request, response) === true) return;
    const file = join(folder, basename(new URL(request.url ?? "", "http://x").pathname));
    const content = await readFile(file).catch(() => undefined);
    if (content === undefined) response.writeHead(404).end("nothing here");
    else response.end(content);
  });
  return Object.assign(doors, served, {
    folder,
    add: async (...archives: string[]) => {
      for (const archive of archives) {
        await cp(archive, join(folder, basename(archive)));
        await cp(`${archive}.prov`, join(folder, `${basename(archive)}.prov`)).catch(() => undefined);
      }
      await helm("repo", "index", folder);
    },
  });
}

export interface OciRegistry extends Served {
  /** `oci://…`, for `spec.chart.repository`. */
  readonly repository: string;
  /** `helm push`, past the door; answers the manifest's digest. */
  push(archive: string): Promise<string>;
  /** What the door asks for. */
  lock: "open" | "basic" | "token";
  /** Tags on one page. */
  pageSize: number;
  /** Straight to the registry. */
  readonly inside: string;
}

export const USER = "ada";
export const PASSWORD = "correct horse battery staple";
const TOKEN = "a-token-of-the-token-server";
const isAda = (request: IncomingMessage): boolean =>
  request.headers.authorization === `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString("base64")}`;

/** go-containerregistry's server, in memory. `stop` ends it. */
export async function ociRegistry(
  helm: Bench["helm"],
): Promise<OciRegistry & { tokens: Served; stop(): Promise<void> }> {
  const registry = await startRegistry();
  const inside = `http://${registry.host}`;
  const state: Pick<OciRegistry, "lock" | "pageSize"> = { lock: "open", pageSize: 1000 };
  const tokens = await serve((request, response) => {
    const isAnonymous = request.headers.authorization === undefined;
    if (!isAda(request)) response.writeHead(isAnonymous ? 403 : 401).end();
    else response.end(JSON.stringify({ token: TOKEN, scope: new URL(request.url ?? "", "http://x").search }));
  });
  const door = await serve(async (request, response) => {
    const bearer = request.headers.authorization === `Bearer ${TOKEN}`;
    const isOpen = state.lock === "open" || (state.lock === "basic" ? isAda(request) : bearer);
    if (isOpen) return forward(inside, state.pageSize, request, response);
    const challenge = `Bearer realm="${tokens.origin}/token",service="charts",scope="repository:charts/shop:pull"`;
    const asks = state.lock === "basic" ? 'Basic realm="charts"' : challenge;
    response.writeHead(401, { "www-authenticate": asks }).end();
  });
  const parts = {
    inside,
    tokens,
    repository: `oci://${door.host}/charts`,
    push: async (archive: string) => {
      const before = state.lock;
      state.lock = "open";
      await helm("push", archive, `oci://${door.host}/charts`, "--plain-http");
      state.lock = before;
      const [, name = "", version = ""] = /^(.*?)-(\d.*)\.tgz$/.exec(basename(archive)) ?? [];
      const answer = await fetch(`${inside}/v2/charts/${name}/manifests/${version.replaceAll("+", "_")}`);
      return answer.headers.get("docker-content-digest") ?? "";
    },
    stop: async () => {
      door.close();
      tokens.close();
      await registry.stop();
    },
  };
  return Object.assign(state, door, parts);
}

/** As it came; a list of tags in pages, as registries with many have it. */
async function forward(
  inside: string,
  pageSize: number,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "", inside);
  const isTags = url.pathname.endsWith("/tags/list");
  if (isTags) url.searchParams.set("n", String(pageSize));
  const body: Uint8Array[] = [];
  for await (const chunk of request) body.push(chunk as Uint8Array);
  const headers = Object.entries(request.headers).filter(([name]) =>
    ["accept", "content-type", "range"].includes(name),
  ) as [string, string][];
  const method = request.method ?? "GET";
  const answer = await fetch(url, {
    method,
    headers,
    redirect: "manual",
    ...(["GET", "HEAD"].includes(method) ? {} : { body: Buffer.concat(body) }),
  });
  const kept = ["content-type", "content-length", "docker-content-digest", "location", "range"];
  const back = Object.fromEntries([...answer.headers].filter(([name]) => kept.includes(name)));
  const content = Buffer.from(await answer.arrayBuffer());
  if (isTags && answer.status === 200) {
    const { tags } = JSON.parse(content.toString()) as { tags: string[] };
    if (tags.length === pageSize)
      back["link"] = `<${url.pathname}?last=${tags.at(-1)}&n=${pageSize}>; rel="next"`;
  }
  response.writeHead(answer.status, back).end(content);
}
