/**
 * The rights that functions are given one by one: named actions on named resources, never a wildcard action. What a
 * function may read or write of the bucket is told by the first part of an object's name (`functions/release/content.ts`).
 */
import { bus, deadLetters } from "./bus.ts";
import { objects } from "./objects.ts";
import { packaged } from "./package.ts";
import { place } from "./regions.ts";
import { table } from "./table.ts";

type Folder = "apis" | "bundles" | "reads" | "trees" | "targets" | "charts" | "drift-audits" | "audit-log";

export const readTable = {
  actions: ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"],
  resources: [table.arn],
};
/** Puts and updates: for functions that never remove a row. */
export const writeTable = { actions: ["dynamodb:PutItem", "dynamodb:UpdateItem"], resources: [table.arn] };
/** Of a row that a transaction leaves as it is. */
export const checkRows = { actions: ["dynamodb:ConditionCheckItem"], resources: [table.arn] };
export const deleteRows = { actions: ["dynamodb:DeleteItem"], resources: [table.arn] };

export function readObjects(...folders: Folder[]) {
  return { actions: ["s3:GetObject"], resources: within(folders) };
}
export function writeObjects(...folders: Folder[]) {
  return { actions: ["s3:PutObject"], resources: within(folders) };
}
function within(folders: Folder[]) {
  return folders.map((folder) => $interpolate`${objects.arn}/${folder}/*`);
}
/** Versions one by one, as the garbage collection does; nothing else removes an object. */
export function deleteObjects(...folders: Folder[]) {
  return { actions: ["s3:DeleteObjectVersion"], resources: within(folders) };
}
export const listVersions = { actions: ["s3:ListBucketVersions"], resources: [objects.arn] };
/** Without it, S3 answers 403 instead of 404 for an object that is not there. */
export const listObjects = { actions: ["s3:ListBucket"], resources: [objects.arn] };
/** Lambda puts what failed aside with the rights of the function that failed. */
export const deadLetter = { actions: ["sqs:SendMessage"], resources: [deadLetters.arn] };
export const publish = { actions: ["events:PutEvents"], resources: [bus.arn] };

/** The hub's secret store: parameters below a prefix of its own, encrypted by the account's key for parameters. */
const secretsPrefix = `/fairlead/${$app.stage}`;
export const secretNames = { FAIRLEAD_SECRETS: secretsPrefix };
const { accountId } = aws.getCallerIdentityOutput({});
const { partition } = aws.getPartitionOutput({});
const { region } = aws.getRegionOutput({});
const secrets = [$interpolate`arn:${partition}:ssm:${region}:${accountId}:parameter${secretsPrefix}/*`];
export const readSecrets = { actions: ["ssm:GetParameter"], resources: secrets };
/** People store and delete credentials by the API; nothing else does. */
export const writeSecrets = { actions: ["ssm:PutParameter", "ssm:DeleteParameter"], resources: secrets };

/** What every function knows: names, no secrets. */
export const names = {
  FAIRLEAD_TABLE: table.name,
  FAIRLEAD_BUCKET: objects.name,
  ...(place.kind === "alone" ? {} : { FAIRLEAD_REGION: place.region }),
};

/** AWS's own three lines for each call cost more than an idle poll; what fails is told all the same. */
export const quiet = {
  function: (args: aws.lambda.FunctionArgs): undefined => {
    args.loggingConfig = $output(args.loggingConfig).apply((config) => ({
      ...config,
      logFormat: "JSON",
      systemLogLevel: "WARN",
    }));
  },
};

/** Small functions on arm64: cheaper for the same work, and nothing here is bound to x64. */
export const small = {
  runtime: "nodejs24.x" as const,
  architecture: "arm64" as const,
  // Mostly waiting for table and bucket; below this, a cold start takes seconds of shared processor.
  memory: "512 MB" as const,
  // Longer than any answer that somebody waits for.
  timeout: "30 seconds" as const,
  nodejs: packaged,
  logging: { format: "json" as const },
  transform: quiet,
};
