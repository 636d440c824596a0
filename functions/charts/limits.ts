/** Every bound of what comes from a repository of charts, in one place; units last. Each stands in the error that it causes. */
import { FILE_BYTES_MAX, INPUT_BYTES_MAX } from "../render/limits.ts";

const MEBIBYTE = 1024 * 1024;

/** A chart as it travels. */
export const ARCHIVE_BYTES_MAX = 20 * MEBIBYTE;
/** The same unpacked, the tar's own frame included: half of what one render may see. */
export const UNPACKED_BYTES_MAX = INPUT_BYTES_MAX / 2;
export const ARCHIVE_FILES_MAX = 5_000;
/** A larger one would not be shown to a render. */
export const ARCHIVE_FILE_BYTES_MAX = FILE_BYTES_MAX;
export const ARCHIVE_PATH_CHARS_MAX = 500;
/** `index.yaml`: the largest ones in public use have about 20 MiB. */
export const INDEX_BYTES_MAX = 48 * MEBIBYTE;
/** Of it, what is said of one chart. */
export const INDEX_ENTRY_BYTES_MAX = 2 * MEBIBYTE;
export const TAG_PAGES_MAX = 20;
export const TAGS_MAX = 10_000;
/** A page of tags, a manifest, the answer of a token server, a provenance file. */
export const DOCUMENT_BYTES_MAX = 4 * MEBIBYTE;
export const SIGNATURES_MAX = 50;
export const SIGNATURE_PAYLOAD_BYTES_MAX = 64 * 1024;
/** Versions that an error lists. */
export const VERSIONS_TOLD_MAX = 5;
/** All requests of one look at a chart. */
export const LOOK_MS_MAX = 60_000;
/** A host that did not answer is not asked for another chart this long. */
export const SILENCE_MS = 60_000;
