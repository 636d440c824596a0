/** Roles, and the policy documents that SST writes for them. */
import { query } from "./signed.ts";
import { kind, gone } from "./kind.ts";

interface Role {
  name: string;
  assumeRolePolicy: string;
  inlinePolicies?: { name: string; policy: string }[];
  managedPolicyArns?: string[];
}

const call = (action: string, parameters: Record<string, string>): Promise<string> =>
  query("iam", action, parameters);

async function giveRights({ name, inlinePolicies = [], managedPolicyArns = [] }: Role): Promise<void> {
  for (const inline of inlinePolicies)
    await call("PutRolePolicy", {
      RoleName: name,
      PolicyName: inline.name,
      PolicyDocument: inline.policy,
    });
  for (const PolicyArn of managedPolicyArns) await call("AttachRolePolicy", { RoleName: name, PolicyArn });
}

async function takeRights({ name, inlinePolicies = [], managedPolicyArns = [] }: Role): Promise<void> {
  for (const inline of inlinePolicies)
    await gone(call("DeleteRolePolicy", { RoleName: name, PolicyName: inline.name }), "NoSuchEntity");
  for (const PolicyArn of managedPolicyArns)
    await gone(call("DetachRolePolicy", { RoleName: name, PolicyArn }), "NoSuchEntity");
}

export const role = kind<Role>({
  names: ["name"],
  create: async (inputs) => {
    const { name: RoleName, assumeRolePolicy: AssumeRolePolicyDocument } = inputs;
    const made = await call("CreateRole", { RoleName, AssumeRolePolicyDocument });
    await giveRights(inputs);
    return { id: RoleName, outs: { arn: /<Arn>(.+?)<\/Arn>/.exec(made)?.[1] ?? "" } };
  },
  update: async (RoleName, inputs, before) => {
    await call("UpdateAssumeRolePolicy", { RoleName, PolicyDocument: inputs.assumeRolePolicy });
    await takeRights(before);
    await giveRights(inputs);
    return {};
  },
  remove: async (RoleName, state) => {
    await takeRights(state);
    await gone(call("DeleteRole", { RoleName }), "NoSuchEntity");
  },
});

interface Statement {
  sid?: string;
  effect?: string;
  actions?: string[];
  resources?: string[];
  principals?: { type: string; identifiers: string[] }[];
  conditions?: { test: string; variable: string; values: string[] }[];
}

/** The document as JSON. */
export function policyDocument(statements: readonly Statement[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: statements.map(statementOf) });
}

function statementOf({ sid, effect, actions, resources, principals, conditions }: Statement): object {
  const anybody = principals?.some(({ type }) => type === "*");
  const named = Object.fromEntries((principals ?? []).map(({ type, identifiers }) => [type, identifiers]));
  return {
    ...(sid === undefined ? {} : { Sid: sid }),
    Effect: effect ?? "Allow",
    Action: actions,
    ...(resources === undefined ? {} : { Resource: resources }),
    ...(principals === undefined ? {} : { Principal: anybody === true ? "*" : named }),
    ...(conditions === undefined ? {} : { Condition: conditionOf(conditions) }),
  };
}

function conditionOf(conditions: NonNullable<Statement["conditions"]>): object {
  const tests: Record<string, Record<string, string[]>> = {};
  for (const { test, variable, values } of conditions) tests[test] = { ...tests[test], [variable]: values };
  return tests;
}
