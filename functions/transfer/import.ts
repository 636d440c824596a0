/**
 * Reads an export into a hub that was just opened, which becomes the old one: same id, same recovery key, a higher
 * epoch, its own signing key and address, all certified by a charter that was signed elsewhere. Each request is checked
 * whole before it writes; the whole may be repeated until it is done.
 */
import * as z from "zod";
import type { Stamp } from "#core/actor.ts";
import { assertNever } from "#core/assert.ts";
import { charterFault, type Charter } from "#core/charter.ts";
import {
  exportLineSchema,
  type ExportLine,
  type HubLine,
  type ImportAnswer,
  type ImportRequest,
} from "#core/export.ts";
import { canonicalJson, sha256 } from "#core/digest.ts";
import { Problem } from "#core/problem.ts";
import type { ObjectStore } from "../objects/port.ts";
import { readCharter } from "../release/charter.ts";
import { putApiDocument } from "../release/api-documents.ts";
import { putDocument } from "../release/content.ts";
import type { Db } from "../store/db.ts";
import { charterOf, getHub, type Hub } from "../store/hub.ts";
import { endImport, putHub } from "../store/hub-write.ts";
import {
  isFresh,
  restoreAgent,
  restoreApp,
  restoreResource,
  restoreServed,
  restoreToken,
} from "../store/transfer.ts";

export interface ImportDeps {
  db: Db;
  objects: ObjectStore;
}

export async function importPage(
  deps: ImportDeps,
  request: ImportRequest,
  stamp: Stamp,
): Promise<ImportAnswer> {
  const lines = request.lines.map((line, index) => parsed(line, request.from + index));
  const hub = await getHub(deps.db);
  if (hub.imported === request.export) return { outcome: "already" };
  if (hub.importing !== request.export) await takeOver(deps.db, hub, request, lines, stamp);
  for (const line of lines) await restore(deps, line, stamp);
  if (lines.at(-1)?.kind !== "end") return { outcome: "taken" };
  await endImport(deps.db, request.export);
  return { outcome: "done" };
}

function parsed(line: unknown, at: number): ExportLine {
  const read = exportLineSchema.safeParse(line);
  if (read.success) return read.data;
  throw new Problem(
    "invalid-request",
    `line ${at + 1}: ${z.prettifyError(read.error).replaceAll("\n", " ").slice(0, 400)}`,
  );
}

/** First of all writes: from here on this hub answers to the old one's agents, and refuses any other import. */
async function takeOver(
  db: Db,
  hub: Hub,
  request: ImportRequest,
  lines: readonly ExportLine[],
  stamp: Stamp,
): Promise<void> {
  if (hub.importing !== undefined || hub.imported !== undefined)
    throw new Problem(
      "already-open",
      `this hub reads in, or has read in, another export: ${hub.importing ?? hub.imported}`,
    );
  const [header, old] = lines;
  if (request.from !== 0 || header?.kind !== "header" || old?.kind !== "hub")
    throw new Problem(
      "invalid-request",
      "an import begins with the export's first two lines, header and hub",
    );
  if (!(await isFresh(db)))
    throw new Problem(
      "already-open",
      "this hub has clusters, Sources or Apps of its own: an export is read into a hub that was just opened",
    );
  const charter = await checkedCharter(request.charter, old, hub);
  const next: Hub = {
    hub: old.hub,
    epoch: charter.epoch,
    serial: charter.serial,
    charter: request.charter,
    recoveryKey: old.recoveryKey,
    signing: hub.signing,
    format: hub.format,
    importing: request.export,
  };
  if ((await putHub(db, next, hub, stamp)) === "lost")
    throw new Problem(
      "conflict",
      "the hub's charter was changed at this moment, or has a higher serial: try again",
    );
}

async function checkedCharter(jws: string, old: HubLine, hub: Hub): Promise<Charter> {
  const read = await readCharter(jws, old.recoveryKey);
  if (read.kind === "refused") throw new Problem("invalid-request", `charter: ${read.message}`);
  const { charter } = read;
  const before: Charter = { ...charterOf(hub), hub: old.hub, serial: old.serial, epoch: old.epoch };
  const fault = charterFault(before, charter, hub.signing);
  if (fault !== undefined) throw new Problem("invalid-request", `charter: ${fault}`);
  if (charter.epoch <= old.epoch)
    throw new Problem(
      "invalid-request",
      `charter: its epoch must be above ${old.epoch}: the old hub may have signed more than the export knows`,
    );
  return charter;
}

async function restore({ db, objects }: ImportDeps, line: ExportLine, stamp: Stamp): Promise<void> {
  switch (line.kind) {
    case "resource":
      return restoreResource(db, line, stamp);
    case "agent":
      return restoreAgent(db, line, stamp);
    case "apis":
      return restoreApis(objects, line);
    case "served":
      return restoreServed(db, line);
    case "token":
      return restoreToken(db, line, stamp);
    case "targets":
    case "index":
      return void (await putDocument(objects, line.body));
    case "app":
      return restoreApp(db, line);
    // Names and marks for people: the first page holds what the hub needs, values are set again by hand.
    case "header":
    case "hub":
    case "credential":
    case "log":
    case "end":
      return undefined;
    default:
      return assertNever(line);
  }
}

async function restoreApis(
  objects: ObjectStore,
  { digest, list }: Extract<ExportLine, { kind: "apis" }>,
): Promise<void> {
  const text = canonicalJson(list);
  if (sha256(text) !== digest)
    throw new Problem("invalid-request", `the list of APIs ${digest} is another one`);
  await putApiDocument(objects, "apis", digest, new TextEncoder().encode(text));
}
