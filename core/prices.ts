/**
 * List prices of AWS in us-east-1, in USD, without free tiers and discounts, as publicly known on 2026-11-21. Compared that
 * day with what others publish of AWS's pricing pages: DynamoDB requests (after the reduction of November 2024), Lambda on
 * arm64, EventBridge events, Scheduler, KMS. Not compared, written down from memory of the pricing pages: CloudWatch Logs, S3,
 * storage of DynamoDB, point-in-time recovery, data transfer, alarms of which there are none. AWS itself was not asked.
 */
const MILLION = 1_000_000;

export const PRICES = {
  date: "2026-11-21",
  region: "us-east-1",
  writeUnit: 0.625 / MILLION,
  readUnit: 0.125 / MILLION,
  tableGbMonth: 0.25,
  /** Point-in-time recovery, which is on. */
  tableBackupGbMonth: 0.2,
  lambdaRequest: 0.2 / MILLION,
  /** arm64 */
  lambdaGbSecond: 0.0000133334,
  /** Up to 64 kB. */
  busEvent: 1 / MILLION,
  schedule: 1 / MILLION,
  s3Put: 0.005 / 1000,
  s3Get: 0.0004 / 1000,
  s3GbMonth: 0.023,
  /** One `Sign` by an elliptic key. */
  kmsSign: 0.15 / 10_000,
  kmsKeyMonth: 1,
  logGb: 0.5,
  /** To the Internet, the first 10 TB of a month. */
  outGb: 0.09,
} as const;
