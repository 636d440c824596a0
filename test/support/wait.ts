/** Waiting for a condition instead of for a time; what was seen last stands in the failure. */
const EVERY_MS = 50;

export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  timeoutMs: number = 60_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      last = seen;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  throw new Error(
    `not within ${timeoutMs} ms: ${what}; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
  );
}
