/**
 * What a render answers. A repository that cannot be rendered is an ordinary answer, not an exception: its error names
 * the file, the line and the object as far as they are known, reason first, on one line and of bounded length.
 */
import type { KubeObject } from "#core/object.ts";
import { sentence } from "#core/text.ts";
import { MESSAGE_CHARS_MAX } from "./limits.ts";

/** Why nothing was rendered. `file` runs from the root of the repository, `line` counts from 1, `object` reads `Kind namespace/name`. */
export type RenderError = { message: string; file?: string; line?: number; object?: string };

export type RenderFailure = { kind: "failed"; error: RenderError };

export type RenderResult = { kind: "rendered"; objects: KubeObject[] } | RenderFailure;

/** A failure whose message is fit to show. */
export function failed(message: string, place: Omit<RenderError, "message"> = {}): RenderFailure {
  return { kind: "failed", error: { message: sentence(message, MESSAGE_CHARS_MAX), ...place } };
}
