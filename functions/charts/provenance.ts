/**
 * Helm's provenance files: `Chart.yaml` and the archive's SHA-256 in one text, signed in clear with OpenPGP. What counts is
 * the signature over the text, and that the text names this archive.
 */
import * as z from "zod";
import { parse } from "yaml";
import { sentence } from "#core/text.ts";
import { verifyGpg, type GpgSigner } from "../source/signature/gpg.ts";
import { refused, type Verdict } from "../source/signature/verdict.ts";

const ARMOR = "-----BEGIN PGP SIGNATURE-----";
/** What `helm package --sign` lists: the archive by its file name. */
const listSchema = z.object({ files: z.record(z.string(), z.string()) });

/** `digest` is the archive's SHA-256 in hex. It never throws. */
export async function verifyProvenance(
  text: string,
  { name, version, digest }: { name: string; version: string; digest: string },
  signers: readonly GpgSigner[],
  now: number,
): Promise<Verdict> {
  const read = await readSigned(text);
  if (typeof read === "string") return refused(`has a provenance file that cannot be read (${read})`);
  const verdict = await verifyGpg(Buffer.from(read.text), read.signature, signers, now, "text");
  if (verdict.kind !== "signed") return verdict;
  const listed = filesIn(read.text)[`${name}-${version}.tgz`];
  if (listed === `sha256:${digest}`) return verdict;
  const said =
    listed === undefined
      ? "does not name this version's archive"
      : `names the digest ${sentence(listed, 80)}`;
  return refused(`has a provenance file of ${verdict.signer} that ${said}`);
}

async function readSigned(text: string): Promise<{ text: string; signature: string } | string> {
  // Loaded where it is needed: the library is large, and most charts are not signed.
  const openpgp = await import("openpgp");
  try {
    const message = await openpgp.readCleartextMessage({ cleartextMessage: text });
    // In the text itself this line would be escaped.
    return { text: message.getText(), signature: text.slice(text.lastIndexOf(ARMOR)) };
  } catch (error) {
    const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n", 1);
    return sentence(line, 150);
  }
}

/** What stands behind the copy of `Chart.yaml`. */
function filesIn(text: string): Record<string, string> {
  const [, list = ""] = text.split("\n...\n");
  try {
    return listSchema.parse(parse(list, { maxAliasCount: 0 })).files;
  } catch {
    // A list that cannot be read names no archive; the caller says so.
    return {};
  }
}
