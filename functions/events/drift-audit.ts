/** Schedule → the drift audit of this slot, one for each project. */
import { awsDeps, whenWriting } from "../aws.ts";
import { metered } from "../meter/meter.ts";
import { auditAll } from "../audit/drift-audit.ts";

/** The cron in infra/ fires once in this time; more often makes no second audit. */
const SLOT_MS = 60 * 60_000;
let deps: ReturnType<typeof awsDeps> | undefined;

export const handler = whenWriting(work, undefined);

async function work(): Promise<void> {
  const held = (deps ??= awsDeps());
  await metered(held, () => auditAll({ ...held, slotMs: SLOT_MS }));
}
