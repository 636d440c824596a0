/**
 * A hub with two regions as `sst diff` makes it, offline: what the first region's deployment makes for the second, and that the
 * second's makes nothing that keeps data. The engine only writes resources down, so what AWS would refuse is not in play.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dumpResources, type Dump } from "../support/sst/dump.ts";
import {
  environmentOf,
  functionsOf,
  nameOf,
  rightsInRegion,
  rightsOf,
  statementsOf,
} from "../support/sst/rights.ts";

const LONG_MS = 900_000;
const FIRST = "eu-central-1";
const SECOND = "eu-west-1";
const COPIES = { table: "hub-production-TableTable-b", bucket: "hub-production-objectscopybucket-b" };
let first: Dump;
let second: Dump;

beforeAll(async () => {
  first = await dumpResources({ CopyTo: SECOND }, FIRST);
  second = await dumpResources({ CopyOf: `${SECOND}/${COPIES.table}/${COPIES.bucket}` }, SECOND);
}, LONG_MS);
afterAll(async () => {
  await first?.remove();
  await second?.remove();
});

const ofType = ({ resources }: Dump, type: string) => resources.filter((one) => one.type === type);

/** What is made in AWS: `type name`, sorted. Packages and log groups come with their functions. */
function made({ resources }: Dump): string[] {
  return resources
    .filter(({ type, lookedUp }) => type.startsWith("aws:") && lookedUp !== true)
    .map(({ type, name }) => `${type.split(":").at(-1)} ${name}`)
    .filter((text) => !/^(BucketObjectv2|LogGroup) /.test(text))
    .sort();
}

describe("the first region", () => {
  it("has its table copied, with the stream, the age and the backups that its own has", () => {
    const tables = ofType(first, "aws:dynamodb/table:Table");
    expect(tables.map(({ inputs }) => inputs)).toEqual([
      expect.objectContaining({
        streamEnabled: true,
        streamViewType: "NEW_AND_OLD_IMAGES",
        ttl: { attributeName: "expires", enabled: true },
        replicas: [
          {
            regionName: SECOND,
            pointInTimeRecovery: true,
            deletionProtectionEnabled: false,
            propagateTags: true,
          },
        ],
      }),
    ]);
  });

  it("makes a bucket in the other region, closed and with versions as its own", () => {
    const copy = first.resources.filter(
      ({ name, type }) => /^ObjectsCopy/.test(name) && type.startsWith("aws:"),
    );
    expect(copy.map(({ type, region }) => [type.split(":").at(-1), region]).sort()).toEqual([
      ["Bucket", SECOND],
      ["BucketPolicy", SECOND],
      ["BucketPublicAccessBlock", SECOND],
      ["BucketVersioning", SECOND],
    ]);
  });

  it("copies what is put into either bucket to the other, and no deletion", () => {
    const found = ofType(first, "aws:s3/bucketReplicationConfig:BucketReplicationConfig");
    const buckets = ofType(first, "aws:s3/bucket:Bucket");
    const named = (own: string) => buckets.find(({ name }) => name === own)?.inputs["bucket"];
    expect(found.map(({ region, inputs }) => [region, inputs["bucket"], inputs["rules"]])).toEqual(
      [
        [FIRST, named("ObjectsBucket"), `arn:aws:s3:${SECOND}:000000000000:ObjectsCopyBucket`],
        [SECOND, named("ObjectsCopyBucket"), `arn:aws:s3:${FIRST}:000000000000:ObjectsBucket`],
      ].map(([region, bucket, to]) => [
        region,
        bucket,
        [
          {
            id: "all",
            status: "Enabled",
            priority: 1,
            filter: { prefix: "" },
            deleteMarkerReplication: { status: "Disabled" },
            destination: { bucket: to },
          },
        ],
      ]),
    );
  });

  // What would break: whoever takes one direction over could overwrite both buckets.
  it("copies each way by a role that reads the one bucket, writes the other, and deletes nowhere", () => {
    const rights = (from: string, to: string) => ({
      "s3:GetReplicationConfiguration": [from],
      "s3:ListBucket": [from],
      "s3:GetObjectVersionForReplication": [`${from}/*`],
      "s3:GetObjectVersionAcl": [`${from}/*`],
      "s3:ReplicateObject": [`${to}/*`],
    });
    expect(rightsOf(first.resources, "CopyOut")).toEqual(rights("ObjectsBucket", "ObjectsCopyBucket"));
    expect(rightsOf(first.resources, "CopyBack")).toEqual(rights("ObjectsCopyBucket", "ObjectsBucket"));
    const roles = ofType(first, "aws:iam/role:Role").filter(({ name }) => name.startsWith("Copy"));
    for (const { inputs } of roles)
      expect(JSON.stringify(inputs["assumeRolePolicy"])).toContain("s3.amazonaws.com");
  });
});

describe("the second region", () => {
  it("works over the copies: table and bucket are looked up, neither is made", () => {
    const found = second.resources
      .filter(({ lookedUp }) => lookedUp === true)
      .map(({ type, name }) => [type, name]);
    expect(found).toEqual([
      ["aws:dynamodb/table:Table", "TableTable"],
      ["aws:s3/bucket:Bucket", "ObjectsBucket"],
    ]);
    expect(made(second).filter((text) => /^(Table|Bucket\w*) /.test(text))).toEqual([]);
    for (const resource of functionsOf(second.resources))
      expect(environmentOf(resource)).toMatchObject({
        FAIRLEAD_TABLE: COPIES.table,
        FAIRLEAD_BUCKET: COPIES.bucket,
      });
  });

  it("makes what the first one makes but for what keeps data, and nothing else", () => {
    const here = made(second);
    expect(here.filter((text) => !made(first).includes(text))).toEqual([]);
    expect(made(first).filter((text) => !here.includes(text))).toEqual([
      "Bucket ObjectsBucket",
      "Bucket ObjectsCopyBucket",
      "BucketPolicy ObjectsCopyPolicy",
      "BucketPolicy ObjectsPolicy",
      "BucketPublicAccessBlock ObjectsCopyPublicAccessBlock",
      "BucketPublicAccessBlock ObjectsPublicAccessBlock",
      "BucketReplicationConfig CopyBack",
      "BucketReplicationConfig CopyOut",
      "BucketVersioning ObjectsCopyVersioning",
      "BucketVersioning ObjectsVersioning",
      "Role CopyBackRole",
      "Role CopyOutRole",
      "Table TableTable",
    ]);
  });

  it("has a signing key of its own, which its own release function alone may use", () => {
    const keys = ofType(second, "aws:kms/key:Key");
    expect(keys.map(({ name, region }) => [name, region])).toEqual([["SigningKey1", SECOND]]);
    const [policy] = ofType(second, "aws:kms/keyPolicy:KeyPolicy");
    expect(policy?.inputs["policy"]).toContain(`arn:aws:iam:${SECOND}:000000000000:ReleaseRole`);
  });

  it("follows the stream of its own table", () => {
    const mappings = ofType(second, "aws:lambda/eventSourceMapping:EventSourceMapping");
    expect(mappings.map(({ inputs }) => inputs["eventSourceArn"])).toEqual([
      `arn:aws:dynamodb:${SECOND}:000000000000:TableTable/stream/1`,
    ]);
  });
});

describe("both regions", () => {
  const both = (): [string, Dump][] => [
    [FIRST, first],
    [SECOND, second],
  ];

  it("tell every function where it is", () => {
    for (const [region, { resources }] of both())
      expect(new Set(functionsOf(resources).map((one) => environmentOf(one)["FAIRLEAD_REGION"]))).toEqual(
        new Set([region]),
      );
  });

  it("give each function what the one list says, and nothing in the other region", () => {
    for (const [region, { resources }] of both()) {
      const names = functionsOf(resources).map(nameOf);
      expect(Object.fromEntries(names.map((name) => [name, rightsOf(resources, name)]))).toEqual(
        rightsInRegion("SigningKey1"),
      );
      const arns = names.flatMap((name) => statementsOf(resources, name).flatMap((one) => one.resources));
      expect(arns.filter((arn) => arn.split(":")[3] !== region)).toEqual([]);
    }
  });

  // AWS advises against two functions on the stream of a table that has copies.
  it("read the stream by one function", () => {
    for (const [, dump] of both()) {
      const mappings = ofType(dump, "aws:lambda/eventSourceMapping:EventSourceMapping");
      expect(mappings.map(({ name }) => name)).toEqual(["TableSubscriberRelayEventSourceMapping"]);
    }
  });
});

describe("a stage that names its regions wrongly", () => {
  it(
    "is told so by sst, before anything is described",
    async () => {
      await expect(dumpResources({ CopyTo: FIRST }, FIRST)).rejects.toThrow("where this deployment goes");
    },
    LONG_MS,
  );
});
