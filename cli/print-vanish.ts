/** What an edit takes off clusters, for people: beside the data, like a warning. */
import { sentence } from "#core/text.ts";
import { vanishLines, type Vanish } from "#core/vanish.ts";
import type { Io } from "./io.ts";

export function printVanish(io: Io, vanish: Vanish): void {
  for (const line of vanishLines(vanish)) io.stderr.write(`vanishes: ${sentence(line, LINE_CHARS_MAX)}\n`);
}

const LINE_CHARS_MAX = 500;
