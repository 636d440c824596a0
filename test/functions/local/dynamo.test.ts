import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateTableCommand, DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { describe, expect, it, onTestFinished } from "vitest";
import { localDynamoConfig, startDynoxide } from "../../../functions/local/dynamo.ts";
import { dynamoConformance } from "../../conformance/dynamo.ts";
import { dynamoEngines } from "../../support/dynamo.ts";

describe.each(dynamoEngines)("$name", (engine) => {
  dynamoConformance(() => engine.start());
});

describe("startDynoxide", () => {
  it("keeps the table over a restart, on loopback only", async () => {
    const dataFile = await newDataFile();
    const first = await startDynoxide({ dataFile });
    expect(new URL(first.endpoint).hostname).toBe("127.0.0.1");
    await new DynamoDBClient(localDynamoConfig(first.endpoint)).send(
      new CreateTableCommand({
        TableName: "kept",
        BillingMode: "PAY_PER_REQUEST",
        KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
      }),
    );
    await first.stop();
    const second = await startDynoxide({ dataFile });
    onTestFinished(() => second.stop());
    const { TableNames } = await new DynamoDBClient(localDynamoConfig(second.endpoint)).send(
      new ListTablesCommand(),
    );
    expect(TableNames).toEqual(["kept"]);
  });

  it("refuses a fixed port that is taken, naming it", async () => {
    const first = await startDynoxide({ dataFile: await newDataFile() });
    onTestFinished(() => first.stop());
    const port = Number(new URL(first.endpoint).port);
    await expect(startDynoxide({ dataFile: await newDataFile(), port })).rejects.toThrow(
      `Dynoxide on port ${port}`,
    );
  });
});

async function newDataFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-dynamo-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "table.db");
}
