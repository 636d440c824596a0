/** One line on standard error that says how a wait goes: renewed on a terminal, told once per change elsewhere. */
import { sentence } from "#core/text.ts";
import type { Stream } from "./io.ts";

const LINE_CHARS_MAX = 160;

export interface ProgressLine {
  /** `seconds` are shown on a terminal only: a log must not get a line for each of them. */
  tell(text: string, seconds: number): void;
  end(): void;
}

export function progressLine(out: Stream): ProgressLine {
  let last = "";
  const clear = "\r\u001B[K";
  return {
    tell: (text, seconds) => {
      const line = sentence(text, LINE_CHARS_MAX);
      if (out.isTTY === true) out.write(`${clear}${line} · ${seconds} s`);
      else if (line !== last) out.write(`${line}\n`);
      last = line;
    },
    end: () => {
      if (out.isTTY === true && last !== "") out.write(clear);
    },
  };
}
