/** Functions, and what calls them: addresses, permissions, streams; and where their failures go. */
import {
  AddPermissionCommand,
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  CreateFunctionUrlConfigCommand,
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  DeleteFunctionConcurrencyCommand,
  DeleteFunctionEventInvokeConfigCommand,
  DeleteFunctionUrlConfigCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
  PutFunctionConcurrencyCommand,
  PutFunctionEventInvokeConfigCommand,
  RemovePermissionCommand,
  UpdateEventSourceMappingCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
  type AddPermissionCommandInput,
  type CreateEventSourceMappingCommandInput,
  type CreateFunctionCommandInput,
  type CreateFunctionUrlConfigCommandInput,
  type PutFunctionEventInvokeConfigCommandInput,
} from "@aws-sdk/client-lambda";
import { emulated } from "./filter.ts";
import { awsNames, gone, kind } from "./kind.ts";

const lambda = new LambdaClient();
const GONE = "ResourceNotFoundException";
const WAIT_S_MAX = 60;

interface Function {
  name: string;
  s3Bucket: string;
  s3Key: string;
  reservedConcurrentExecutions?: number;
}

function configurationOf({ name, s3Bucket, s3Key, reservedConcurrentExecutions: _own, ...rest }: Function) {
  const config = awsNames(rest) as Omit<CreateFunctionCommandInput, "FunctionName" | "Code">;
  return { config: { ...config, FunctionName: name }, code: { S3Bucket: s3Bucket, S3Key: s3Key } };
}

async function reserve({ name: FunctionName, reservedConcurrentExecutions }: Function): Promise<void> {
  const ReservedConcurrentExecutions = reservedConcurrentExecutions;
  if (ReservedConcurrentExecutions === undefined)
    await lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
  else await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions }));
}

async function settledFunction(name: string, change: "Active" | "Updated"): Promise<Record<string, unknown>> {
  const wait = change === "Active" ? waitUntilFunctionActiveV2 : waitUntilFunctionUpdatedV2;
  await wait({ client: lambda, maxWaitTime: WAIT_S_MAX, minDelay: 1, maxDelay: 1 }, { FunctionName: name });
  const { FunctionArn, CodeSha256 } = await lambda.send(
    new GetFunctionConfigurationCommand({ FunctionName: name }),
  );
  return {
    arn: FunctionArn,
    codeSha256: CodeSha256,
    qualifiedArn: `${FunctionArn}:$LATEST`,
    version: "$LATEST",
  };
}

export const lambdaFunction = kind<Function>({
  names: ["name"],
  create: async (inputs) => {
    const { config, code } = configurationOf(inputs);
    await lambda.send(new CreateFunctionCommand({ ...config, Code: code }));
    const outs = await settledFunction(inputs.name, "Active");
    await reserve(inputs);
    return { id: inputs.name, outs };
  },
  update: async (FunctionName, inputs) => {
    const { config, code } = configurationOf(inputs);
    const { Architectures, PackageType: _type, Publish: _publish, ...changeable } = config;
    await lambda.send(new UpdateFunctionConfigurationCommand(changeable));
    await settledFunction(FunctionName, "Updated");
    const architectures = Architectures === undefined ? {} : { Architectures };
    await lambda.send(new UpdateFunctionCodeCommand({ FunctionName, ...code, ...architectures }));
    await reserve(inputs);
    return settledFunction(FunctionName, "Updated");
  },
  remove: (FunctionName) => gone(lambda.send(new DeleteFunctionCommand({ FunctionName })), GONE),
});

interface Url {
  functionName: string;
  authorizationType: "NONE" | "AWS_IAM";
  invokeMode: "BUFFERED" | "RESPONSE_STREAM";
}

/** `FAIRLEAD_SST_URLS` has addresses by which people here reach a function, where AWS would make up one. */
function addressOf(name: string, made: string): string {
  const given = JSON.parse(process.env["FAIRLEAD_SST_URLS"] ?? "{}") as Record<string, string>;
  return given[name] ?? made;
}

export const functionUrl = kind<Url>({
  names: ["functionName"],
  create: async ({ functionName: FunctionName, authorizationType, invokeMode }, name) => {
    const input: CreateFunctionUrlConfigCommandInput = {
      FunctionName,
      AuthType: authorizationType,
      InvokeMode: invokeMode,
    };
    const { FunctionUrl = "", FunctionArn } = await lambda.send(new CreateFunctionUrlConfigCommand(input));
    const urlId = new URL(FunctionUrl).hostname.split(".")[0];
    return {
      id: FunctionName,
      outs: { functionUrl: addressOf(name, FunctionUrl), functionArn: FunctionArn, urlId },
    };
  },
  remove: (FunctionName) => gone(lambda.send(new DeleteFunctionUrlConfigCommand({ FunctionName })), GONE),
});

interface Permission {
  action: string;
  function: string;
  principal: string;
  sourceArn?: string;
  functionUrlAuthType?: "NONE" | "AWS_IAM";
  invokedViaFunctionUrl?: boolean;
}

export const permission = kind<Permission>({
  names: ["function", "action", "principal", "sourceArn", "functionUrlAuthType", "invokedViaFunctionUrl"],
  create: async ({ function: FunctionName, ...rest }, StatementId) => {
    const given = awsNames(rest) as Omit<AddPermissionCommandInput, "FunctionName" | "StatementId">;
    await lambda.send(new AddPermissionCommand({ FunctionName, StatementId, ...given }));
    return { id: StatementId, outs: { statementId: StatementId } };
  },
  remove: (StatementId, { function: FunctionName }) =>
    gone(lambda.send(new RemovePermissionCommand({ FunctionName, StatementId })), GONE),
});

interface Invoking {
  functionName: string;
}

const putInvoking = async (inputs: Invoking): Promise<Record<string, unknown>> => {
  await lambda.send(
    new PutFunctionEventInvokeConfigCommand(awsNames(inputs) as PutFunctionEventInvokeConfigCommandInput),
  );
  return {};
};

export const eventInvokeConfig = kind<Invoking>({
  names: ["functionName"],
  create: async (inputs) => ({ id: inputs.functionName, outs: await putInvoking(inputs) }),
  update: (_id, inputs) => putInvoking(inputs),
  remove: (FunctionName) =>
    gone(lambda.send(new DeleteFunctionEventInvokeConfigCommand({ FunctionName })), GONE),
});

interface Mapping {
  eventSourceArn: string;
  functionName: string;
  startingPosition: string;
  destinationConfig?: { onFailure: { destinationArn: string } };
  filterCriteria?: { filters: { pattern: string }[] };
}

function mappingOf(inputs: Mapping): CreateEventSourceMappingCommandInput {
  const { destinationConfig, filterCriteria, ...others } = inputs;
  const patterns = (filterCriteria?.filters ?? []).flatMap(({ pattern }) => emulated(pattern));
  const rest = { ...others, filterCriteria: { filters: patterns.map((pattern) => ({ pattern })) } };
  const Destination = destinationConfig?.onFailure.destinationArn;
  return {
    ...(awsNames(rest) as CreateEventSourceMappingCommandInput),
    ...(Destination === undefined ? {} : { DestinationConfig: { OnFailure: { Destination } } }),
  };
}

export const eventSourceMapping = kind<Mapping>({
  names: ["eventSourceArn", "startingPosition"],
  create: async (inputs) => {
    const { UUID = "", EventSourceMappingArn } = await lambda.send(
      new CreateEventSourceMappingCommand(mappingOf(inputs)),
    );
    return { id: UUID, outs: { uuid: UUID, arn: EventSourceMappingArn ?? UUID } };
  },
  update: async (UUID, inputs) => {
    const { EventSourceArn: _arn, StartingPosition: _position, ...changeable } = mappingOf(inputs);
    await lambda.send(new UpdateEventSourceMappingCommand({ ...changeable, UUID }));
    return {};
  },
  remove: (UUID) => gone(lambda.send(new DeleteEventSourceMappingCommand({ UUID })), GONE),
});
