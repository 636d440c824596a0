/** Schedule → the object store: deletes what nothing has needed for long. */
import { awsDeps, whenWriting } from "../aws.ts";
import { collectGarbage } from "../gc/collect.ts";
import { jsonLog } from "../log.ts";

/** Less than the function has: no further object is looked at after this long. */
const TIME_MS = 13 * 60_000;
let deps: ReturnType<typeof awsDeps> | undefined;

export const handler = whenWriting(work, undefined);

async function work(): Promise<void> {
  const found = await collectGarbage((deps ??= awsDeps()), TIME_MS);
  jsonLog({ level: "info", job: "collect garbage", ...found });
}
