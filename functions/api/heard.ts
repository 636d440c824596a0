/**
 * That an agent is there, told with its reports. One that brings up many Apps reports many times a minute: what it said is
 * written down when it is news, and else once a minute. Of this process alone: another one writes it once more.
 */
import { canonicalJson } from "#core/digest.ts";
import { hear, type Heard, type Line } from "../store/cluster.ts";
import type { Db } from "../store/db.ts";

/** Little beside the ten minutes after which a cluster counts as silent. */
const HEARD_FOR_MS = 60_000;
const KEPT_MAX = 10_000;

interface Note {
  said: string;
  at: number;
}
const noted = new WeakMap<Db, Map<string, Note>>();

/** A write, or none where the same run told the same less than a minute ago. */
export async function hearReport(db: Db, line: Line, run: string, now: number, heard: Heard): Promise<void> {
  const notes = noted.get(db) ?? new Map<string, Note>();
  noted.set(db, notes);
  const key = `${line.project}/${line.cluster}`;
  const said = canonicalJson([run, heard.agent ?? "", heard.kubernetes ?? ""]);
  const last = notes.get(key);
  if (last?.said === said && Math.abs(now - last.at) < HEARD_FOR_MS) return;
  await hear(db, line, run, now, heard);
  notes.delete(key);
  notes.set(key, { said, at: now });
  const [oldest] = notes.keys();
  if (notes.size > KEPT_MAX && oldest !== undefined) notes.delete(oldest);
}
