/**
 * A statement: what the hub signs for one placement. The agent obeys statements and nothing else, so every
 * option that changes what it does stands in here, and `judgeStatement` looks at every field before a byte is used.
 */
import * as z from "zod";
import { orderedSyncSchema } from "./app.ts";
import { bundleRefSchema } from "./bundle.ts";
import { assertNever } from "./assert.ts";
import { nameSchema } from "./metadata.ts";
import { accountOf, serviceAccountSchema, type ServiceAccount } from "./service-account.ts";

const orderSchema = z.discriminatedUnion("action", [
  z.object({
    action: z.literal("apply"),
    bundle: bundleRefSchema,
    namespace: nameSchema,
    sync: orderedSyncSchema,
    /** The most objects the agent may delete to reach this bundle. */
    pruneLimit: z.number().int().nonnegative(),
  }),
  z.object({
    action: z.literal("remove"),
    deletion: z.enum(["delete", "orphan"]),
    pruneLimit: z.number().int().nonnegative(),
    /** With its namespace. */
    serviceAccount: serviceAccountSchema.optional(),
  }),
]);

export const statementSchema = z.object({
  hub: z.string().min(1).max(64),
  epoch: z.number().int().positive(),
  project: nameSchema,
  cluster: nameSchema,
  app: nameSchema,
  release: z.number().int().positive(),
  generation: z.number().int().positive(),
  /** The lowest release this App may go back to; only ever grows. */
  floor: z.number().int().positive(),
  /** What the order was made of, for people to read; absent: a hub from before. */
  source: z.object({ commit: z.string().min(1).max(64) }).optional(),
  order: orderSchema,
});
export type Statement = z.infer<typeof statementSchema>;

/** Whose rights the order is carried out with; undefined: the agent's own. */
export function accountIn({ order }: Statement): ServiceAccount | undefined {
  const applies = order.action === "apply";
  const account = applies ? order.sync.serviceAccount : order.serviceAccount;
  return account === undefined ? undefined : accountOf(account, applies ? order.namespace : "");
}

/** Who the agent is, and the epoch that its hub's charter certifies. */
export interface Bearer {
  hub: string;
  epoch: number;
  project: string;
  cluster: string;
}

/** What the agent holds already for the App. `digest` is of the whole statement. */
export interface Held {
  epoch: number;
  generation: number;
  floor: number;
  digest: string;
}

export type RefusalCode =
  | "other-hub"
  | "other-epoch"
  | "other-cluster"
  | "other-app"
  | "older-generation"
  | "same-generation-changed"
  | "below-floor";

export type Judgement =
  | { kind: "accepted" }
  | { kind: "unchanged" }
  | { kind: "refused"; code: RefusalCode; message: string };

/** `app` is the App under which the assignment came; `digest` is of the statement at hand. */
export function judgeStatement(
  statement: Statement,
  app: string,
  digest: string,
  bearer: Bearer,
  held: Held | undefined,
): Judgement {
  const misdirected = judgeAddress(statement, app, bearer);
  if (misdirected !== undefined) return misdirected;
  if (held === undefined) return { kind: "accepted" };
  const order = compareGenerations(statement, held);
  switch (order) {
    case "older":
      return refuse(
        "older-generation",
        `generation ${at(statement)} is behind ${at(held)}, which this cluster already holds; a restored hub opens a new epoch`,
      );
    case "same":
      return digest === held.digest
        ? { kind: "unchanged" }
        : refuse("same-generation-changed", `generation ${at(statement)} came before with other content`);
    case "newer":
      // A statement of a new epoch was signed after it was opened; the hub may have forgotten releases before it.
      return statement.epoch === held.epoch && statement.release < held.floor
        ? refuse("below-floor", `release ${statement.release} is below the floor ${held.floor}`)
        : { kind: "accepted" };
    default:
      return assertNever(order);
  }
}

function judgeAddress(statement: Statement, app: string, bearer: Bearer): Judgement | undefined {
  if (statement.hub !== bearer.hub)
    return refuse("other-hub", `signed for hub ${statement.hub}, not ${bearer.hub}`);
  if (statement.epoch !== bearer.epoch)
    return refuse("other-epoch", `epoch ${statement.epoch} is not the certified epoch ${bearer.epoch}`);
  if (statement.project !== bearer.project || statement.cluster !== bearer.cluster)
    return refuse(
      "other-cluster",
      `signed for cluster ${statement.project}/${statement.cluster}, not ${bearer.project}/${bearer.cluster}`,
    );
  if (statement.app !== app) return refuse("other-app", `signed for App ${statement.app}, sent as ${app}`);
  return undefined;
}

type Generation = Pick<Statement, "epoch" | "generation">;

/** (epoch, n) in order: a new epoch outranks every n of the one before. */
export function compareGenerations(a: Generation, b: Generation): "older" | "same" | "newer" {
  const difference = a.epoch - b.epoch || a.generation - b.generation;
  return difference === 0 ? "same" : difference < 0 ? "older" : "newer";
}

function at(generation: Generation): string {
  return `${generation.epoch}.${generation.generation}`;
}

function refuse(code: RefusalCode, message: string): Judgement {
  return { kind: "refused", code, message };
}
