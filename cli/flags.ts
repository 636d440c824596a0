/** Flags that several commands share, so that one word means one thing everywhere. */
import { durationMs, durationSchema } from "#core/duration.ts";
import { FORMATS, type Format } from "./print.ts";

export const hubFlags = {
  server: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "URL",
    brief: "the hub [FAIRLEAD_SERVER, .fairlead/cli.json, fairlead login]",
  },
  token: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "TOKEN",
    brief: "its API token [FAIRLEAD_API_TOKEN, .fairlead/cli.json, fairlead login]",
  },
  project: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "NAME",
    brief: 'the project ("default" where none is named)',
  },
  reason: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "TEXT",
    brief: "why, for the audit log [FAIRLEAD_REASON]",
  },
} as const;

export const outputFlag = {
  kind: "enum",
  values: FORMATS,
  default: "table",
  brief: "how the answer is printed",
} as const;
export interface OutputFlags {
  output: Format;
}

const LONGEST_MS = 86_400_000;

/** Parses `5m` to milliseconds. */
export function parseTime(text: string): number {
  const parsed = durationSchema(1000, LONGEST_MS).safeParse(text);
  if (!parsed.success) throw new Error(parsed.error.issues[0]?.message ?? "is no duration");
  return durationMs(parsed.data);
}

export function parseCount(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new Error("must be a whole number from 1");
  return number;
}
