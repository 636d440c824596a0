/**
 * The one table: the truth of the hub. Its stream is the outbox; tokens age by `expires`. A second region has a copy of it, made
 * from here, with its own stream, and the same age.
 */
import { place } from "./regions.ts";

const deletionProtection = $app.stage === "production";

/** Without consistency between regions: a table that has it knows neither age nor transactions. */
const copies =
  place.kind === "first"
    ? {
        transform: {
          table: {
            replicas: [
              {
                regionName: place.copyTo,
                pointInTimeRecovery: true,
                deletionProtectionEnabled: deletionProtection,
                propagateTags: true,
              },
            ],
          },
        },
      }
    : {};

export const table =
  place.kind === "second"
    ? sst.aws.Dynamo.get("Table", place.table)
    : new sst.aws.Dynamo("Table", {
        fields: { pk: "string", sk: "string" },
        primaryIndex: { hashKey: "pk", rangeKey: "sk" },
        stream: "new-and-old-images",
        ttl: "expires",
        deletionProtection,
        ...copies,
      });
