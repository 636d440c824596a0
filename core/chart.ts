/**
 * A chart that does not lie in the App's repository: in which Helm repository or OCI registry it is, and which version of
 * it. An address that holds secrets, or that servers could read in two ways, is refused.
 */
import * as z from "zod";
import { nameSchema } from "./metadata.ts";
import { isExactVersion, parseRange } from "./version-range.ts";

const repositorySchema = z
  .url({
    protocol: /^(https?|oci)$/,
    message: "must be the address of a Helm repository (https://…) or of an OCI registry (oci://host/path)",
  })
  .max(2048)
  .superRefine((url, context) => {
    const address = httpAddress(url);
    const say = (message: string) => context.addIssue({ code: "custom", message });
    if (address === undefined) return say("must be an address with a host");
    if (address.username !== "" || address.password !== "")
      say(
        "must hold no credentials: keep them under a name (fairlead credentials set) and say it in spec.chart.credentials",
      );
    if (address.search !== "" || address.hash !== "") say("must have neither a query nor a fragment");
    if (/%(2f|5c)/i.test(address.pathname)) say("must have no encoded slash in its path");
    if (isOci(url) && !isOciPath(address.pathname))
      say("must have a path of lower-case letters, digits and . _ - between slashes, as registries take it");
  });

const OCI_NAME = /^[a-z0-9]+([._-]+[a-z0-9]+)*$/;

function isOciPath(path: string): boolean {
  return path.split("/").every((part) => part === "" || OCI_NAME.test(part));
}

export const chartSchema = z
  .strictObject({
    repository: repositorySchema,
    name: z
      .string()
      .max(128)
      .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/, "is no name of a chart"),
    /** One version, or a range as Helm writes it: then a newer one makes a new release. */
    version: z.string().min(1).max(255),
    /** Of the archive; of a chart in an OCI registry also that of its manifest, as `helm push` prints it. */
    digest: z
      .string()
      .regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 lower-case hex digits")
      .optional(),
    /** A name in the project's secret store. */
    credentials: nameSchema.optional(),
    /** Its provenance file or cosign signature must be of one of these signers of the Project. */
    verify: z
      .strictObject({ signatures: z.literal("required"), signers: z.array(nameSchema).min(1).max(50) })
      .optional(),
  })
  .superRefine(({ repository, name, version, digest, credentials }, context) => {
    const say = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    const isExact = isExactVersion(version);
    if (!isExact && parseRange(version) === undefined)
      say("version", "is neither a version (1.2.3) nor a range such as ^1.2, ~1.4 or >=1.2 <2");
    if (!isExact && digest !== undefined)
      say(
        "digest",
        `pins one archive, and spec.chart.version (${version}) is a range: write the version out`,
      );
    if (isOci(repository) && !OCI_NAME.test(name))
      say("name", "must be in lower case: registries take no other");
    const address = httpAddress(repository);
    if (credentials !== undefined && address !== undefined && !isPrivateWay(address))
      say("credentials", "would be sent over plain http: take an https address");
  });
export type ChartRef = z.infer<typeof chartSchema>;

export function isOci(repository: string): boolean {
  return repository.startsWith("oci://");
}

/** Where the repository is spoken to. A registry on this machine has no certificate, as every client of registries knows. */
export function httpAddress(repository: string): URL | undefined {
  if (!isOci(repository)) return URL.parse(repository) ?? undefined;
  const address = URL.parse(repository.replace(/^oci:/, "https:"));
  if (address !== null && isLoopback(address)) address.protocol = "http:";
  return address ?? undefined;
}

/** Secrets may be sent there. */
export function isPrivateWay(address: URL): boolean {
  return address.protocol === "https:" || isLoopback(address);
}

function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** `oci://host/path/name`, `https://host/path/name`: as messages and a Project's `sources` name it. */
export function chartAddress({ repository, name }: Pick<ChartRef, "repository" | "name">): string {
  return `${repository.replace(/\/+$/, "")}/${name}`;
}

export function isRange({ version }: ChartRef): boolean {
  return !isExactVersion(version);
}
