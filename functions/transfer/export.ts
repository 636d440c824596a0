/**
 * The whole hub as lines, page by page: each page is read when it is asked for, so neither hub nor caller ever holds
 * more than one. It is no snapshot: what changes meanwhile is in it as it was when its page was read.
 */
import * as z from "zod";
import { assertNever } from "#core/assert.ts";
import { digestOf } from "#core/digest.ts";
import { EXPORT_LINES_MAX, EXPORT_PAGE_BYTES, EXPORT_VERSION, type ExportLine } from "#core/export.ts";
import { nameSchema } from "#core/metadata.ts";
import { Problem } from "#core/problem.ts";
import { HUB_PROJECT } from "#core/project.ts";
import type { Target } from "#core/release.ts";
import type { ObjectStore } from "../objects/port.ts";
import { getTargetPage, getTargetPages } from "../release/content.ts";
import type { Db } from "../store/db.ts";
import { getHub } from "../store/hub.ts";
import {
  readAppNumbers,
  readClusters,
  readCredentialNames,
  readLogHead,
  readProject,
  readResources,
  readTokens,
  type Part,
} from "../store/transfer-read.ts";
import { projectsInOrder } from "../store/transfer.ts";
import { servedPart } from "./served.ts";

export interface ExportDeps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
}

/** Apps come late: when a hub reads one in, all that its release needs is there. */
const STEPS = [
  "project",
  "policies",
  "sources",
  "credentials",
  "tokens",
  "log",
  "clusters",
  "served",
  "numbers",
  "apps",
  "promotions",
] as const;
type Step = (typeof STEPS)[number];

const placeSchema = z.discriminatedUnion("at", [
  z.object({ at: z.literal("start") }),
  z.object({
    at: z.literal("project"),
    project: nameSchema,
    step: z.enum(STEPS),
    after: z.string().max(300).optional(),
    /** Of the App's targets: pages that are told. */
    pages: z.number().int().nonnegative().optional(),
  }),
  /** The hub's own Project: until then who reads in has the rights that they began with. */
  z.object({ at: z.literal("hub-project") }),
]);
type Place = z.infer<typeof placeSchema>;

export interface ExportPage {
  lines: ExportLine[];
  next?: string;
}

/** A part that was begun is told whole: so far below its limits, a page has room for it. */
const LINES_FULL = EXPORT_LINES_MAX - 110;

export async function exportPage(deps: ExportDeps, cursor: string | undefined): Promise<ExportPage> {
  const lines: ExportLine[] = [];
  let bytes = 0;
  let place: Place | undefined = cursor === undefined ? { at: "start" } : readCursor(cursor);
  while (place !== undefined && lines.length < LINES_FULL && bytes < EXPORT_PAGE_BYTES) {
    const told: Told = await tell(deps, place);
    lines.push(...told.lines);
    bytes += told.lines.reduce((sum, line) => sum + Buffer.byteLength(JSON.stringify(line)), 0);
    place = told.next;
  }
  return { lines, ...(place === undefined ? {} : { next: writeCursor(place) }) };
}

function writeCursor(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString("base64url");
}

function readCursor(text: string): Place {
  try {
    return placeSchema.parse(JSON.parse(Buffer.from(text, "base64url").toString()));
  } catch {
    throw new Problem("invalid-request", "cursor: take it as it stood in the answer before");
  }
}

interface Told {
  lines: ExportLine[];
  next: Place | undefined;
}

async function tell(deps: ExportDeps, place: Place): Promise<Told> {
  const { db } = deps;
  switch (place.at) {
    case "start":
      return { lines: await opening(deps), next: await projectAfter(db, undefined) };
    case "hub-project":
      return { lines: await readProject(db, HUB_PROJECT), next: undefined };
    case "project": {
      if (place.step === "numbers") return numbers(deps, place);
      const { lines, next } = await partOf(deps, place.step, place.project, place.after);
      return { lines, next: next === undefined ? await stepAfter(db, place) : { ...place, after: next } };
    }
    default:
      return assertNever(place);
  }
}

async function opening({ db, now }: ExportDeps): Promise<ExportLine[]> {
  const { hub, epoch, serial, charter, recoveryKey } = await getHub(db);
  return [
    { kind: "header", fairlead: "export", version: EXPORT_VERSION, hub, at: now() },
    { kind: "hub", hub, epoch, serial, charter, recoveryKey },
  ];
}

async function projectAfter(db: Db, before: string | undefined): Promise<Place> {
  const projects = await projectsInOrder(db);
  const at = before === undefined ? 0 : projects.indexOf(before) + 1;
  const project = before !== undefined && at === 0 ? undefined : projects[at];
  return project === undefined ? { at: "hub-project" } : { at: "project", project, step: STEPS[0] };
}

async function stepAfter(db: Db, { project, step }: { project: string; step: Step }): Promise<Place> {
  const next = STEPS[STEPS.indexOf(step) + 1];
  return next === undefined ? projectAfter(db, project) : { at: "project", project, step: next };
}

async function partOf(
  deps: ExportDeps,
  step: Exclude<Step, "numbers">,
  project: string,
  after: string | undefined,
): Promise<Part> {
  const { db, now } = deps;
  switch (step) {
    case "project":
      return { lines: project === HUB_PROJECT ? [] : await readProject(db, project) };
    case "policies":
      return readResources(db, "Policy", project, after);
    case "sources":
      return readResources(db, "Source", project, after);
    case "credentials":
      return readCredentialNames(db, project, after);
    case "tokens":
      return readTokens(db, project, after, now());
    case "log":
      return { lines: await readLogHead(db, project) };
    case "clusters":
      return readClusters(db, project, after);
    case "served":
      return servedPart(deps, project, after);
    case "apps":
      return readResources(db, "App", project, after);
    case "promotions":
      return readResources(db, "Promotion", project, after);
    default:
      return assertNever(step);
  }
}

type ProjectPlace = Extract<Place, { at: "project" }>;

/** One page of an App's targets, or after the last one its index and its numbers. */
async function numbers({ db, objects }: ExportDeps, place: ProjectPlace): Promise<Told> {
  const { project, after, pages: told = 0 } = place;
  const found = await readAppNumbers(db, project, after);
  if (found?.line === undefined) return { lines: [], next: await stepAfter(db, place) };
  const { line } = found;
  const digests = line.release === undefined ? [] : await getTargetPages(objects, line.release.targets);
  const digest = digests[told];
  if (digest !== undefined) {
    const body = bare(await getTargetPage(objects, digest));
    return { lines: [{ kind: "targets", body }], next: { ...place, pages: told + 1 } };
  }
  const next: Place =
    found.next === undefined
      ? await stepAfter(db, place)
      : { at: "project", project, step: "numbers", after: found.at };
  if (line.release === undefined) return { lines: [line], next };
  const index = { pages: await barePages(objects, digests) };
  const release = { ...line.release, targets: digestOf(index) };
  return {
    lines: [
      { kind: "index", body: index },
      { ...line, release },
    ],
    next,
  };
}

async function barePages(objects: ObjectStore, digests: readonly string[]): Promise<string[]> {
  const bared: string[] = [];
  for (const digest of digests) bared.push(digestOf(bare(await getTargetPage(objects, digest))));
  return bared;
}

/** Bundles stay behind, and what was signed for the old epoch is worth nothing in the next. */
function bare(targets: readonly Target[]): { targets: Target[] } {
  return { targets: targets.map((target) => ({ ...target, bundle: undefined, statement: "" })) };
}
