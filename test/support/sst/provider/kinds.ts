/** Every type of resource that `infra/` comes to by SST; another one is told by name. */
import { randomBytes } from "node:crypto";
import { eventBus, eventRule, eventTarget, logGroup, queue, schedule } from "./bus.ts";
import { role } from "./iam.ts";
import { key, keyPolicy } from "./keys.ts";
import { kind, type Kind } from "./kind.ts";
import { eventInvokeConfig, eventSourceMapping, functionUrl, lambdaFunction, permission } from "./lambda.ts";
import { bucket, bucketObject, bucketPolicy, bucketPublicAccessBlock, bucketVersioning } from "./objects.ts";
import { dynamoTable } from "./table.ts";

const bytes = kind<{ length: number }>({
  names: ["length"],
  create: ({ length }) => {
    const made = randomBytes(length);
    const outs = { base64: made.toString("base64"), hex: made.toString("hex") };
    return Promise.resolve({ id: outs.hex.slice(0, 8), outs });
  },
  remove: () => Promise.resolve(),
});

const kinds: Readonly<Record<string, Kind>> = {
  "aws:cloudwatch/eventBus:EventBus": eventBus,
  "aws:cloudwatch/eventRule:EventRule": eventRule,
  "aws:cloudwatch/eventTarget:EventTarget": eventTarget,
  "aws:cloudwatch/logGroup:LogGroup": logGroup,
  "aws:dynamodb/table:Table": dynamoTable,
  "aws:iam/role:Role": role,
  "aws:kms/key:Key": key,
  "aws:kms/keyPolicy:KeyPolicy": keyPolicy,
  "aws:lambda/eventSourceMapping:EventSourceMapping": eventSourceMapping,
  "aws:lambda/function:Function": lambdaFunction,
  "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": eventInvokeConfig,
  "aws:lambda/functionUrl:FunctionUrl": functionUrl,
  "aws:lambda/permission:Permission": permission,
  "aws:s3/bucket:Bucket": bucket,
  "aws:s3/bucketObjectv2:BucketObjectv2": bucketObject,
  "aws:s3/bucketPolicy:BucketPolicy": bucketPolicy,
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": bucketPublicAccessBlock,
  "aws:s3/bucketVersioning:BucketVersioning": bucketVersioning,
  "aws:scheduler/schedule:Schedule": schedule,
  "aws:sqs/queue:Queue": queue,
  "random:index/randomBytes:RandomBytes": bytes,
};

export function kindOf(type: string): Kind {
  const found = kinds[type];
  if (found === undefined)
    throw new Error(`the provider of the test does not know ${type}: teach it in test/support/sst/provider`);
  return found;
}
