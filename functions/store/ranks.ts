/** Sets of ranks as short text: a rollout over ten thousand clusters stays an item of a few kilobytes. */

/** Runs as `gap` or `gap*length`, in base 36: 3, 4, 5, 9 are `3*3,3`. */
export function packRanks(ranks: readonly number[]): string {
  const runs: string[] = [];
  let after = 0;
  for (let index = 0; index < ranks.length;) {
    const start = ranks[index] ?? 0;
    let length = 1;
    while (ranks[index + length] === start + length) length += 1;
    const gap = (start - after).toString(36);
    runs.push(length === 1 ? gap : `${gap}*${length.toString(36)}`);
    after = start + length;
    index += length;
  }
  return runs.join(",");
}

export function unpackRanks(text: string): number[] {
  const ranks: number[] = [];
  let after = 0;
  for (const run of text === "" ? [] : text.split(",")) {
    const [gap = "", length = "1"] = run.split("*");
    const start = after + Number.parseInt(gap, 36);
    after = start + Number.parseInt(length, 36);
    for (let rank = start; rank < after; rank += 1) ranks.push(rank);
  }
  return ranks;
}
