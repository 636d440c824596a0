/** A stream record as plain data: what kind of item, how it was, how it is. */
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { DynamoDBRecord } from "aws-lambda";
import { kindOf, type ItemKind } from "../store/table.ts";
import type { Item } from "../store/db.ts";

export interface Change {
  readonly kind: ItemKind;
  readonly before: Item | undefined;
  readonly after: Item | undefined;
}

/** Facts, audit log, timelines and rollouts each ask of every record: unpacked once, for all of them. */
const known = new WeakMap<DynamoDBRecord, Change | undefined>();

/** Undefined for items that nobody follows. */
export function changeOf(record: DynamoDBRecord): Change | undefined {
  if (!known.has(record)) known.set(record, unpacked(record));
  return known.get(record);
}

function unpacked({ dynamodb }: DynamoDBRecord): Change | undefined {
  const key = plain(dynamodb?.Keys) as { pk: string; sk: string } | undefined;
  const kind = key === undefined ? undefined : kindOf(key);
  if (kind === undefined) return undefined;
  return { kind, before: plain(dynamodb?.OldImage), after: plain(dynamodb?.NewImage) };
}

// Lambda's types and the SDK's name the same JSON.
function plain(image: unknown): Item | undefined {
  return image === undefined ? undefined : unmarshall(image as Record<string, AttributeValue>);
}
