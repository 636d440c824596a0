/**
 * The one table of errors: code → status, public title. What is said beyond it stands in `detail`; internal causes
 * never leave. On the wire it is RFC 9457 problem+json.
 */
const PROBLEMS = {
  "invalid-request": { status: 400, title: "The request cannot be read" },
  unauthenticated: { status: 401, title: "Who asks is not proved" },
  forbidden: { status: 403, title: "This is not allowed" },
  "not-found": { status: 404, title: "There is no such thing" },
  "method-not-allowed": { status: 405, title: "This is not done to this thing" },
  conflict: { status: 409, title: "Somebody else changed it first" },
  "already-open": { status: 409, title: "This was done before, and is done once" },
  "in-use": { status: 409, title: "Something still needs it" },
  "changed-since": { status: 412, title: "It is not the version that If-Match names" },
  "too-large": { status: 413, title: "The request is larger than its limit" },
  "invalid-resource": { status: 422, title: "A resource is not valid" },
  "unsupported-type": { status: 415, title: "A body of this type is not read here" },
  "agent-too-old": { status: 426, title: "This agent's protocol is too old" },
  "too-many": { status: 429, title: "Too many requests; try again after the named time" },
  internal: { status: 500, title: "The hub failed; the cause is in its log under the request id" },
  "not-writer": { status: 503, title: "Another region of this hub writes" },
  "not-ready": { status: 503, title: "The hub cannot answer at this moment" },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

export const PROBLEM_CODES = Object.keys(PROBLEMS) as ProblemCode[];

export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail: string;
  errors?: string[];
}

/** Thrown anywhere behind the edge; one handler turns it into an answer. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ProblemCode;
  readonly errors: string[] | undefined;

  constructor(code: ProblemCode, detail: string, errors?: string[]) {
    super(detail);
    this.code = code;
    this.errors = errors;
  }

  get status() {
    return PROBLEMS[this.code].status;
  }

  body(): ProblemBody {
    const { status, title } = PROBLEMS[this.code];
    const type = `https://fairlead.dev/docs/errors#${this.code}`;
    return {
      type,
      title,
      status,
      code: this.code,
      detail: this.message,
      ...(this.errors === undefined ? {} : { errors: this.errors }),
    };
  }
}
