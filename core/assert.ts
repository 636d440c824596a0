/**
 * Programmer errors, kept apart from operating errors: a broken invariant ends the request, never the fleet.
 */

/** Throws when `condition` does not hold; `message` says which invariant broke. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`);
}

/** Closes a switch over a union: a new variant fails to compile until it is handled. */
export function assertNever(value: never): never {
  throw new Error(`invariant broken: unexpected variant ${JSON.stringify(value)}`);
}
