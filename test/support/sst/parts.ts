/** What a test takes hold of in a deployment, past the product's own commands: single functions, the stream, the queue. */
import { DynamoDBClient, DescribeTableCommand } from "@aws-sdk/client-dynamodb";
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from "@aws-sdk/client-dynamodb-streams";
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { DynamoDBRecord } from "aws-lambda";
import { toLambdaRecord } from "../../../functions/local/stream-record.ts";
import { createDb, readAll } from "../../../functions/store/db.ts";
import { lists } from "../../../functions/store/table.ts";
import { clientConfig, type Deployment } from "./deployment.ts";

export interface DeployedParts {
  lambda: LambdaClient;
  /** By the part of its name that SST gives. */
  functionNamed(part: string): Promise<string>;
  /** The newest hundred records of the table. */
  streamRecords(): Promise<DynamoDBRecord[]>;
  /** The relay's answer to a batch. */
  relay(records: readonly DynamoDBRecord[]): Promise<unknown>;
  auditBatches(): Promise<number>;
  /** As Lambda writes it of a batch of the relay's that failed for good. */
  putAside(records: readonly DynamoDBRecord[]): Promise<void>;
  close(): void;
}

const RELAY = "TableSubscriberRelayFunctionFunction";

export async function partsOf(deployment: Deployment): Promise<DeployedParts> {
  const config = clientConfig(deployment.env);
  const { table, deadLetters } = await deployment.outputs();
  const lambda = new LambdaClient({ ...config, maxAttempts: 1 });
  const dynamo = new DynamoDBClient(config);
  const streams = new DynamoDBStreamsClient(config);
  const sqs = new SQSClient(config);
  const { Table } = await dynamo.send(new DescribeTableCommand({ TableName: table }));
  const StreamArn = Table?.LatestStreamArn ?? "";
  const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
  const ShardId = StreamDescription?.Shards?.[0]?.ShardId ?? "";
  const { Functions = [] } = await lambda.send(new ListFunctionsCommand({ MaxItems: 50 }));
  const found = Functions.map(({ FunctionName = "", FunctionArn = "" }) => ({ FunctionName, FunctionArn }));
  const one = (part: string) => {
    const named = found.find(({ FunctionName }) => FunctionName.includes(part));
    if (named === undefined) throw new Error(`no function ${part} among ${JSON.stringify(found)}`);
    return named;
  };
  return {
    lambda,
    functionNamed: (part) => Promise.resolve(one(part).FunctionName),
    streamRecords: async () => {
      const { ShardIterator } = await streams.send(
        new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: "TRIM_HORIZON" }),
      );
      const { Records = [] } = await streams.send(new GetRecordsCommand({ ShardIterator, Limit: 1000 }));
      return Records.slice(-100).map((record) => toLambdaRecord(record, StreamArn).record);
    },
    relay: async (Records) => {
      const FunctionName = one(RELAY).FunctionName;
      const answer = await lambda.send(
        new InvokeCommand({ FunctionName, Payload: JSON.stringify({ Records }) }),
      );
      return JSON.parse(new TextDecoder().decode(answer.Payload));
    },
    auditBatches: async () => {
      const db = createDb(DynamoDBDocumentClient.from(dynamo), table);
      return (await readAll(db, lists.logBatches("default"))).length;
    },
    putAside: async (records) => {
      const sequence = (record: DynamoDBRecord | undefined) => record?.dynamodb?.SequenceNumber ?? "";
      const letter = {
        requestContext: { functionArn: one(RELAY).FunctionArn, condition: "RetryAttemptsExhausted" },
        version: "1.0",
        DDBStreamBatchInfo: {
          shardId: ShardId,
          startSequenceNumber: sequence(records[0]),
          endSequenceNumber: sequence(records.at(-1)),
          batchSize: records.length,
          streamArn: StreamArn,
        },
      };
      await sqs.send(new SendMessageCommand({ QueueUrl: deadLetters, MessageBody: JSON.stringify(letter) }));
    },
    close: () => [lambda, dynamo, streams, sqs].forEach((client) => client.destroy()),
  };
}
