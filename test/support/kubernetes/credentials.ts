/**
 * Who may speak to a test cluster: an administrator, and users with no right but what a test grants by RBAC.
 * Tokens and keys are random per cluster, readable by their owner alone, and kept with a cluster's data.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Layout } from "./flags.ts";

export type User = { name: string; groups: readonly string[] };
export type Identity = { token: string; kubeconfigFile: string };

export const admin: User = { name: "admin", groups: ["system:masters"] };
/** Stands for a Fairlead agent whose rights a test sets. */
export const agent: User = { name: "agent", groups: ["fairlead:agents"] };

const ownerOnly = 0o600;

/** Writes the API server's token file and signing keys, or reads them where they stand; token by user name. */
export async function prepareCredentials(
  layout: Layout,
  users: readonly User[],
): Promise<Map<string, string>> {
  if (!existsSync(layout.signingKeyFile)) await writeKeys(layout);
  const tokens = existsSync(layout.tokensFile)
    ? await readTokens(layout.tokensFile)
    : new Map<string, string>();
  for (const user of users) {
    if (!tokens.has(user.name)) tokens.set(user.name, randomBytes(24).toString("base64url"));
  }
  const lines = users.map(
    (user) => `${tokens.get(user.name)},${user.name},${user.name},"${user.groups.join(",")}"\n`,
  );
  await writeFile(layout.tokensFile, lines.join(""), { mode: ownerOnly });
  return tokens;
}

/** Writes one kubeconfig per user and returns what each user needs to connect. */
export async function writeKubeconfigs(
  layout: Layout,
  cluster: string,
  url: string,
  tokens: ReadonlyMap<string, string>,
): Promise<Map<string, Identity>> {
  const identities = new Map<string, Identity>();
  for (const [user, token] of tokens) {
    const own = user === admin.name;
    const kubeconfigFile = own ? layout.kubeconfigFile : join(layout.folder, `kubeconfig-${user}`);
    // JSON is YAML that every reader takes alike: a bare `y` is a boolean to some.
    const text = JSON.stringify(kubeconfig({ cluster, url, user, token, caFile: layout.caFile }), null, 2);
    await writeFile(kubeconfigFile, text, { mode: ownerOnly });
    identities.set(user, { token, kubeconfigFile });
  }
  return identities;
}

function kubeconfig(at: { cluster: string; url: string; user: string; token: string; caFile: string }) {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: at.cluster, cluster: { server: at.url, "certificate-authority": at.caFile } }],
    users: [{ name: at.user, user: { token: at.token } }],
    contexts: [{ name: at.cluster, context: { cluster: at.cluster, user: at.user } }],
    "current-context": at.cluster,
  };
}

async function writeKeys(layout: Layout): Promise<void> {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  await writeFile(layout.publicKeyFile, publicKey.export({ type: "spki", format: "pem" }));
  const privatePem = privateKey.export({ type: "pkcs8", format: "pem" });
  await writeFile(layout.signingKeyFile, privatePem, { mode: ownerOnly });
}

async function readTokens(file: string): Promise<Map<string, string>> {
  const tokens = new Map<string, string>();
  for (const line of (await readFile(file, "utf8")).split("\n")) {
    const [token, user] = line.split(",");
    if (token && user) tokens.set(user, token);
  }
  return tokens;
}
