/** A stream record as plain data: what kind of item, how it was, how it is. */
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { DynamoDBRecord } from "aws-lambda";
import { kindOf, type ItemKind } from "../store/table.ts";
import type { Item } from "../store/db.ts";

export interface Change {
  kind: ItemKind;
  before: Item | undefined;
  after: Item | undefined;
}

/** Undefined for items that nobody follows. */
export function changeOf(record: DynamoDBRecord): Change | undefined {
  const key = plain(record.dynamodb?.Keys) as { pk: string; sk: string } | undefined;
  const kind = key === undefined ? undefined : kindOf(key);
  if (kind === undefined) return undefined;
  return { kind, before: plain(record.dynamodb?.OldImage), after: plain(record.dynamodb?.NewImage) };
}

// Lambda's types and the SDK's name the same JSON.
function plain(image: unknown): Item | undefined {
  return image === undefined ? undefined : unmarshall(image as Record<string, AttributeValue>);
}
