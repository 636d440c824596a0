/**
 * A stream record of the DynamoDB Streams API in the shape that Lambda's event source mapping hands to a handler,
 * so that one handler serves both: binary values as base64, times in seconds.
 */
import { isDeepStrictEqual } from "node:util";
import type { _Record, AttributeValue } from "@aws-sdk/client-dynamodb-streams";
import type { AttributeValue as LambdaValue, DynamoDBRecord } from "aws-lambda";

export interface SequencedRecord {
  sequence: string;
  record: DynamoDBRecord;
}

/** Throws when the record lacks what every stream record carries. */
export function toLambdaRecord(record: _Record, streamArn: string): SequencedRecord {
  const { eventID, eventName, dynamodb } = record;
  const sequence = dynamodb?.SequenceNumber;
  if (eventID === undefined || eventName === undefined || sequence === undefined) {
    throw new Error(`a record of ${streamArn} has no eventID, eventName or SequenceNumber`);
  }
  return {
    sequence,
    record: {
      eventID,
      eventName,
      eventVersion: record.eventVersion ?? "1.1",
      eventSource: "aws:dynamodb",
      eventSourceARN: streamArn,
      awsRegion: record.awsRegion ?? "local",
      dynamodb: {
        ...images(dynamodb),
        SequenceNumber: sequence,
        SizeBytes: dynamodb?.SizeBytes ?? 0,
        StreamViewType: dynamodb?.StreamViewType ?? "NEW_AND_OLD_IMAGES",
        ...(dynamodb?.ApproximateCreationDateTime && {
          ApproximateCreationDateTime: dynamodb.ApproximateCreationDateTime.getTime() / 1000,
        }),
      },
    },
  };
}

/** AWS writes no record for a write that changes nothing; an engine that does is put right here. */
export function changesNothing(record: _Record): boolean {
  const { OldImage, NewImage } = record.dynamodb ?? {};
  return record.eventName === "MODIFY" && OldImage !== undefined && isDeepStrictEqual(OldImage, NewImage);
}

function images(
  dynamodb: _Record["dynamodb"],
): Pick<NonNullable<DynamoDBRecord["dynamodb"]>, "Keys" | "NewImage" | "OldImage"> {
  return {
    ...(dynamodb?.Keys && { Keys: toLambdaMap(dynamodb.Keys) }),
    ...(dynamodb?.NewImage && { NewImage: toLambdaMap(dynamodb.NewImage) }),
    ...(dynamodb?.OldImage && { OldImage: toLambdaMap(dynamodb.OldImage) }),
  };
}

function toLambdaMap(map: Record<string, AttributeValue>): Record<string, LambdaValue> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, toLambdaValue(value)]));
}

function toLambdaValue(value: AttributeValue): LambdaValue {
  if (value.B !== undefined) return { B: base64(value.B) };
  if (value.BS !== undefined) return { BS: value.BS.map(base64) };
  if (value.L !== undefined) return { L: value.L.map(toLambdaValue) };
  if (value.M !== undefined) return { M: toLambdaMap(value.M) };
  return value as LambdaValue;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
