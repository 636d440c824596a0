/** Work that waits for others, so many at once: a list of any length opens no more connections than that. */

/** Results in the order of `items`; the first failure ends it. */
export async function inSlices<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const done: R[] = [];
  for (let start = 0; start < items.length; start += atOnce)
    done.push(...(await Promise.all(items.slice(start, start + atOnce).map(work))));
  return done;
}
