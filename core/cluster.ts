/** A registered cluster: labels that selectors match, values that templates read, how often it polls. */
import * as z from "zod";
import { durationSchema } from "./duration.ts";
import { API_VERSION, metadataSchema } from "./metadata.ts";

export const clusterSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("Cluster"),
  metadata: metadataSchema,
  spec: z
    .strictObject({
      poll: durationSchema(1000, 3_600_000).default("60s"),
      values: z.record(z.string().regex(/^[A-Za-z0-9_.-]{1,63}$/), z.string().max(1024)).default({}),
      /** Says that no machine stands behind this cluster. */
      simulated: z.boolean().default(false),
    })
    .prefault({}),
});
export type Cluster = z.infer<typeof clusterSchema>;
