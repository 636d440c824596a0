/** The local engine's stream: what a change costs does not grow with the changes before it, nor does the file for ever. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { localDynamoConfig, startDynoxide } from "../../../functions/local/dynamo.ts";
import { tendStream } from "../../../functions/local/engine-file.ts";
import { ensureTable } from "../../../functions/local/table.ts";
import { createDb } from "../../../functions/store/db.ts";

const DAY_MS = 86_400_000;
const NUMBER = "CAST(sequence_number AS INTEGER)";
/** As they stand in the engine. */
const NEXT = `SELECT COALESCE(MAX(${NUMBER}), 0) + 1 AS next FROM _stream_records WHERE table_name = 'fairlead'`;
const AFTER = `SELECT new_image FROM _stream_records WHERE table_name = 'fairlead' AND shard_id = 'a' AND ${NUMBER} > 3 ORDER BY ${NUMBER} ASC LIMIT 9`;

const SEARCHED = /SEARCH _stream_records USING (COVERING )?INDEX/;

let dataFile: string;
beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-engine-file-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  dataFile = join(folder, "table.db");
});

async function write(count: number): Promise<void> {
  const engine = await startDynoxide({ dataFile });
  const client = new DynamoDBClient(localDynamoConfig(engine.endpoint));
  await ensureTable(client, "fairlead");
  const db = createDb(DynamoDBDocumentClient.from(client), "fairlead");
  for (let n = 0; n < count; n += 1) await db.put({ pk: "p", sk: String(n) });
  client.destroy();
  await engine.stop();
}

function ask(sql: string): Record<string, unknown>[] {
  const file = new DatabaseSync(dataFile);
  try {
    return file.prepare(sql).all();
  } finally {
    file.close();
  }
}

const planOf = (sql: string): string =>
  JSON.stringify(ask(`EXPLAIN QUERY PLAN ${sql}`).map((row) => row["detail"]));

describe(tendStream.name, () => {
  it("lets the engine find the next number, and what is behind a number, by an index", async () => {
    await write(3);
    expect(planOf(NEXT)).toMatch(SEARCHED);
    expect(planOf(AFTER)).toMatch(SEARCHED);
    expect(planOf(AFTER)).not.toContain("TEMP B-TREE");
  });

  it("lets go of what is older than a day, but for the newest, from which numbers go on", async () => {
    await write(3);
    const [before] = ask(NEXT);
    tendStream(dataFile, Date.now() + DAY_MS - 60_000);
    expect(ask("SELECT id FROM _stream_records")).toHaveLength(3);
    tendStream(dataFile, Date.now() + DAY_MS + 60_000);
    expect(ask("SELECT id FROM _stream_records")).toHaveLength(1);
    expect(ask(NEXT)).toEqual([before]);
    await write(1);
    expect(Number(ask(NEXT)[0]?.["next"])).toBeGreaterThan(Number(before?.["next"]));
  });

  it("leaves a file alone that keeps no such records", () => {
    ask("CREATE TABLE other (a)");
    tendStream(dataFile, Date.now());
    expect(ask("SELECT name FROM sqlite_master WHERE type = 'index'")).toEqual([]);
  });
});
