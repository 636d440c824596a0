/**
 * GitHub, GitLab and Gitea as far as a promotion speaks to them: small servers over a real bare repository, with the paths,
 * fields and refusals of their APIs. What a host would not take (a wrong token, a stale blob, a branch that would go back)
 * is refused here as well.
 */
import { serve, type ServerType } from "@hono/node-server";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Hono, type Context } from "hono";
import { blobId } from "#core/promotion/change.ts";
import { git } from "../functions/source/git-fixture.ts";
import { hostRepository, type HostRepository, type WrittenFile } from "./host-repository.ts";

export const HOST_TOKEN = "host-token-of-the-tests";
export const REPOSITORY = "acme/fleet";

export type HostKind = "github" | "gitlab" | "gitea";

export interface PullSeen {
  number: number;
  head: string;
  base: string;
  title: string;
  body: string;
  state: "open" | "closed" | "merged";
}

export interface TestHost {
  url: string;
  repository: HostRepository;
  pulls: PullSeen[];
  /** `POST /repos/…`, in order. */
  calls: string[];
  /** Called before each answer: the place for a rival. */
  before: (call: string) => Promise<void>;
  /** As the button does: a merge commit. */
  merge(number: number): Promise<void>;
  stop(): Promise<void>;
}

type Body = Record<string, never> & Record<string, unknown>;

export async function startHost(kind: HostKind, bare: string): Promise<TestHost> {
  const app = new Hono();
  const host: Omit<TestHost, "url" | "stop"> = {
    repository: hostRepository(bare),
    pulls: [],
    calls: [],
    before: () => Promise.resolve(),
    merge: async (number) => {
      const pull = host.pulls.find((one) => one.number === number);
      if (pull?.state !== "open") throw new Error(`no open pull request ${number}`);
      const { repository } = host;
      const [base = "", tip = ""] = [await repository.head(pull.base), await repository.head(pull.head)];
      await repository.move(pull.base, await repository.merge(base, tip), false);
      pull.state = "merged";
    },
  };
  app.use(async (context, next) => {
    const call = `${context.req.method} ${new URL(context.req.url).pathname}`;
    host.calls.push(call);
    const scheme = kind === "gitea" ? "token" : "Bearer";
    if (context.req.header("authorization") !== `${scheme} ${HOST_TOKEN}`)
      return context.json({ message: `Bad credentials: ${context.req.header("authorization")}` }, 401);
    await host.before(call);
    return next();
  });
  ({ github: githubRoutes, gitlab: gitlabRoutes, gitea: giteaRoutes })[kind](app, host);
  const server: ServerType = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return Object.assign(host, {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      server.close();
      await once(server, "close");
    },
  });
}

type Host = Omit<TestHost, "url" | "stop">;
const rest = (context: Context, prefix: string): string =>
  decodeURIComponent(new URL(context.req.url).pathname.slice(prefix.length));
const notFound = (context: Context) => context.json({ message: "Not Found" }, 404);

function gitDataRoutes(app: Hono, { repository }: Host, base: string, page: number | undefined): void {
  app.get(`${base}/git/trees/:sha`, async (context) => {
    const all = await repository.lines(context.req.param("sha"), context.req.query("recursive") === "true");
    const at = Number(context.req.query("page") ?? "1") - 1;
    const tree = page === undefined ? all : all.slice(at * page, (at + 1) * page);
    return context.json({ tree, truncated: page !== undefined && (at + 1) * page < all.length });
  });
  app.get(`${base}/git/blobs/:sha`, async (context) => {
    const content = await repository.blob(context.req.param("sha"));
    return context.json({ content: content.toString("base64"), encoding: "base64" });
  });
}

function pullView(host: { pulls: PullSeen[] }, { number, state, head, base, title, body }: PullSeen) {
  const own = { repo: { full_name: REPOSITORY } };
  const merged = state === "merged";
  return {
    number,
    html_url: `https://host.test/${REPOSITORY}/pull/${number}`,
    state: state === "open" ? "open" : "closed",
    merged,
    merged_at: merged ? "2030-01-01T00:00:00Z" : null,
    head: { ref: head, ...own },
    base: { ref: base, ...own },
    title,
    body,
    of: host.pulls.length,
  };
}

function pullRoutes(app: Hono, host: Host, base: string, filtered: boolean): void {
  const find = (context: Context) =>
    host.pulls.find(({ number }) => number === Number(context.req.param("number")));
  app.get(`${base}/pulls`, (context) => {
    if (Number(context.req.query("page") ?? "1") > 1) return context.json([]);
    const [, branch] = (context.req.query("head") ?? "").split(":");
    const open = host.pulls.filter((one) => one.state === "open" && (!filtered || one.head === branch));
    const head = branch ?? "fairlead/default/shop-prod";
    const foreign = pullView(host, { number: 99, head, base: "main", title: "", body: "", state: "open" });
    const fork = { ...foreign, head: { ref: head, repo: { full_name: "eve/fleet" } } };
    return context.json([fork, ...open.map((one) => pullView(host, one))]);
  });
  app.get(`${base}/pulls/:number`, (context) => {
    const pull = find(context);
    return pull === undefined ? notFound(context) : context.json(pullView(host, pull));
  });
  app.patch(`${base}/pulls/:number`, async (context) => {
    const pull = find(context);
    if (pull === undefined) return notFound(context);
    const { title, body } = await context.req.json<{ title: string; body: string }>();
    return context.json(pullView(host, Object.assign(pull, { title, body })));
  });
  app.post(`${base}/pulls`, async (context) => {
    const asked = await context.req.json<{ title: string; body: string; head: string; base: string }>();
    const known = (await host.repository.head(asked.head)) !== undefined;
    const twice = host.pulls.some((one) => one.state === "open" && one.head === asked.head);
    if (!known || twice) return context.json({ message: "Validation Failed" }, 422);
    return context.json(pullView(host, opened(host, asked)), 201);
  });
}

function opened(host: Host, asked: Omit<PullSeen, "number" | "state">): PullSeen {
  const pull: PullSeen = { ...asked, number: host.pulls.length + 1, state: "open" };
  host.pulls.push(pull);
  return pull;
}

function githubRoutes(app: Hono, host: Host): void {
  const { repository } = host;
  const base = `/repos/${REPOSITORY}`;
  app.get(`${base}/branches/*`, async (context) => {
    const sha = await repository.head(rest(context, `${base}/branches/`));
    if (sha === undefined) return notFound(context);
    const tree = await repository.write(sha, []);
    return context.json({ commit: { sha, commit: { tree: { sha: tree } } } });
  });
  gitDataRoutes(app, host, base, undefined);
  app.get(`${base}/git/commits/:sha`, async (context) => {
    const sha = context.req.param("sha");
    return context.json({ sha, tree: { sha: await repository.write(sha, []) } });
  });
  const blobs = new Map<string, Buffer>();
  app.post(`${base}/git/blobs`, async (context) => {
    const { content } = await context.req.json<{ content: string }>();
    const bytes = Buffer.from(content, "base64");
    blobs.set(blobId(bytes), bytes);
    return context.json({ sha: blobId(bytes) }, 201);
  });
  app.post(`${base}/git/trees`, async (context) => {
    const asked = await context.req.json<{ base_tree: string; tree: Body[] }>();
    const files = asked.tree.map(({ path, mode, content, sha }): WrittenFile => ({
      path: String(path),
      mode: String(mode),
      content: typeof content === "string" ? Buffer.from(content) : blobs.get(String(sha)),
    }));
    return context.json({ sha: await repository.write(asked.base_tree, files) }, 201);
  });
  app.post(`${base}/git/commits`, async (context) => {
    const asked = await context.req.json<{
      message: string;
      tree: string;
      parents: string[];
      author: { name: string; email: string };
    }>();
    const sha = await repository.commit(asked.tree, asked.parents[0] ?? "", asked.message, asked.author);
    return context.json({ sha, tree: { sha: asked.tree } }, 201);
  });
  app.patch(`${base}/git/refs/heads/*`, async (context) => {
    const branch = rest(context, `${base}/git/refs/heads/`);
    const { sha, force } = await context.req.json<{ sha: string; force: boolean }>();
    if ((await repository.head(branch)) === undefined)
      return context.json({ message: "Reference does not exist" }, 422);
    const moved = await repository.move(branch, sha, force);
    return moved ? context.json({}) : context.json({ message: "Update is not a fast forward" }, 422);
  });
  app.post(`${base}/git/refs`, async (context) => {
    const { ref, sha } = await context.req.json<{ ref: string; sha: string }>();
    const branch = ref.replace("refs/heads/", "");
    if ((await repository.head(branch)) !== undefined)
      return context.json({ message: "Reference already exists" }, 422);
    await repository.move(branch, sha, true);
    return context.json({}, 201);
  });
  pullRoutes(app, host, base, true);
}

function giteaRoutes(app: Hono, host: Host): void {
  const { repository } = host;
  const base = `/api/v1/repos/${REPOSITORY}`;
  app.get(`${base}/branches/*`, async (context) => {
    const id = await repository.head(rest(context, `${base}/branches/`));
    return id === undefined ? notFound(context) : context.json({ commit: { id } });
  });
  app.delete(`${base}/branches/*`, async (context) => {
    const branch = rest(context, `${base}/branches/`);
    if ((await repository.head(branch)) === undefined) return notFound(context);
    await git(repository.bare, "update-ref", "-d", `refs/heads/${branch}`);
    for (const pull of host.pulls) if (pull.head === branch && pull.state === "open") pull.state = "closed";
    return context.body(null, 204);
  });
  gitDataRoutes(app, host, base, 3);
  app.post(`${base}/contents`, async (context) => {
    const asked = await context.req.json<{
      branch: string;
      new_branch?: string;
      message: string;
      author: { name: string; email: string };
      files: { operation: string; path: string; content?: string; sha?: string }[];
    }>();
    const parent = (await repository.head(asked.branch)) ?? "";
    const to = asked.new_branch ?? asked.branch;
    if (asked.new_branch !== undefined && (await repository.head(to)) !== undefined)
      return context.json({ message: "branch already exists" }, 409);
    const standing = new Map((await repository.lines(parent, true)).map(({ path, sha }) => [path, sha]));
    for (const { operation, path, sha } of asked.files)
      if (operation === "create" ? standing.has(path) : standing.get(path) !== sha)
        return context.json({ message: "sha does not match" }, 422);
    const files = asked.files.map(({ path, content, operation }) => ({
      path,
      content: operation === "delete" ? undefined : Buffer.from(content ?? "", "base64"),
    }));
    const tree = await repository.write(parent, files);
    const sha = await repository.commit(tree, parent, asked.message, asked.author);
    await repository.move(to, sha, false);
    return context.json({ commit: { sha } }, 201);
  });
  pullRoutes(app, host, base, false);
}

function gitlabRoutes(app: Hono, host: Host): void {
  const { repository } = host;
  const project = `/api/v4/projects/${encodeURIComponent(REPOSITORY)}`;
  const base = `${project}/repository`;
  const last = (path: string, ref: string) =>
    git(repository.bare, "log", "-1", "--format=%H", ref, "--", path);
  app.all("*", async (context) => {
    const { pathname } = new URL(context.req.url);
    const { method } = context.req;
    if (pathname.startsWith(`${base}/branches/`)) {
      const id = await repository.head(rest(context, `${base}/branches/`));
      return id === undefined ? notFound(context) : context.json({ commit: { id } });
    }
    if (pathname === `${base}/tree`) {
      const [path = "", ref = ""] = [context.req.query("path"), context.req.query("ref")];
      const all = await repository.lines(ref, true);
      if (!all.some((one) => one.path === path && one.type === "tree")) return notFound(context);
      const below = all.filter((one) => one.path.startsWith(`${path}/`));
      const at = Number(context.req.query("page") ?? "1");
      const items = below.slice((at - 1) * 3, at * 3).map(({ sha: id, ...one }) => ({ id, ...one }));
      context.header("x-next-page", at * 3 < below.length ? String(at + 1) : "");
      return context.json(items);
    }
    if (pathname.startsWith(`${base}/blobs/`)) {
      const content = await repository.blob(rest(context, `${base}/blobs/`));
      return context.json({ content: content.toString("base64"), encoding: "base64" });
    }
    if (pathname.startsWith(`${base}/files/`)) {
      const path = rest(context, `${base}/files/`);
      const ref = context.req.query("ref") ?? "";
      const file = (await repository.lines(ref, true)).find(
        (one) => one.path === path && one.type === "blob",
      );
      if (file === undefined) return context.body(null, 404);
      context.header("x-gitlab-last-commit-id", await last(path, ref));
      return context.body(null, 200);
    }
    if (pathname === `${base}/commits` && method === "POST") return commitGitlab(context, repository, last);
    if (pathname.startsWith(`${project}/merge_requests`))
      return mergeRequests(context, host, pathname.slice(`${project}/merge_requests`.length));
    return notFound(context);
  });
}

async function commitGitlab(
  context: Context,
  repository: HostRepository,
  last: (path: string, ref: string) => Promise<string>,
): Promise<Response> {
  const asked = await context.req.json<{
    branch: string;
    commit_message: string;
    start_sha?: string;
    force?: boolean;
    author_name: string;
    author_email: string;
    actions: { action: string; file_path: string; content?: string; last_commit_id?: string }[];
  }>();
  const parent = asked.start_sha ?? (await repository.head(asked.branch)) ?? "";
  const standing = new Set((await repository.lines(parent, true)).map(({ path }) => path));
  for (const { action, file_path: path, last_commit_id: known } of asked.actions) {
    if (action === "create" && standing.has(path))
      return context.json({ message: "A file with this name already exists" }, 400);
    if (action !== "create" && known !== undefined && known !== (await last(path, parent)))
      return context.json({ message: `The file has changed since you started editing it: ${path}` }, 400);
  }
  const files = asked.actions.map(({ action, file_path: path, content }) => ({
    path,
    content: action === "delete" ? undefined : Buffer.from(content ?? "", "base64"),
  }));
  const author = { name: asked.author_name, email: asked.author_email };
  const id = await repository.commit(
    await repository.write(parent, files),
    parent,
    asked.commit_message,
    author,
  );
  if (!(await repository.move(asked.branch, id, asked.force === true)))
    return context.json({ message: "A branch called that already exists" }, 400);
  return context.json({ id }, 201);
}

async function mergeRequests(context: Context, host: Host, path: string): Promise<Response> {
  const view = ({ number, state }: PullSeen, from = 1) => ({
    iid: number,
    web_url: `https://host.test/${REPOSITORY}/-/merge_requests/${number}`,
    state: state === "open" ? "opened" : state,
    source_project_id: from,
    target_project_id: 1,
  });
  const pull = host.pulls.find(({ number }) => path === `/${number}`);
  const { method } = context.req;
  if (method === "GET" && path === "") {
    const branch = context.req.query("source_branch");
    const open = host.pulls.filter(({ state, head }) => state === "open" && head === branch);
    const fork = view({ number: 99, head: "", base: "", title: "", body: "", state: "open" }, 2);
    return context.json([fork, ...open.map((one) => view(one))]);
  }
  if (method === "POST") {
    const asked =
      await context.req.json<Record<"source_branch" | "target_branch" | "title" | "description", string>>();
    if (host.pulls.some((one) => one.state === "open" && one.head === asked.source_branch))
      return context.json({ message: ["Another open merge request already exists"] }, 409);
    const made = {
      head: asked.source_branch,
      base: asked.target_branch,
      title: asked.title,
      body: asked.description,
    };
    return context.json(view(opened(host, made)), 201);
  }
  if (pull === undefined) return notFound(context);
  if (method === "PUT") {
    const { title, description } = await context.req.json<{ title: string; description: string }>();
    Object.assign(pull, { title, body: description });
  }
  return context.json(view(pull));
}
