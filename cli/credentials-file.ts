/**
 * What `fairlead login` keeps, by server: `$XDG_CONFIG_HOME/fairlead/credentials.json`, readable by its owner alone and
 * renamed into place, so that it is there whole or not at all.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";
import { CliError } from "./errors.ts";
import type { Io } from "./io.ts";

const loginSchema = z.discriminatedUnion("kind", [
  /** Its id and project, so that a logout can revoke it. */
  z.object({
    kind: z.literal("api-token"),
    token: z.string(),
    id: z.string(),
    project: z.string(),
    expiresAt: z.number(),
  }),
  /** Issuer and client as they were at the sign-in: a refresh token goes nowhere else, whatever the hub says later. */
  z.object({
    kind: z.literal("oidc"),
    issuer: z.string(),
    clientId: z.string(),
    idToken: z.string(),
    refreshToken: z.string().optional(),
    expiresAt: z.number(),
  }),
]);
export type Login = z.infer<typeof loginSchema>;
export type OidcLogin = Extract<Login, { kind: "oidc" }>;

const fileSchema = z.object({
  /** The server of the last sign-in: meant where no other is named. */
  current: z.string().optional(),
  servers: z.record(z.string(), loginSchema).default({}),
});

export interface Logins extends z.infer<typeof fileSchema> {
  path: string;
}

/** Nothing is kept where there is no file, or no home to have it in. */
export async function readLogins(io: Io): Promise<Logins> {
  const path = pathOf(io);
  const text = path === undefined ? undefined : await readIfThere(path);
  if (path === undefined || text === undefined) return { servers: {}, path: path ?? "" };
  try {
    return { ...fileSchema.parse(JSON.parse(text)), path };
  } catch {
    throw new CliError(`${path} cannot be read`, "remove it, and sign in again with `fairlead login`");
  }
}

/** A sign-in makes its server the current one; renewing what was kept does not. */
export async function keepLogin(
  server: string,
  login: Login,
  io: Io,
  { renewed = false }: { renewed?: boolean } = {},
): Promise<string> {
  const { servers, current } = await readLogins(io);
  const next = renewed ? current : server;
  return write(io, {
    ...(next === undefined ? {} : { current: next }),
    servers: { ...servers, [server]: login },
  });
}

export async function forgetLogin(server: string, io: Io): Promise<void> {
  const { servers, current } = await readLogins(io);
  const { [server]: _, ...rest } = servers;
  await write(io, { ...(current === undefined || current === server ? {} : { current }), servers: rest });
}

async function write(io: Io, content: z.infer<typeof fileSchema>): Promise<string> {
  const path = pathOf(io);
  if (path === undefined)
    throw new CliError("there is no folder to keep the sign-in in", "set XDG_CONFIG_HOME, or HOME");
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const beside = `${path}.${randomBytes(4).toString("hex")}`;
  try {
    await writeFile(beside, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
    await rename(beside, path);
  } finally {
    await rm(beside, { force: true });
  }
  return path;
}

function pathOf({ env }: Io): string | undefined {
  const home = env["HOME"] ?? env["USERPROFILE"] ?? "";
  const config = env["XDG_CONFIG_HOME"] ?? "";
  if (config === "" && home === "") return undefined;
  return join(config === "" ? join(home, ".config") : config, "fairlead", "credentials.json");
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
