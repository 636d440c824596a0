/**
 * Every bound in one place, units last. A limit that is met stands in the error that names it.
 */

export const NAME_CHARS_MAX = 63;
export const LABELS_MAX = 64;
export const SENTENCE_CHARS_MAX = 300;

export const BUNDLE_BYTES_MAX = 32 * 1024 * 1024;
export const BUNDLE_OBJECTS_MAX = 10_000;

/** What KMS signs in one call: a statement with its header, as a JWS. */
export const SIGNED_BYTES_MAX = 4096;
/** Rules in a statement that say which fields are left alone, so that it can be signed. */
export const IGNORE_BYTES_MAX = 2000;
/** All of an order; the names and numbers around it in a statement take the rest at most. */
export const ORDER_BYTES_MAX = 2400;

export const APPLY_BODY_BYTES_MAX = 1024 * 1024;
/** GitHub sends up to 25 MB, which only a push of thousands of commits has; the poll finds that one. */
export const WEBHOOK_BODY_BYTES_MAX = 5 * 1024 * 1024;
/** Genuine ones of one Source; they all say the same. */
export const WEBHOOKS_PER_SOURCE = { perSecond: 1, burst: 60 };
export const APPLY_DOCUMENTS_MAX = 500;
/** A working tree on its way to a plan; a function of AWS takes 6 MiB at once. */
export const PLAN_BODY_BYTES_MAX = 4 * 1024 * 1024;
export const PLAN_FILES_MAX = 5_000;

export const REPORT_BODY_BYTES_MAX = 256 * 1024;
export const REPORT_PLACEMENTS_MAX = 500;
export const REPORT_DRIFTS_MAX = 20;
export const REPORT_FIELDS_MAX = 10;
export const REPORT_FAILURES_MAX = 20;

/** A cluster's list of APIs, or the shapes of its built-in kinds, as its agent sends them. */
export const APIS_BODY_BYTES_MAX = 512 * 1024;

export const ASSIGNMENTS_PER_CLUSTER_MAX = 1000;
/** Targets (with their statements) in one object of the store. */
export const TARGETS_PER_PAGE = 100;
export const TARGETS_MAX = 100_000;

export const TOKEN_TTL_MS = 60 * 60 * 1000;
/** Age of a request signature that is still accepted, either way. */
export const REQUEST_SKEW_MS = 60_000;

/** How long a replaced agent key is good beside the new one, if that is never used. */
export const KEY_OVERLAP_MS = 24 * 60 * 60_000;
/** Age at which an agent takes a new key on its own. */
export const KEY_AGE_MS = 30 * 24 * 60 * 60_000;
/** A request is dead by then by every clock: who is heard later than this after being replaced lives beside the other. */
export const DUPLICATE_AFTER_MS = 2 * REQUEST_SKEW_MS;
/** One key in two places is an event at most this often for a cluster. */
export const DUPLICATE_EVENT_EVERY_MS = 60 * 60_000;

export const POLL_IDLE_MS_DEFAULT = 60_000;
export const HEARTBEAT_MS = 5 * 60_000;
export const SILENT_AFTER_MS = 10 * 60_000;
/** The agent fetches without If-None-Match this often: heals a lost counter. */
export const UNCONDITIONAL_FETCH_MS = 10 * 60_000;

export const DELETES_BUDGET_DEFAULT = 20;
/** Clusters that an App leaves by one release; their removal is counted only where it deletes. */
export const CLUSTERS_BUDGET_DEFAULT = 5;
/** Releases an App can go back to; older ones fall below the floor. */
export const RELEASES_KEPT = 20;
