/**
 * Which hub is meant, and with which token: a flag outweighs the environment, which outweighs the nearest
 * `.fairlead/cli.json`. A token from that file is never sent to another server than the file's own.
 */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { DEFAULT_PROJECT, nameSchema } from "#core/metadata.ts";
import { CliError, EXIT } from "./errors.ts";
import type { Io } from "./io.ts";

export interface HubFlags {
  server?: string | undefined;
  token?: string | undefined;
  project?: string | undefined;
}

export interface Connection {
  /** Without a slash at its end. */
  server: string;
  token: string;
  project: string;
  /** What named the server, for errors. */
  namedBy: string;
}

const FILE = join(".fairlead", "cli.json");
const FOLDERS_MAX = 64;
const fileSchema = z.object({ server: z.string(), token: z.string() });
const START =
  "start one here with `npm start`, or name one with --server URL (FAIRLEAD_SERVER) and --token TOKEN (FAIRLEAD_API_TOKEN)";

export async function findConnection(flags: HubFlags, io: Io): Promise<Connection> {
  const project = projectOf(flags.project);
  const given = flags.server ?? io.env["FAIRLEAD_SERVER"];
  const token = flags.token ?? io.env["FAIRLEAD_API_TOKEN"];
  const file = given !== undefined && token !== undefined ? undefined : await findFile(io.cwd);
  const server = serverOf(given ?? file?.server);
  const ofFile = file !== undefined && serverOf(file.server) === server ? file.token : undefined;
  const found = token ?? ofFile;
  if (found === undefined)
    throw new CliError(`no token is known for ${server}`, "give --token TOKEN, or set FAIRLEAD_API_TOKEN");
  const byFlag = flags.server !== undefined ? "--server" : "FAIRLEAD_SERVER";
  return { server, token: found, project, namedBy: given === undefined ? (file?.path ?? "") : byFlag };
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

function serverOf(text: string | undefined): string {
  if (text === undefined) throw new CliError("no hub is named", START);
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
