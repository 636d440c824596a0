/** One JSON line for each thing worth telling; on Lambda it goes to CloudWatch as it is. */
import type { Meter } from "./meter/meter.ts";

export function jsonLog(entry: Record<string, unknown>): void {
  process.stderr.write(lineOf(entry));
}

/** The same, counted. */
export function countedLog(meter: Meter): typeof jsonLog {
  return (entry) => {
    const line = lineOf(entry);
    meter.add("logBytes", Buffer.byteLength(line));
    process.stderr.write(line);
  };
}

function lineOf(entry: Record<string, unknown>): string {
  return `${JSON.stringify(entry)}\n`;
}
