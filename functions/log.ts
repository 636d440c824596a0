/** One JSON line for each thing worth telling; on Lambda it goes to CloudWatch as it is. */
export function jsonLog(entry: Record<string, unknown>): void {
  process.stderr.write(`${JSON.stringify(entry)}\n`);
}
