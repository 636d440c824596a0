/**
 * A Promotion: what an App ran healthily on for long enough is written, as a commit or a pull request, to where another
 * App reads it. It never writes outside the folder `to.path` of the repository of the Source `to.source`.
 */
import * as z from "zod";
import { durationSchema } from "./duration.ts";
import { API_VERSION, metadataSchema, nameSchema } from "./metadata.ts";
import { fieldSchema, folderSchema, pathSchema, patternSchema } from "./promotion/path.ts";

const SOAK_MS_MAX = 14 * 86_400_000;
const COPIES_MAX = 20;
const SETS_MAX = 50;
/** Branches of pull requests stand below it, so nobody else's can be taken for one. */
export const BRANCH_PREFIX = "fairlead/";

const hostSchema = z.strictObject({
  /** What is spoken to it: `git` is plain smart HTTP, which knows commits and no pull requests. */
  kind: z.enum(["git", "github", "gitlab", "gitea"]),
  /** Of the host's API, where it is not the usual one for the host of the Source. */
  url: z
    .url({ protocol: /^https?$/, message: "must be an http(s) URL" })
    .max(2048)
    .refine((url) => !URL.canParse(url) || isPlain(new URL(url)), {
      message: "must hold no credentials, query or fragment",
    })
    .optional(),
  /** `owner/name`, as the host calls it; absent: as the address of the Source says. */
  repository: z
    .string()
    .max(300)
    .regex(
      /^[A-Za-z0-9_][\w.-]*(\/[A-Za-z0-9_][\w.-]*)+$/,
      "must be the repository's full name, such as acme/fleet",
    )
    .optional(),
  /** A name in the project's secret store. */
  credentials: nameSchema.optional(),
});

function isPlain({ username, password, search, hash }: URL): boolean {
  return username === "" && password === "" && search === "" && hash === "";
}

const branchSchema = z
  .string()
  .min(1)
  .max(200)
  // What `git check-ref-format` forbids, and what would be another word in a request.
  .regex(/^(?![-/.])(?!.*(?:\.\.|\/\/|@\{|\/\.|\.lock(?:\/|$)))[\w./+@=-]*[^/.]$/, "is no name of a branch")
  .refine((branch) => !branch.startsWith(BRANCH_PREFIX), {
    message: `may not begin with ${BRANCH_PREFIX}: these are the branches of pull requests`,
  });

/** `field` of the YAML file `file` (below `to.path`) takes the commit, an image's tag, or the chart's version. */
const setSchema = z
  .strictObject({
    file: pathSchema,
    field: fieldSchema,
    from: z.enum(["commit", "image", "chart"]),
    /** Which image's tag; its name without tag or digest. */
    image: z
      .string()
      .max(300)
      .regex(/^[a-z0-9][a-z0-9._:/-]*$/, "must be an image's name without tag, such as ghcr.io/acme/web")
      .optional(),
  })
  .refine(({ from, image }) => (from === "image") === (image !== undefined), {
    path: ["image"],
    message: "goes with `from: image`, which needs it, and with nothing else",
  });

export const promotionSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("Promotion"),
  metadata: metadataSchema,
  spec: z
    .strictObject({
      /** The App whose newest release is promoted once it is healthy everywhere. */
      from: z.strictObject({ app: nameSchema }),
      /** All of its clusters have to stay healthy for this long. */
      soak: durationSchema(1000, SOAK_MS_MAX).default("10m"),
      to: z.strictObject({
        source: nameSchema,
        /** The folder that is written to; nothing outside it ever is. */
        path: folderSchema,
        /** Absent: the branch that the Source reads. */
        branch: branchSchema.optional(),
      }),
      change: z
        .strictObject({
          /** Files of the promoted commit, each below the part of its pattern that has no `*`. */
          copy: z.array(patternSchema).max(COPIES_MAX).default([]),
          set: z.array(setSchema).max(SETS_MAX).default([]),
        })
        .refine(({ copy, set }) => copy.length + set.length > 0, {
          message: "must say something: give it copy or set",
        }),
      by: z.enum(["pullRequest", "commit"]).default("pullRequest"),
      host: hostSchema,
    })
    .refine(({ by, host }) => by === "commit" || host.kind !== "git", {
      path: ["by"],
      message: "must be commit for a host of kind git: Git itself knows no pull requests",
    }),
});
export type Promotion = z.infer<typeof promotionSchema>;
export type PromotionSpec = Promotion["spec"];

/** The one branch of a Promotion's pull requests. */
export function promotionBranch(project: string, name: string): string {
  return `${BRANCH_PREFIX}${project}/${name}`;
}
