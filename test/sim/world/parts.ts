/** What one function of the hub is given: the table behind its own parking place, objects, a signer, a renderer, a clock. */
import { generateKeyPairSync, sign } from "node:crypto";
import { canonicalJson, sha256 } from "#core/digest.ts";
import { kubeObjectSchema } from "#core/object.ts";
import type { ObjectStore } from "../../../functions/objects/port.ts";
import type { ReleaseDeps } from "../../../functions/release/look.ts";
import type { SourceDeps } from "../../../functions/release/poll-source.ts";
import type { StatementSigner } from "../../../functions/release/sign.ts";
import type { Renderer } from "../../../functions/render/render.ts";

export type HubDeps = ReleaseDeps & SourceDeps;

/** The store of one simulation: content under its digest, so its order of writes says nothing. */
export function createObjects(): ObjectStore & { peek(key: string): unknown } {
  const held = new Map<string, Uint8Array>();
  return {
    put: async (key, bytes) => {
      if (held.has(key)) return "exists";
      held.set(key, Uint8Array.from(bytes));
      return "stored";
    },
    get: async (key) => held.get(key),
    renew: async (key) => (held.has(key) ? "young" : "absent"),
    peek: (key) => JSON.parse(new TextDecoder().decode(held.get(key))) as unknown,
    list: () => unused("list"),
    delete: () => unused("delete"),
  };
}

/** Whatever a rollout never does. */
function unused(what: string): never {
  throw new Error(`the simulation asks for ${what}, which it has not got`);
}

const { privateKey } = generateKeyPairSync("ed25519");
const HEADER = Buffer.from(JSON.stringify({ alg: "EdDSA", typ: "statement", kid: "sim" })).toString(
  "base64url",
);

/** A real key, used at once: the port's other signers wait for a thread. */
export const signer: StatementSigner = {
  kid: "sim",
  sign: async (statement) => {
    const signed = `${HEADER}.${Buffer.from(canonicalJson(statement)).toString("base64url")}`;
    return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString("base64url")}`;
  },
};

/** Every file of a folder is one object, as JSON. */
export const renderer: Renderer = {
  render: async ({ files, path }) => {
    const inside = [...files].filter(([file]) => file.startsWith(`${path}/`));
    const objects = inside.map(([, bytes]) =>
      kubeObjectSchema.parse(JSON.parse(new TextDecoder().decode(bytes))),
    );
    const found = Object.fromEntries(inside.map(([file, bytes]) => [file, sha256(bytes)]));
    return { kind: "rendered", objects, reads: { found, listed: {} } };
  },
  rego: () => unused("rego"),
  close: async () => {},
};
