/** Who may do what in a deployment that was written down, and who may at most: one list for a hub, whatever its regions. */
import type { DumpedResource } from "./dump.ts";

interface Statement {
  actions: string[];
  resources: string[];
}
type Rights = Record<string, string[]>;

export const functionsOf = (resources: readonly DumpedResource[]): DumpedResource[] =>
  resources.filter(({ type }) => type === "aws:lambda/function:Function");
/** SST's own name of a function, without the ending of the Lambda resource. */
export const nameOf = ({ name }: DumpedResource): string => name.replace(/Function$/, "");

export function environmentOf({ inputs }: DumpedResource): Record<string, string> {
  return (inputs["environment"] as { variables: Record<string, string> }).variables;
}

export function statementsOf(resources: readonly DumpedResource[], roleName: string): Statement[] {
  const role = resources.find(({ type, name }) => type === "aws:iam/role:Role" && name === `${roleName}Role`);
  const policies = (role?.inputs["inlinePolicies"] ?? []) as { policy: string }[];
  return policies.flatMap(({ policy }) => JSON.parse(policy) as Statement[]);
}

/** `{ "s3:GetObject": ["bundles/*"] }`: each action with the last part of what it is allowed on. */
export function rightsOf(resources: readonly DumpedResource[], roleName: string): Rights {
  const rights: Rights = {};
  for (const { actions, resources: arns } of statementsOf(resources, roleName))
    for (const action of actions)
      rights[action] = [
        ...(rights[action] ?? []),
        ...arns.map((arn) => arn.split(":").slice(5).join(":")),
      ].sort();
  return rights;
}

const table = ["TableTable"];
const stream = ["TableTable/stream/1"];
const bucket = ["ObjectsBucket"];
const read = { "dynamodb:BatchGetItem": table, "dynamodb:GetItem": table, "dynamodb:Query": table };
const write = { "dynamodb:PutItem": table, "dynamodb:UpdateItem": table };
const remove = { "dynamodb:DeleteItem": table };
const list = { "s3:ListBucket": bucket };
const aside = { "sqs:SendMessage": ["DeadLettersQueue"] };
const follow = {
  "dynamodb:DescribeStream": stream,
  "dynamodb:GetRecords": stream,
  "dynamodb:GetShardIterator": stream,
  "dynamodb:ListStreams": stream,
};
const parameters = ["parameter/fairlead/check/*"];
const CONTENT = ["apis", "bundles", "charts", "reads", "targets", "trees"];
const inBucket = (...folders: string[]) => folders.map((folder) => `ObjectsBucket/${folder}/*`);
const release = {
  ...read,
  ...write,
  ...remove,
  "dynamodb:ConditionCheckItem": table,
  ...list,
  "s3:GetObject": inBucket("apis", "bundles", "charts", "reads", "targets", "trees"),
  "s3:PutObject": inBucket("bundles", "charts", "reads", "targets", "trees"),
  "ssm:GetParameter": parameters,
};
const relay = {
  ...follow,
  ...aside,
  ...read,
  ...write,
  "events:PutEvents": ["BusBus"],
  "s3:PutObject": inBucket("audit-log"),
};
const rolloutTick = {
  ...follow,
  ...aside,
  ...read,
  ...write,
  ...remove,
  ...list,
  "s3:GetObject": inBucket("targets"),
};

/** Of a hub with one region, by function. */
export function rightsAlone(signingKey: string): Record<string, Rights> {
  return {
    Agents: {
      ...read,
      ...write,
      ...list,
      "s3:GetObject": inBucket("apis", "bundles"),
      "s3:PutObject": inBucket("apis"),
    },
    Api: {
      ...read,
      ...write,
      ...remove,
      ...list,
      "s3:GetObject": inBucket("apis", "audit-log", "bundles", "drift-audits", "targets", "trees"),
      "s3:PutObject": inBucket("apis", "targets", "trees"),
      "lambda:InvokeFunction": ["PlanFunction"],
      "ssm:GetParameter": parameters,
      "ssm:PutParameter": parameters,
      "ssm:DeleteParameter": parameters,
    },
    TableSubscriberRelayFunction: relay,
    TableSubscriberRolloutTickFunction: rolloutTick,
    Release: { ...release, ...aside, "kms:GetPublicKey": [signingKey], "kms:Sign": [signingKey] },
    Plan: {
      ...read,
      ...list,
      "s3:GetObject": inBucket("apis", "bundles", "charts", "targets", "trees"),
    },
    CollectGarbageHandler: {
      ...read,
      ...remove,
      ...list,
      "s3:ListBucketVersions": bucket,
      "s3:DeleteObjectVersion": inBucket(...CONTENT),
      "s3:GetObject": inBucket(...CONTENT),
      "s3:PutObject": inBucket(...CONTENT),
    },
    Promote: {
      ...read,
      ...write,
      ...list,
      ...aside,
      "s3:GetObject": inBucket("bundles", "reads", "targets", "trees"),
      "ssm:GetParameter": parameters,
    },
    BusSubscriberAssignFunction: {
      ...read,
      ...write,
      ...list,
      ...aside,
      "s3:GetObject": inBucket("targets"),
    },
    BusSubscriberLookSourceFunction: {
      ...read,
      ...write,
      ...aside,
      ...list,
      "s3:GetObject": inBucket("trees"),
      "s3:PutObject": inBucket("trees"),
      "ssm:GetParameter": parameters,
    },
    BusSubscriberJudgeFunction: {
      ...read,
      ...write,
      ...remove,
      ...list,
      ...aside,
      "s3:GetObject": inBucket("bundles", "targets"),
      "ssm:GetParameter": parameters,
    },
    PollSourcesHandler: {
      ...read,
      ...write,
      ...list,
      "s3:GetObject": inBucket("trees"),
      "s3:PutObject": inBucket("trees"),
      "ssm:GetParameter": parameters,
    },
    SweepHandler: { ...read, ...write, ...remove, ...list, "s3:GetObject": inBucket("targets") },
    DriftAuditHandler: { ...read, ...write, "s3:PutObject": inBucket("drift-audits") },
  };
}

/** Of each region of a hub that has several: one function follows the stream, and does the work of two. */
export function rightsInRegion(signingKey: string): Record<string, Rights> {
  const { TableSubscriberRolloutTickFunction: _joined, ...others } = rightsAlone(signingKey);
  return { ...others, TableSubscriberRelayFunction: { ...relay, ...rolloutTick } };
}
