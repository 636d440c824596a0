/**
 * A Project: the tenant. What its Sources may read, which clusters its Apps may reach and with what, who may do what in
 * it, whose signatures count. `metadata.project` of a Project is its own name.
 */
import * as z from "zod";
import { bindingSchema } from "./access.ts";
import { healthRulesSchema } from "./health-rule.ts";
import { API_VERSION, labelsSchema, nameSchema } from "./metadata.ts";
import { selectorSchema } from "./selector.ts";

/** Roles in this project hold in all projects; who may write `hub` and `projects` is said here. */
export const HUB_PROJECT = "fairlead";

/** `*` stands for any run of characters but `/`, `**` for any run at all. */
const globSchema = z.string().min(1).max(500);

const kindRuleSchema = z.strictObject({
  /** `""` is the core group, `*` any. */
  group: z.string().max(253).default("*"),
  kind: z.string().min(1).max(100),
});

/**
 * A public key that signatures are checked against: an OpenPGP block (commits, tags, charts), a line of `authorized_keys`
 * (commits, tags), or cosign's PEM (charts in OCI registries).
 */
const signerSchema = z.union([
  z.strictObject({
    name: nameSchema,
    gpg: z.string().startsWith("-----BEGIN PGP PUBLIC KEY BLOCK-----").max(100_000),
  }),
  z.strictObject({
    name: nameSchema,
    ssh: z
      .string()
      .regex(/^(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/=]+/, "is no public key of OpenSSH")
      .max(10_000),
  }),
  z.strictObject({
    name: nameSchema,
    cosign: z.string().startsWith("-----BEGIN PUBLIC KEY-----").max(10_000),
  }),
]);
export type Signer = z.infer<typeof signerSchema>;

const projectMetadataSchema = z
  .strictObject({
    name: nameSchema,
    project: nameSchema.optional(),
    labels: labelsSchema.optional(),
    resourceVersion: z.number().int().nonnegative().optional(),
  })
  .superRefine(({ name, project }, context) => {
    if (project !== undefined && project !== name)
      context.addIssue({
        code: "custom",
        path: ["project"],
        message: `must be absent or the Project's own name, ${name}`,
      });
  })
  .transform((metadata) => ({ ...metadata, project: metadata.name }));

export const projectSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("Project"),
  metadata: projectMetadataSchema,
  spec: z
    .strictObject({
      /** Addresses of repositories that its Sources, and the charts of its Apps, may name. */
      sources: z.array(globSchema).max(100).default(["**"]),
      /** Clusters of the project that its Apps may reach. */
      clusters: selectorSchema.default({}),
      /** Namespaces that its Apps may write into. */
      namespaces: z.array(globSchema).max(200).default(["**"]),
      /** What its Apps may contain: `allow` empty means all; `deny` outweighs. */
      kinds: z
        .strictObject({
          allow: z.array(kindRuleSchema).max(200).default([]),
          deny: z.array(kindRuleSchema).max(200).default([]),
        })
        .prefault({}),
      /** A Secret that stands readable in the repository: told as a warning, refused, or let be. */
      secrets: z.enum(["warn", "refuse", "allow"]).default("warn"),
      /** Service accounts (`namespace/name`) that its Apps may name; with any here, each App has to name one. */
      serviceAccounts: z.array(globSchema).max(100).default([]),
      /** Hosts in private networks that the hub may speak to for this project. */
      egress: z.array(z.string().min(1).max(253)).max(100).default([]),
      /** Of kinds of which an App itself says nothing (`spec.health`). */
      health: healthRulesSchema.optional(),
      signers: z.array(signerSchema).max(50).default([]),
      roles: z.array(bindingSchema).max(100).default([]),
    })
    .prefault({}),
});
export type Project = z.infer<typeof projectSchema>;
