/** Schedule → Git: looks at the refs of all Sources that are due. */
import { awsDeps } from "../aws.ts";
import { pollDue, type LastPolled } from "../release/poll-sources.ts";

let deps: ReturnType<typeof awsDeps> | undefined;
const last: LastPolled = new Map();

export async function handler(): Promise<void> {
  await pollDue((deps ??= awsDeps()), last);
}
