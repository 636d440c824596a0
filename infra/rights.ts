/** The rights that functions are given one by one: named actions on named resources, never a wildcard action. */
import { bus } from "./bus.ts";
import { objects } from "./objects.ts";
import { table } from "./table.ts";

export const readTable = {
  actions: ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"],
  resources: [table.arn],
};
export const writeTable = {
  actions: ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
  resources: [table.arn],
};
export const readObjects = { actions: ["s3:GetObject"], resources: [$interpolate`${objects.arn}/*`] };
/** Without it, S3 answers 403 instead of 404 for an object that is not there. */
export const listObjects = { actions: ["s3:ListBucket"], resources: [objects.arn] };
export const writeObjects = { actions: ["s3:PutObject"], resources: [$interpolate`${objects.arn}/*`] };
export const publish = { actions: ["events:PutEvents"], resources: [bus.arn] };

/** What every function knows: names, no secrets. */
export const names = { FAIRLEAD_TABLE: table.name, FAIRLEAD_BUCKET: objects.name };

/** Small functions on arm64: cheaper for the same work, and nothing here is bound to x64. */
export const small = {
  runtime: "nodejs24.x" as const,
  architecture: "arm64" as const,
  memory: "512 MB" as const,
  timeout: "30 seconds" as const,
};
