/**
 * What a render answers. A repository that cannot be rendered is an ordinary answer, not an exception: its error names
 * the file, the line and the object as far as they are known, reason first, on one line and of bounded length.
 */
import type { KubeObject } from "#core/object.ts";
import type { Asked } from "#core/asked.ts";
import type { Reads } from "./reads.ts";
import { sentence } from "#core/text.ts";
import { MESSAGE_CHARS_MAX } from "./limits.ts";

/** Why nothing was rendered. `file` runs from the root of the repository, `line` counts from 1, `object` reads `Kind namespace/name`. */
export type RenderError = { message: string; file?: string; line?: number; object?: string };

/** A failure depends on the same things as what is rendered. */
export type RenderFailure = { kind: "failed"; error: RenderError } & Basis;

/** What the outcome depends on: `asked` of the cluster (charts only), `reads` of the repository. */
type Basis = { asked?: Asked; reads?: Reads };

export type RenderResult = ({ kind: "rendered"; objects: KubeObject[] } & Basis) | RenderFailure;

/** A failure whose message is fit to show. */
export function failed(message: string, place: Omit<RenderError, "message"> = {}): RenderFailure {
  return { kind: "failed", error: { message: sentence(message, MESSAGE_CHARS_MAX), ...place } };
}
