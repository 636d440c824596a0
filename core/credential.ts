/** What stands in the secret store under the name that a Source's `credentials` or `webhook` says. */
import * as z from "zod";

const secret = z.string().min(1).max(10_000);
/** Sent to these hosts only, whatever a Source says; absent: to any that the Project's `sources` allow. */
const hosts = z.array(z.string().min(1).max(253)).min(1).max(20).optional();

export const credentialSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("token"), token: secret, hosts }),
  z.strictObject({ kind: z.literal("basic"), username: z.string().min(1).max(300), password: secret, hosts }),
  z.strictObject({
    kind: z.literal("github-app"),
    appId: z.string().min(1).max(100),
    installationId: z.string().regex(/^\d{1,20}$/, "is the number of the installation"),
    /** PEM, PKCS#1 or PKCS#8. */
    privateKey: secret,
    /** Of GitHub Enterprise; github.com's where absent. Tokens go to the host it belongs to, and to no other. */
    apiUrl: z.url({ protocol: /^https?$/ }).default("https://api.github.com"),
  }),
  /** What a webhook is signed with, or GitLab's token. */
  z.strictObject({
    kind: z.literal("webhook"),
    secret: z.string().min(16, "must have at least 16 characters").max(1000),
  }),
]);
export type Credential = z.infer<typeof credentialSchema>;

/** What is told of one: never the value. */
export const credentialViewSchema = z.object({
  name: z.string(),
  kind: z.enum(credentialSchema.options.map((option) => option.shape.kind.value)),
  version: z.number().int(),
  /** Who stored it last, and when (milliseconds since 1970). */
  by: z.string(),
  at: z.number(),
});
export type CredentialView = z.infer<typeof credentialViewSchema>;
