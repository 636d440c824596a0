/** What every Fairlead resource has in common: a name, a project, labels. */
import * as z from "zod";
import { LABELS_MAX, NAME_CHARS_MAX } from "./limits.ts";

export const API_VERSION = "fairlead.dev/v1";
export const DEFAULT_PROJECT = "default";

/** A DNS-1123 label, as Kubernetes names are: safe in keys, paths, host names and object names. */
export const nameSchema = z
  .string()
  .max(NAME_CHARS_MAX, `must have at most ${NAME_CHARS_MAX} characters`)
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    "must be lower-case letters, digits and '-', starting and ending with a letter or digit",
  );

export const labelsSchema = z
  .record(
    z
      .string()
      .regex(
        /^([a-z0-9.-]{1,253}\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/,
        "is no label key: at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, with a prefix such as example.com/ if need be",
      ),
    z
      .string()
      .regex(
        /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/,
        "is no label value: at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit",
      ),
  )
  .refine((labels) => Object.keys(labels).length <= LABELS_MAX, `must have at most ${LABELS_MAX} labels`);

export const metadataSchema = z.strictObject({
  name: nameSchema,
  project: nameSchema.default(DEFAULT_PROJECT),
  labels: labelsSchema.optional(),
  resourceVersion: z.number().int().nonnegative().optional(),
});
