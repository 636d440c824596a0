/** Several things that hang on one delivery of the stream: none keeps another from being tried. */

/** Waits for all; then rejects as the first that failed did, so that the delivery comes again. */
export async function settled(...works: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(works);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
