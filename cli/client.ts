/**
 * The hub's API as the CLI sees it. Each answer is bounded in time and size and parsed by the shapes of `core/view`;
 * a refusal becomes an error that carries the hub's own words and a fix.
 */
import * as z from "zod";
import { findConnection, type Connection, type HubFlags } from "./config.ts";
import { CliError, HubAway, HubRefusal } from "./errors.ts";
import type { Io } from "./io.ts";
import { encodeReason, REASON_HEADER } from "#core/reason.ts";
import { sentence } from "#core/text.ts";
import { listOf } from "#core/view.ts";

const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const ANSWER_MS_MAX = 30_000;
/** The most that the hub gives at once, and how often it is asked for more. */
const PAGE_ITEMS = 500;
const PAGES_MAX = 1_000;

export type Query = Readonly<Record<string, string | number | undefined>>;

export interface Hub {
  readonly server: string;
  readonly project: string;
  /** Parts of a path below the project, each escaped: `["apps", name]`. */
  read<T extends z.ZodType>(
    parts: readonly (string | number)[],
    schema: T,
    query?: Query,
  ): Promise<z.infer<T>>;
  /** A list to its end, page by page. */
  list<T extends z.ZodType>(parts: readonly (string | number)[], item: T): Promise<z.infer<T>[]>;
  /** The same of a path that is in no project. */
  listAt<T extends z.ZodType>(path: string, item: T): Promise<z.infer<T>[]>;
  /** Of a path that is in no project. */
  readAt<T extends z.ZodType>(path: string, schema: T): Promise<z.infer<T>>;
  /** Of what belongs to no project: `/v1/hub`. */
  get<T extends z.ZodType>(path: string, schema: T): Promise<z.infer<T>>;
  /** Undefined where the hub says that there is no such thing. */
  find<T extends z.ZodType>(parts: readonly (string | number)[], schema: T): Promise<z.infer<T> | undefined>;
  /** The status of what was done; the body is of no interest. */
  act(method: "POST" | "DELETE", parts: readonly string[]): Promise<number>;
  /** A DELETE that answers; undefined where there is nothing to say. */
  remove<T extends z.ZodType>(
    parts: readonly string[],
    schema: T,
    query?: Query,
  ): Promise<z.infer<T> | undefined>;
  /** `waitMs`: for what takes the hub longer than other answers. */
  post<T extends z.ZodType>(path: string, body: unknown, schema: T, waitMs?: number): Promise<z.infer<T>>;
  put<T extends z.ZodType>(path: string, body: unknown, schema: T): Promise<z.infer<T>>;
  /** The path of a thing in the project, for `post` and `put`. */
  path(parts: readonly (string | number)[]): string;
}

export async function connect(flags: HubFlags, io: Io): Promise<Hub> {
  return hubAt(await findConnection(flags, io), io);
}

export function hubAt(to: Connection, io: Io): Hub {
  const path = (parts: readonly (string | number)[]): string =>
    ["/v1/projects", ...[to.project, ...parts].map((part) => encodeURIComponent(part))].join("/");
  const read = async <T extends z.ZodType>(
    parts: readonly (string | number)[],
    schema: T,
    query: Query = {},
  ) => parse(to, schema, (await ask(to, io, "GET", `${path(parts)}${queryText(query)}`)).text);
  return {
    server: to.server,
    project: to.project,
    path,
    read,
    list: (parts, item) => allPages((cursor) => read(parts, listOf(item), { limit: PAGE_ITEMS, cursor })),
    listAt: (at, item) =>
      allPages(async (cursor) => {
        const asked = `${at}${queryText({ limit: PAGE_ITEMS, cursor })}`;
        return parse(to, listOf(item), (await ask(to, io, "GET", asked)).text);
      }),
    readAt: async (at, schema) => parse(to, schema, (await ask(to, io, "GET", at)).text),
    get: async (at, schema) => parse(to, schema, (await ask(to, io, "GET", at)).text),
    find: (parts, schema) =>
      read(parts, schema).catch((error: unknown) => {
        if (error instanceof HubRefusal && error.status === 404) return undefined;
        throw error;
      }),
    act: async (method, parts) => (await ask(to, io, method, path(parts))).status,
    remove: async (parts, schema, query = {}) => {
      const { status, text } = await ask(to, io, "DELETE", `${path(parts)}${queryText(query)}`);
      return status === 204 ? undefined : parse(to, schema, text);
    },
    post: async (at, body, schema, waitMs) =>
      parse(to, schema, (await ask(to, io, "POST", at, body, waitMs)).text),
    put: async (at, body, schema) => parse(to, schema, (await ask(to, io, "PUT", at, body)).text),
  };
}

function queryText(query: Query): string {
  const told = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) told.set(name, String(value));
  return told.size === 0 ? "" : `?${told.toString()}`;
}

/** Ends where the hub would otherwise be read for ever. */
async function allPages<T>(
  read: (cursor: string | undefined) => Promise<{ items: T[]; next?: string | undefined }>,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page++) {
    const answer = await read(cursor);
    items.push(...answer.items);
    if (answer.next === undefined) return items;
    cursor = answer.next;
  }
  throw new CliError(
    `the list does not end within ${PAGES_MAX} pages of ${PAGE_ITEMS}`,
    "ask for less: name one of them",
  );
}

async function ask(
  to: Connection,
  io: Io,
  method: string,
  path: string,
  body?: unknown,
  waitMs: number = ANSWER_MS_MAX,
): Promise<{ status: number; text: string }> {
  const headers: Record<string, string> = {
    ...(to.reason === undefined || method === "GET" ? {} : { [REASON_HEADER]: encodeReason(to.reason) }),
    ...(to.token === undefined ? {} : { authorization: `Bearer ${to.token}` }),
    accept: "application/json",
  };
  const init: RequestInit = {
    method,
    headers,
    redirect: "error",
    signal: AbortSignal.timeout(waitMs),
  };
  if (body !== undefined) {
    headers["content-type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  try {
    const answer = await io.fetch(`${to.server}${path}`, init);
    const text = await boundedText(answer);
    if (!answer.ok) throw refusal(to, answer.status, text);
    return { status: answer.status, text };
  } catch (error) {
    throw error instanceof CliError ? error : away(to, error, waitMs);
  }
}

/** `who` answers, as an error says it. */
export async function boundedText(
  answer: Response,
  bytesMax: number = ANSWER_BYTES_MAX,
  who = "the hub",
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax)
      throw new CliError(
        `${who}'s answer is larger than ${bytesMax} bytes`,
        "ask for less: name one App or cluster",
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function away(to: Connection, error: unknown, waitMs: number): HubAway {
  const message = `no hub answers at ${to.server} (${causeOf(error, waitMs)}; named by ${to.namedBy})`;
  return new HubAway(
    message,
    "start it with `npm start`, or name another with --server URL (FAIRLEAD_SERVER)",
  );
}

/** `fetch` hides the reason in a chain of causes; the innermost one says what happened. */
function causeOf(error: unknown, waitMs: number): string {
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0], waitMs);
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return causeOf(error.cause, waitMs);
  if (error.name === "TimeoutError") return `nothing within ${waitMs / 1000} s`;
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}

const problemSchema = z.object({
  title: z.string(),
  detail: z.string().default(""),
  fix: z.string().optional(),
  errors: z.array(z.string()).default([]),
});

function refusal(to: Connection, status: number, text: string): CliError {
  const problem = problemSchema.safeParse(json(text));
  if (!problem.success && status >= 500)
    return new HubAway(`${to.server} answers ${status}`, "look at the hub's log, and try again");
  if (!problem.success)
    return new CliError(
      `${to.server} answers ${status}, and not as a hub does`,
      `check that --server names a Fairlead hub (now by ${to.namedBy})`,
    );
  const { title, detail, errors, fix } = problem.data;
  const words = sentence(detail === "" ? title : `${title}: ${detail}`, 1000);
  if (status >= 500) return new HubAway(words, "look at the hub's log, and try again");
  return new HubRefusal(status, words, fix ?? fixFor(status), errors);
}

function fixFor(status: number): string {
  if (status === 401)
    return "check --token, FAIRLEAD_API_TOKEN, or the token in .fairlead/cli.json; or sign in again with `fairlead login`";
  if (status === 403) return "ask for the right, or use a token that has it";
  if (status === 404) return "`fairlead get` shows what there is; --project names another project";
  if (status === 409) return "do what the message says, then try again";
  return "correct what is named, and try again";
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON fits no schema: the caller tells so.
    return undefined;
  }
}

function parse<T extends z.ZodType>(to: Connection, schema: T, text: string): z.infer<T> {
  const parsed = schema.safeParse(json(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CliError(
    `${to.server} answers in a shape that this CLI does not know (${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""})`,
    "use the CLI of the hub's version: `fairlead version` names this one",
  );
}
