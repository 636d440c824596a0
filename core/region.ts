/**
 * Regions of one hub: of all that have a copy of its table, the one that its charter names writes; the others serve what
 * was copied to them. A hub whose charter names none has one region, and nothing here is in play.
 */
import * as z from "zod";
import type { Charter } from "./charter.ts";

export const regionSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "is at most 40 small letters, digits and dashes");

/** What keeps `here` from writing, with the way out; undefined: it may. */
export function writerFault(here: string, writer: string | undefined): string | undefined {
  if (writer === undefined || writer === here) return undefined;
  return `this is region ${here}, which serves agents what it has; region ${writer} writes: ask there, or, where that region is lost, fairlead hub failover --to ${here} --recovery-key FILE --reason TEXT`;
}

type Held = Pick<Charter, "epoch" | "region">;

/**
 * What is wrong with how `next` changes the region that writes. The epoch of a failover is its charter's serial (seconds
 * since 1970), since the region that takes over cannot know which epochs the other one opened: two regions never open the same.
 */
export function failoverFault(held: Held, next: Held & Pick<Charter, "serial">): string | undefined {
  if (held.region === undefined || held.region === next.region) return undefined;
  if (next.region === undefined)
    return `it names no region, and region ${held.region} writes: name that one, or the one that takes over`;
  return next.epoch === next.serial
    ? undefined
    : `it makes region ${next.region} the writer instead of ${held.region}: then its epoch has to be its serial, ${next.serial}`;
}
