/** The bus with its rules and targets, schedules, the dead-letter queue, groups of logs. */
import {
  CreateEventBusCommand,
  DeleteEventBusCommand,
  DeleteRuleCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
  type PutRuleCommandInput,
  type Target,
} from "@aws-sdk/client-eventbridge";
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { awsNames, gone, kind } from "./kind.ts";
import { rest, targeted } from "./signed.ts";

const events = new EventBridgeClient();
const sqs = new SQSClient();
const GONE = "ResourceNotFoundException";

export const eventBus = kind<{ name: string }>({
  names: ["name"],
  create: async ({ name: Name }) => {
    const { EventBusArn } = await events.send(new CreateEventBusCommand({ Name }));
    return { id: Name, outs: { arn: EventBusArn } };
  },
  remove: (Name) => gone(events.send(new DeleteEventBusCommand({ Name })), GONE),
});

interface Rule {
  name: string;
  eventBusName: string;
}

const putRule = async (inputs: Rule): Promise<Record<string, unknown>> => {
  const { RuleArn } = await events.send(new PutRuleCommand(awsNames(inputs) as PutRuleCommandInput));
  return { arn: RuleArn };
};

export const eventRule = kind<Rule>({
  names: ["name", "eventBusName"],
  create: async (inputs) => ({ id: `${inputs.eventBusName}/${inputs.name}`, outs: await putRule(inputs) }),
  update: (_id, inputs) => putRule(inputs),
  remove: (_id, { name: Name, eventBusName: EventBusName }) =>
    gone(events.send(new DeleteRuleCommand({ Name, EventBusName })), GONE),
});

interface EventTarget {
  rule: string;
  eventBusName: string;
  targetId: string;
  arn: string;
}

const putTarget = async ({
  rule,
  eventBusName,
  targetId,
  ...inputs
}: EventTarget): Promise<Record<string, unknown>> => {
  const target = { ...(awsNames(inputs) as Omit<Target, "Id">), Id: targetId };
  await events.send(new PutTargetsCommand({ Rule: rule, EventBusName: eventBusName, Targets: [target] }));
  return {};
};

export const eventTarget = kind<EventTarget>({
  names: ["rule", "eventBusName", "targetId"],
  create: async (inputs) => ({ id: `${inputs.rule}-${inputs.targetId}`, outs: await putTarget(inputs) }),
  update: (_id, inputs) => putTarget(inputs),
  remove: (_id, { rule: Rule, eventBusName: EventBusName, targetId }) =>
    gone(events.send(new RemoveTargetsCommand({ Rule, EventBusName, Ids: [targetId] })), GONE),
});

interface Schedule {
  name: string;
}

const pathOf = (name: string): string => `/schedules/${name}`;
const inAwsNames = ({ name: _name, ...inputs }: Schedule): unknown => awsNames(inputs);

export const schedule = kind<Schedule>({
  names: ["name"],
  create: async (inputs) => {
    const made = await rest("scheduler", "POST", pathOf(inputs.name), inAwsNames(inputs));
    return { id: inputs.name, outs: { arn: (JSON.parse(made) as { ScheduleArn: string }).ScheduleArn } };
  },
  update: async (name, inputs) => {
    await rest("scheduler", "PUT", pathOf(name), inAwsNames(inputs));
    return {};
  },
  remove: (name) => gone(rest("scheduler", "DELETE", pathOf(name)), GONE),
});

interface Queue {
  name: string;
  delaySeconds: number;
  visibilityTimeoutSeconds: number;
  messageRetentionSeconds?: number;
}

function attributesOf({ delaySeconds, visibilityTimeoutSeconds, messageRetentionSeconds }: Queue) {
  return {
    DelaySeconds: String(delaySeconds),
    VisibilityTimeout: String(visibilityTimeoutSeconds),
    ...(messageRetentionSeconds === undefined
      ? {}
      : { MessageRetentionPeriod: String(messageRetentionSeconds) }),
  };
}

export const queue = kind<Queue>({
  names: ["name"],
  create: async (inputs) => {
    const { QueueUrl = "" } = await sqs.send(
      new CreateQueueCommand({ QueueName: inputs.name, Attributes: attributesOf(inputs) }),
    );
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }),
    );
    return { id: QueueUrl, outs: { arn: Attributes?.QueueArn, url: QueueUrl } };
  },
  update: async (QueueUrl, inputs) => {
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: attributesOf(inputs) }));
    return {};
  },
  remove: (QueueUrl) =>
    gone(
      sqs.send(new DeleteQueueCommand({ QueueUrl })),
      "QueueDoesNotExist",
      "AWS.SimpleQueueService.NonExistentQueue",
    ),
});

interface LogGroup {
  name: string;
  retentionInDays?: number;
}

const logs = (action: string, body: unknown): Promise<string> =>
  targeted("logs", `Logs_20140328.${action}`, body);

export const logGroup = kind<LogGroup>({
  names: ["name"],
  create: async ({ name: logGroupName, retentionInDays }) => {
    await logs("CreateLogGroup", { logGroupName });
    if (retentionInDays !== undefined && retentionInDays > 0)
      await logs("PutRetentionPolicy", { logGroupName, retentionInDays });
    const found = JSON.parse(await logs("DescribeLogGroups", { logGroupNamePrefix: logGroupName })) as {
      logGroups: { arn: string }[];
    };
    return { id: logGroupName, outs: { arn: found.logGroups[0]?.arn.replace(/:\*$/, "") } };
  },
  remove: (logGroupName) => gone(logs("DeleteLogGroup", { logGroupName }), GONE),
});
