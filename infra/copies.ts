/**
 * What a second region works over, made by the first one's deployment: a bucket there, and what each bucket gets copied into the
 * other. Deletions are not copied: each region collects its own garbage while it writes. The table's copy is the table's own.
 */
import { kept, objects } from "./objects.ts";
import { place } from "./regions.ts";
import { table } from "./table.ts";

/** For `CopyOf` in the other region; undefined: this one copies to nowhere. */
export const copies = place.kind === "first" ? copyTo(place.copyTo) : undefined;

function copyTo(region: string): $util.Output<string> {
  const tags = { "sst:app": $app.name, "sst:stage": $app.stage };
  const provider = new aws.Provider("CopyRegion", { region, defaultTags: { tags } });
  const there = new sst.aws.Bucket("ObjectsCopy", kept, { provider });
  replicate("CopyOut", objects, there);
  replicate("CopyBack", there, objects, provider);
  return $interpolate`${region}/${table.name}/${there.name}`;
}

/** By a role of its own, which reads the one bucket and writes the other. */
function replicate(name: string, from: sst.aws.Bucket, to: sst.aws.Bucket, provider?: aws.Provider): void {
  const role = new aws.iam.Role(`${name}Role`, {
    namePrefix: `${$app.name}-${$app.stage}-${name}`.slice(0, 38),
    assumeRolePolicy: aws.iam.assumeRolePolicyForPrincipal({ Service: "s3.amazonaws.com" }),
    inlinePolicies: [{ name: "inline", policy: rights(from, to) }],
  });
  const rule = {
    id: "all",
    status: "Enabled",
    priority: 1,
    filter: { prefix: "" },
    deleteMarkerReplication: { status: "Disabled" },
    destination: { bucket: to.arn },
  };
  // Both buckets have to keep versions before.
  const opts = { dependsOn: [from, to], ...(provider === undefined ? {} : { provider }) };
  new aws.s3.BucketReplicationConfig(name, { bucket: from.name, role: role.arn, rules: [rule] }, opts);
}

/** Neither deletions nor tags: there is nothing of either to copy. */
function rights(from: sst.aws.Bucket, to: sst.aws.Bucket): $util.Output<string> {
  const { json } = aws.iam.getPolicyDocumentOutput({
    statements: [
      { actions: ["s3:GetReplicationConfiguration", "s3:ListBucket"], resources: [from.arn] },
      {
        actions: ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl"],
        resources: [$interpolate`${from.arn}/*`],
      },
      { actions: ["s3:ReplicateObject"], resources: [$interpolate`${to.arn}/*`] },
    ],
  });
  return json;
}
