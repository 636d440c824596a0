/** From a drift that was observed: the entry of `spec.sync.ignore` that leaves its fields to whoever changes them. */
import type { IgnoreRules } from "./diff.ts";
import type { Drift } from "./protocol.ts";

/** Undefined where the whole object came or went: that is no field to leave to anybody. */
export function ignoreFor(drift: Pick<Drift, "object" | "fields">): IgnoreRules[number] | undefined {
  const paths = drift.fields.map(({ path }) => path).filter((path) => path !== "");
  const kind = drift.object.split(" ")[0];
  if (paths.length === 0 || paths.length < drift.fields.length || kind === undefined) return undefined;
  return { paths, kinds: [kind] };
}

/** As it stands in an App, on one line: `{ paths: ["/spec/replicas"], kinds: ["Deployment"] }`. */
export function ignoreText({ paths, kinds = [] }: IgnoreRules[number]): string {
  const list = (texts: readonly string[]): string => texts.map((text) => JSON.stringify(text)).join(", ");
  return `{ paths: [${list(paths)}], kinds: [${list(kinds)}] }`;
}
