/**
 * The keys that sign statements: made by KMS, which never gives them out. The recovery key is not here: it stays offline.
 * The stage's `SigningKeys` lists them by number: the first signs, the others are kept for as long as they are named, so that a
 * rotation has both while agents learn of the new one (`docs/recovery.md`). KMS itself rotates no key that signs.
 */
const numbers = $util.unsecret(new sst.Secret("SigningKeys", "1").value);

const keys = numbers.apply((text) =>
  text.split(",").map((part) => {
    const number = part.trim();
    if (!/^[1-9]\d{0,3}$/.test(number))
      throw new Error(`SigningKeys is "${text}": it takes numbers of keys such as 1 or 2,1, the first signs`);
    const key = new aws.kms.Key(`SigningKey${number}`, {
      description: `Fairlead ${$app.stage}: signs statements, key ${number}`,
      customerMasterKeySpec: "ECC_NIST_EDWARDS25519",
      keyUsage: "SIGN_VERIFY",
      // The longest there is: until then a key that was dropped by mistake is brought back by a person.
      deletionWindowInDays: 30,
    });
    return { number, key };
  }),
);

/** ARNs in their order. */
export const signingKeys = keys.apply((all) => $util.all(all.map(({ key }) => key.arn)));

/** The key in use. Nobody else is given this right: no other file names the action. */
export const signingKey = signingKeys.apply(([first = ""]) => first);
export const sign = { actions: ["kms:Sign", "kms:GetPublicKey"], resources: [signingKey] };

/** What administrators of the account may do by their own policies: everything but sign, and let others sign. */
const KEEPING = [
  "kms:CancelKeyDeletion",
  "kms:DescribeKey",
  "kms:DisableKey",
  "kms:EnableKey",
  "kms:GetKeyPolicy",
  "kms:GetKeyRotationStatus",
  "kms:GetPublicKey",
  "kms:ListGrants",
  "kms:ListKeyPolicies",
  "kms:ListResourceTags",
  "kms:PutKeyPolicy",
  "kms:RevokeGrant",
  "kms:ScheduleKeyDeletion",
  "kms:TagResource",
  "kms:UntagResource",
  "kms:UpdateKeyDescription",
];

/**
 * Of each key: a policy of a role is not enough to sign, the key itself has to name the role. Whoever changes that policy leaves a
 * trace in CloudTrail.
 */
export function reserveFor(role: $util.Output<string>): void {
  const { accountId } = aws.getCallerIdentityOutput({});
  const { partition } = aws.getPartitionOutput({});
  const account = $interpolate`arn:${partition}:iam::${accountId}:root`;
  const statement = { Effect: "Allow", Resource: "*" };
  const policy = $jsonStringify({
    Version: "2012-10-17",
    Statement: [
      { ...statement, Sid: "Keep", Principal: { AWS: account }, Action: KEEPING },
      { ...statement, Sid: "Sign", Principal: { AWS: role }, Action: ["kms:Sign", "kms:GetPublicKey"] },
    ],
  });
  keys.apply((all) =>
    all.map(
      ({ number, key }) => new aws.kms.KeyPolicy(`SigningKeyPolicy${number}`, { keyId: key.id, policy }),
    ),
  );
}
