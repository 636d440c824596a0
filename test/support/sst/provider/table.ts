/** A table with its stream, age and copies. */
import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
  waitUntilTableNotExists,
  type StreamViewType,
} from "@aws-sdk/client-dynamodb";
import { gone, kind } from "./kind.ts";

const dynamo = new DynamoDBClient();
const WAIT = { client: dynamo, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };

interface Table {
  name: string;
  attributes: { name: string; type: "S" | "N" | "B" }[];
  hashKey: string;
  rangeKey: string;
  streamViewType: StreamViewType;
  deletionProtectionEnabled: boolean;
  pointInTimeRecovery: { enabled: boolean };
  ttl: { attributeName: string; enabled: boolean };
}

export const dynamoTable = kind<Table>({
  names: ["name", "attributes", "hashKey", "rangeKey", "streamViewType", "ttl"],
  create: async (inputs) => {
    const TableName = inputs.name;
    await dynamo.send(
      new CreateTableCommand({
        TableName,
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: inputs.attributes.map(({ name, type }) => ({
          AttributeName: name,
          AttributeType: type,
        })),
        KeySchema: [
          { AttributeName: inputs.hashKey, KeyType: "HASH" },
          { AttributeName: inputs.rangeKey, KeyType: "RANGE" },
        ],
        StreamSpecification: { StreamEnabled: true, StreamViewType: inputs.streamViewType },
        DeletionProtectionEnabled: inputs.deletionProtectionEnabled,
      }),
    );
    const { reason } = await waitUntilTableExists(WAIT, { TableName });
    const { attributeName: AttributeName, enabled: Enabled } = inputs.ttl;
    await dynamo.send(
      new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: { AttributeName, Enabled } }),
    );
    await keepCopies(inputs);
    const { Table } = reason as { Table: { TableArn: string; LatestStreamArn: string } };
    return { id: TableName, outs: { arn: Table.TableArn, streamArn: Table.LatestStreamArn } };
  },
  update: async (TableName, inputs) => {
    const DeletionProtectionEnabled = inputs.deletionProtectionEnabled;
    await dynamo.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled }));
    await keepCopies(inputs);
    return {};
  },
  remove: async (TableName) => {
    await gone(dynamo.send(new DeleteTableCommand({ TableName })), "ResourceNotFoundException");
    await waitUntilTableNotExists(WAIT, { TableName });
  },
});

async function keepCopies({ name: TableName, pointInTimeRecovery }: Table): Promise<void> {
  const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: pointInTimeRecovery.enabled };
  await dynamo.send(new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification }));
}
