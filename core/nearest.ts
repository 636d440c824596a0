/** The known word that a mistyped one most likely means: for "did you mean". */

const WORD_CHARS_MAX = 64;

/** Undefined when nothing is near: more than a third of the letters would have to change, at most three. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > WORD_CHARS_MAX) return undefined;
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const distance = editDistance(word.toLowerCase(), name.toLowerCase());
    if (distance < (best?.distance ?? Number.POSITIVE_INFINITY)) best = { name, distance };
  }
  const limit = Math.min(3, Math.ceil(word.length / 3));
  return best !== undefined && best.distance <= limit ? best.name : undefined;
}

/** Letters put in, taken out, replaced, or swapped with their neighbour: `namesapce` is one from `namespace`. */
function editDistance(a: string, b: string): number {
  let [twoAgo, before] = [[] as number[], Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(
        (before[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (before[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        cost = Math.min(cost, (twoAgo[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    [twoAgo, before] = [before, current];
  }
  return before[b.length] ?? 0;
}
