/**
 * Real Git repositories over real smart HTTP, for development and tests: `git http-backend` behind
 * a small CGI bridge that streams both ways. It serves the two smart services of repositories below
 * one folder and nothing else; it listens on loopback and is no server for production.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { readCgiHead } from "./cgi.ts";
import { isolatedGitEnvironment } from "./git-environment.ts";

export interface GitServerOptions {
  /** The folder that holds the bare repositories. */
  readonly root: string;
  /** A free port if absent. */
  readonly port?: number;
  readonly host?: string;
  /** HTTP Basic for every request; open if absent. */
  readonly credentials?: { readonly username: string; readonly password: string };
  /** Called after each push that was answered, with the repository's name (`fleet.git`). It must not throw. */
  readonly onPush?: (repository: string) => void;
}

export interface GitServer {
  /** `http://127.0.0.1:<port>`; a repository is below it: `${url}/fleet.git`. */
  readonly url: string;
  /** Ends running exchanges and their processes. */
  stop(): Promise<void>;
}

interface GitRequest {
  readonly repository: string;
  readonly path: string;
  readonly service: string;
  readonly query: string;
}

/** A name part starts with a letter or digit, so that `..` and hidden files cannot be named. */
const SMART_PATH =
  /^\/((?:[A-Za-z0-9][\w.-]*\/){0,3}[A-Za-z0-9][\w.-]*\.git)\/(info\/refs|git-upload-pack|git-receive-pack)$/;
const SERVICES = ["git-upload-pack", "git-receive-pack"];
const REPOSITORY_NAME = /^[A-Za-z0-9][\w.-]*\.git$/;

/** Starts serving. Rejects when the port is taken or Git is missing, naming the fix. */
export async function startGitServer(options: GitServerOptions): Promise<GitServer> {
  await requireGit();
  const host = options.host ?? "127.0.0.1";
  const children = new Set<ChildProcess>();
  const server = createServer((request, response) => {
    answer(options, children, request, response).catch((error: unknown) => breakOff(response, error));
  });
  server.listen(options.port ?? 0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}`,
    async stop() {
      const ended = [...children].map(exitOf);
      for (const child of children) child.kill();
      server.close();
      server.closeAllConnections();
      await Promise.all(ended);
    },
  };
}

/** Makes a bare repository `<root>/<name>` that takes pushes; one that is there is left as it is. Returns its path. */
export async function initBareRepository(root: string, name: string): Promise<string> {
  if (!REPOSITORY_NAME.test(name))
    throw new Error(`Repository name ${JSON.stringify(name)} must look like fleet.git`);
  const path = join(root, name);
  await mkdir(root, { recursive: true });
  const git = (...argv: string[]) => run("git", argv, { env: isolatedGitEnvironment() });
  await git("init", "--quiet", "--bare", "--template=", "--initial-branch=main", path);
  await git("-C", path, "config", "http.receivepack", "true");
  // Housekeeping would outlive the push that started it, and the server.
  await git("-C", path, "config", "receive.autogc", "false");
  return path;
}

const run = promisify(execFile);

async function requireGit(): Promise<void> {
  try {
    await run("git", ["http-backend"], { env: { ...isolatedGitEnvironment(), REQUEST_METHOD: "GET" } });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      throw new Error("git is not on the PATH; install Git 2.28 or newer", { cause: error });
    }
    // Any other ending is the backend itself, complaining about the missing path.
    if (error instanceof Error && "stderr" in error && /is not a git command/.test(String(error.stderr))) {
      throw new Error("This Git has no http-backend; install Git's full package", { cause: error });
    }
  }
}

async function answer(
  options: GitServerOptions,
  children: Set<ChildProcess>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!isAllowed(options.credentials, request.headers.authorization)) {
    response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
    return;
  }
  const wanted = parseRequest(request);
  if (wanted === undefined) {
    response.writeHead(404).end("Only Git's smart services are served here\n");
    return;
  }
  const isDone = await bridge(options.root, children, request, response, wanted);
  if (isDone && request.method === "POST" && wanted.service === "git-receive-pack")
    options.onPush?.(wanted.repository);
}

function breakOff(response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(500).end(`${error instanceof Error ? error.message : String(error)}\n`);
}

function isAllowed(credentials: GitServerOptions["credentials"], header: string | undefined): boolean {
  if (credentials === undefined) return true;
  const expected = Buffer.from(
    `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`,
  );
  const given = Buffer.from(header ?? "");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** The request as one of the smart services, or undefined. The raw path is matched, so an escape cannot hide a separator. */
function parseRequest(request: IncomingMessage): GitRequest | undefined {
  const [rawPath = "", query = ""] = (request.url ?? "").split("?", 2);
  const [path, repository, endpoint] = SMART_PATH.exec(rawPath) ?? [];
  if (path === undefined || repository === undefined || endpoint === undefined) return undefined;
  const isDiscovery = endpoint === "info/refs";
  if (request.method !== (isDiscovery ? "GET" : "POST")) return undefined;
  const service = isDiscovery ? (new URLSearchParams(query).get("service") ?? "") : endpoint;
  return SERVICES.includes(service) ? { repository, path, service, query } : undefined;
}

/** Runs one exchange; true if the backend answered with success and the whole answer went out. */
async function bridge(
  root: string,
  children: Set<ChildProcess>,
  request: IncomingMessage,
  response: ServerResponse,
  wanted: GitRequest,
): Promise<boolean> {
  const child = spawn("git", ["http-backend"], {
    env: { ...isolatedGitEnvironment(), ...cgiEnvironment(root, request, wanted) },
    stdio: ["pipe", "pipe", "ignore"],
  });
  children.add(child);
  const closed = exitOf(child);
  // A client that went away leaves nothing to do; one that has its answer must not cut off the backend's end.
  response.once("close", () => response.writableFinished || child.kill());
  // The backend may answer before it has read everything; what it no longer takes is no error of ours.
  const sent = pipeline(request, child.stdin).catch(() => undefined);
  try {
    const { status, headers, rest } = await readCgiHead(child.stdout);
    response.writeHead(status, headers);
    response.write(rest);
    await pipeline(child.stdout, response);
    return status === 200 && (await closed) === 0;
  } finally {
    child.kill();
    await Promise.all([closed, sent]);
    children.delete(child);
  }
}

function exitOf(child: ChildProcess): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once("close", resolve);
  child.once("error", () => resolve(null));
  return promise;
}

function cgiEnvironment(root: string, request: IncomingMessage, wanted: GitRequest): Record<string, string> {
  const { headers } = request;
  return {
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: "1",
    PATH_INFO: wanted.path,
    REQUEST_METHOD: request.method ?? "",
    QUERY_STRING: wanted.query,
    CONTENT_TYPE: headers["content-type"] ?? "",
    CONTENT_LENGTH: headers["content-length"] ?? "",
    // The backend itself unpacks gzip'd bodies when it is told of them.
    HTTP_CONTENT_ENCODING: headers["content-encoding"] ?? "",
    GIT_PROTOCOL: [headers["git-protocol"] ?? []].flat().join(":"),
    REMOTE_ADDR: request.socket.remoteAddress ?? "",
  };
}
