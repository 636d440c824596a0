/**
 * Which hub is meant, and with which proof: a flag outweighs the environment, which outweighs the nearest
 * `.fairlead/cli.json`, which outweighs what `fairlead login` has kept. A kept proof is never sent to another server than
 * the one it was made for.
 */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";
import { DEFAULT_PROJECT, nameSchema } from "#core/metadata.ts";
import { readLogins } from "./credentials-file.ts";
import { CliError, EXIT } from "./errors.ts";
import type { Io } from "./io.ts";
import { freshToken } from "./sign-in.ts";

export interface HubFlags {
  server?: string | undefined;
  token?: string | undefined;
  project?: string | undefined;
  reason?: string | undefined;
}

export interface Connection {
  /** Without a slash at its end. */
  server: string;
  /** Absent while nobody has signed in yet. */
  token: string | undefined;
  project: string;
  /** What named the server, for errors. */
  namedBy: string;
  /** Why its changes are made, for the audit log. */
  reason?: string | undefined;
}

const FILE = join(".fairlead", "cli.json");
const FOLDERS_MAX = 64;
const fileSchema = z.object({ server: z.string(), token: z.string() });
const START =
  "start one here with `npm start`, sign in to one with `fairlead login --server URL`, or name one with --server URL (FAIRLEAD_SERVER) and --token TOKEN (FAIRLEAD_API_TOKEN)";

export async function findConnection(flags: HubFlags, io: Io): Promise<Connection & { token: string }> {
  const project = projectOf(flags.project);
  const given = flags.token ?? io.env["FAIRLEAD_API_TOKEN"];
  const named = await findServer(flags, io, given !== undefined);
  const { server, namedBy } = named;
  const token = given ?? named.token ?? (await freshToken(server, io));
  if (token === undefined)
    throw new CliError(
      `no token is known for ${server}`,
      `sign in with \`fairlead login --server ${server}\`, give --token TOKEN, or set FAIRLEAD_API_TOKEN`,
    );
  return { server, token, project, namedBy, reason: flags.reason ?? io.env["FAIRLEAD_REASON"] };
}

/** A server to sign in to: no proof is asked for. */
export async function findServerOnly(flags: HubFlags, io: Io): Promise<Connection> {
  const { server, namedBy } = await findServer(flags, io, true);
  return { server, token: undefined, project: projectOf(flags.project), namedBy };
}

interface Named {
  server: string;
  namedBy: string;
  /** Of the nearest file, where that names this very server. */
  token?: string;
}

/** `hasToken`: a file need not be looked for when the server is given as well. */
async function findServer(flags: HubFlags, io: Io, hasToken: boolean): Promise<Named> {
  const given = flags.server ?? io.env["FAIRLEAD_SERVER"];
  const file = given !== undefined && hasToken ? undefined : await findFile(io.cwd);
  if (given !== undefined) {
    const server = serverOf(given);
    const namedBy = flags.server !== undefined ? "--server" : "FAIRLEAD_SERVER";
    const isFiles = file !== undefined && serverOf(file.server) === server;
    return { server, namedBy, ...(isFiles ? { token: file.token } : {}) };
  }
  if (file !== undefined) return { server: serverOf(file.server), namedBy: file.path, token: file.token };
  const { current, path } = await readLogins(io);
  if (current === undefined) throw new CliError("no hub is named", START);
  return { server: serverOf(current), namedBy: path };
}

function projectOf(flag: string | undefined): string {
  const name = nameSchema.safeParse(flag ?? DEFAULT_PROJECT);
  if (name.success) return name.data;
  throw new CliError(
    `--project ${name.error.issues[0]?.message ?? "is no name"}`,
    "give the name as it stands in metadata.project",
    EXIT.usage,
  );
}

function serverOf(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw new CliError(
      `"${text}" is no http(s) URL of a hub`,
      "write it like http://127.0.0.1:4170",
      EXIT.usage,
    );
  return text.replace(/\/+$/, "");
}

async function findFile(cwd: string): Promise<(z.infer<typeof fileSchema> & { path: string }) | undefined> {
  let folder = cwd;
  for (let up = 0; up < FOLDERS_MAX; up += 1) {
    const path = join(folder, FILE);
    const text = await readFile(path, "utf8").catch(absent);
    if (text !== undefined) return { ...parseFile(path, text), path };
    if (dirname(folder) === folder) return undefined;
    folder = dirname(folder);
  }
  return undefined;
}

function parseFile(path: string, text: string): z.infer<typeof fileSchema> {
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch {
    throw new CliError(
      `${path} does not hold { "server", "token" }`,
      "start the local hub again with `npm start`: it writes the file anew",
    );
  }
}

function absent(error: unknown): undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT" || code === "ENOTDIR") return undefined;
  throw error;
}
