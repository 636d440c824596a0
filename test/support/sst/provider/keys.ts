/** Keys of KMS and who may use them. */
import {
  CreateKeyCommand,
  GetKeyPolicyCommand,
  KMSClient,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
  type KeySpec,
  type KeyUsageType,
} from "@aws-sdk/client-kms";
import { gone, kind } from "./kind.ts";

const kms = new KMSClient();
/** Of a key that waits for its end, and of one that has met it. */
const GONE = ["KMSInvalidStateException", "NotFoundException"];

interface Key {
  description: string;
  customerMasterKeySpec: KeySpec;
  keyUsage: KeyUsageType;
  deletionWindowInDays: number;
}

export const key = kind<Key>({
  names: ["customerMasterKeySpec", "keyUsage"],
  create: async ({ description: Description, customerMasterKeySpec: KeySpec, keyUsage: KeyUsage }) => {
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description, KeySpec, KeyUsage }));
    const { KeyId: keyId = "", Arn: arn } = KeyMetadata ?? {};
    return { id: keyId, outs: { arn, keyId } };
  },
  remove: (KeyId, { deletionWindowInDays: PendingWindowInDays }) =>
    gone(kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays })), ...GONE),
});

interface KeyPolicy {
  keyId: string;
  policy: string;
}

async function putPolicy({ keyId: KeyId, policy: Policy }: KeyPolicy): Promise<void> {
  await kms.send(new PutKeyPolicyCommand({ KeyId, PolicyName: "default", Policy }));
}

export const keyPolicy = kind<KeyPolicy>({
  names: ["keyId"],
  create: async (inputs) => {
    const { Policy: before } = await kms.send(
      new GetKeyPolicyCommand({ KeyId: inputs.keyId, PolicyName: "default" }),
    );
    await putPolicy(inputs);
    return { id: inputs.keyId, outs: { before } };
  },
  update: async (_id, inputs) => {
    await putPolicy(inputs);
    return {};
  },
  // A key has always one: the one of before is put back, which is what the provider that this stands in for does too.
  remove: (keyId, state) => gone(putPolicy({ keyId, policy: beforeOf(state) }), ...GONE),
});

function beforeOf(state: object): string {
  return "before" in state && typeof state.before === "string" ? state.before : "";
}
