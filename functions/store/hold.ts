/**
 * What holds a cluster. Beside its line stands who said so; the heartbeat's item carries what was said, so that who
 * decides on a cluster's turn reads it together with when it was heard. Both change together or not at all.
 */
import * as z from "zod";
import { stampSchema, type Stamp } from "#core/actor.ts";
import { clusterHoldSchema, type ClusterHold } from "#core/hold.ts";
import { attributesOf, type Db } from "./db.ts";
import { keys } from "./table.ts";

const heldSchema = clusterHoldSchema.extend({
  project: z.string(),
  cluster: z.string(),
  version: z.number().int(),
  stamp: stampSchema,
  /** Of the agent's message that `agent` comes from. */
  seq: z.number().int().optional(),
});
type Held = z.infer<typeof heldSchema>;

export async function getHold(db: Db, project: string, cluster: string): Promise<Held | undefined> {
  const item = await db.get(keys.hold(project, cluster), { consistent: true });
  return item === undefined ? undefined : heldSchema.parse(item);
}

/** `was` is what was read; whoever wrote meanwhile wins. */
export async function putHold(
  db: Db,
  { project, cluster }: { project: string; cluster: string },
  change: ClusterHold & { seq?: number | undefined; stamp: Stamp },
  was: Held | undefined,
): Promise<"written" | "lost"> {
  const { person, agent, seq, stamp } = change;
  const holds: ClusterHold = {
    ...(person === undefined ? {} : { person }),
    ...(agent === undefined ? {} : { agent }),
  };
  const version = (was?.version ?? 0) + 1;
  const number = seq === undefined ? {} : { seq };
  return db.transact([
    {
      Put: {
        TableName: db.table,
        Item: { ...keys.hold(project, cluster), project, cluster, version, stamp, ...number, ...holds },
        ...(was === undefined
          ? { ConditionExpression: "attribute_not_exists(pk)" }
          : {
              ConditionExpression: "#version = :was",
              ...attributesOf({ text: "", names: { version: "version" }, values: { was: was.version } }),
            }),
      },
    },
    {
      Update: {
        TableName: db.table,
        Key: keys.beat(project, cluster),
        // A cluster may be held before it was ever heard.
        UpdateExpression:
          "SET #cluster = :cluster, #holds = :holds, #heardAt = if_not_exists(#heardAt, :never)",
        ...attributesOf({
          text: "",
          names: { cluster: "cluster", holds: "holds", heardAt: "heardAt" },
          values: { cluster, holds, never: 0 },
        }),
      },
    },
  ]);
}

/** With the cluster; its heartbeat goes too. */
export async function deleteHold(db: Db, project: string, cluster: string): Promise<void> {
  await db.delete(keys.hold(project, cluster));
}
