/**
 * Every bound in one place, units last. A limit that is met stands in the error that names it.
 */

export const NAME_CHARS_MAX = 63;
export const LABELS_MAX = 64;
export const SENTENCE_CHARS_MAX = 300;

export const BUNDLE_BYTES_MAX = 32 * 1024 * 1024;
export const BUNDLE_OBJECTS_MAX = 10_000;

export const APPLY_BODY_BYTES_MAX = 1024 * 1024;
export const APPLY_DOCUMENTS_MAX = 500;

export const REPORT_BODY_BYTES_MAX = 256 * 1024;
export const REPORT_PLACEMENTS_MAX = 500;
export const REPORT_DRIFTS_MAX = 20;
export const REPORT_FIELDS_MAX = 10;
export const REPORT_FAILURES_MAX = 20;

export const ASSIGNMENTS_PER_CLUSTER_MAX = 1000;
/** Targets (with their statements) in one object of the store. */
export const TARGETS_PER_PAGE = 100;
export const TARGETS_MAX = 100_000;

export const TOKEN_TTL_MS = 60 * 60 * 1000;
/** Age of a request signature that is still accepted, either way. */
export const REQUEST_SKEW_MS = 60_000;

export const POLL_IDLE_MS_DEFAULT = 60_000;
export const HEARTBEAT_MS = 5 * 60_000;
export const SILENT_AFTER_MS = 10 * 60_000;
/** The agent fetches without If-None-Match this often: heals a lost counter. */
export const UNCONDITIONAL_FETCH_MS = 10 * 60_000;

export const DELETES_BUDGET_DEFAULT = 20;
/** Releases an App can go back to; older ones fall below the floor. */
export const RELEASES_KEPT = 20;
