/**
 * Paths and fields that people write and repositories hold, before anything is written there. A path that could lead out
 * of its folder, into Git's own data or into what a host runs (`.github`, `.gitlab-ci.yml`) is refused in every spelling.
 */
import * as z from "zod";

const PATH_CHARS_MAX = 500;
const DEPTH_MAX = 30;
/** `.git` as file systems that fold or shorten names know it. */
const GIT_DIRECTORY = /^(?:\.git|git~\d+)[. ]*(?::.*)?$/i;
/** Control characters, what other systems read as a separator or a stream, and characters that are never shown. */
const UNSAFE = /[\p{Cc}\p{Cf}\ufffd\\:]/u;

/** Whether `path` stays where it is put: relative, without `.`, `..` or empty parts, and not Git's own. */
export function isSafePath(path: string): boolean {
  const parts = path.split("/");
  return (
    path.length <= PATH_CHARS_MAX &&
    parts.length <= DEPTH_MAX &&
    path.isWellFormed() &&
    !UNSAFE.test(path) &&
    parts.every((part) => part !== "" && part !== "." && part !== ".." && !GIT_DIRECTORY.test(part))
  );
}

const unsafe =
  "must be a plain relative path: no leading or trailing slash, no `.`, `..` or `.git`, no backslash or colon";

export const pathSchema = z.string().min(1).max(PATH_CHARS_MAX).refine(isSafePath, unsafe);

/** A folder that is written to. What a host itself runs or obeys lies in `.git…` at the root, so that stays out of reach. */
export const folderSchema = pathSchema.refine((path) => !/^\.git/i.test(path), {
  message: "may not lie in what the host itself obeys (.github, .gitlab, .gitea): take another folder",
});

/** A path whose parts may hold `*` (within a part) and `**` (over parts). Its first part is plain: nobody copies a whole repository into a part of it. */
export const patternSchema = pathSchema.refine((pattern) => !/^[^/]*\*/.test(pattern), {
  message: "must begin with a folder or file without `*`, such as apps/shop/staging/**",
});

/** `image.tag`, `images[0].newTag`, `annotations["a.b/c"]`. */
export const fieldSchema = z
  .string()
  .min(1)
  .max(300)
  .refine((field) => parseField(field) !== undefined, {
    message:
      'must be a path of names and places, such as image.tag, images[0].newTag or annotations["a.b/c"]',
  });

const STEP = /\.?([A-Za-z_][\w-]*)|\[(\d{1,4})\]|\["((?:[^"\\]){1,200})"\]/y;

/** Undefined where it is none. */
export function parseField(field: string): (string | number)[] | undefined {
  const steps: (string | number)[] = [];
  const reader = new RegExp(STEP);
  while (reader.lastIndex < field.length) {
    const isFirst = reader.lastIndex === 0;
    const found = reader.exec(field);
    if (found === null || steps.length >= DEPTH_MAX) return undefined;
    const [text, name, index, quoted] = found;
    // A name that follows without a dot is a slip: `a[0]b`.
    if (name !== undefined && text.startsWith(".") === isFirst) return undefined;
    steps.push(name ?? quoted ?? Number(index));
  }
  return steps.length === 0 ? undefined : steps;
}

/** The folder that a copied path is taken from: all parts of the pattern before the first with a `*`, or the file's own. */
export function baseOf(pattern: string): string {
  const parts = pattern.split("/");
  const star = parts.findIndex((part) => part.includes("*"));
  return parts.slice(0, star === -1 ? -1 : star).join("/");
}
