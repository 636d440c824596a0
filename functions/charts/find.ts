/**
 * Finds what an App's chart is now: which version its repository has for it, which archive that is, and whether it may be
 * used. What is found is kept in the object store under its digest and pinned for the project: the same version with
 * another archive is refused, unless the App names that archive itself.
 */
import { chartAddress, isOci, type ChartRef } from "#core/chart.ts";
import type { FoundChart } from "#core/chart-state.ts";
import { sha256 } from "#core/digest.ts";
import type { Project } from "#core/project.ts";
import type { Demanded } from "#core/signers.ts";
import { keepObject } from "../objects/keep.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { Outbound } from "../outbound/port.ts";
import type { SecretStore } from "../secrets/port.ts";
import { getChartPin, putChartPin } from "../store/chart.ts";
import type { Db } from "../store/db.ts";
import { checkChart, unpackChart } from "./archive.ts";
import { chartCredentials } from "./credentials.ts";
import { ChartFailure } from "./failure.ts";
import { heard, refuseSilent } from "./silent.ts";
import { LOOK_MS_MAX } from "./limits.ts";
import type { Offer } from "./offer.ts";
import { offerOfRegistry } from "./registry.ts";
import { offerOfRepository } from "./repository.ts";
import { vouchForChart, type Vouched } from "./verify.ts";

export interface ChartDeps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
  outbound: Outbound;
  secrets: SecretStore;
}

export interface Wanted {
  readonly project: Project;
  readonly chart: ChartRef;
  readonly rules: Demanded;
  /** What was found for the very same wish before. */
  readonly before: FoundChart | undefined;
}

export const archiveKey = (digest: string): string => `charts/${digest}`;

export type Found = Pick<FoundChart, "version" | "digest"> & Vouched;

/** Throws `ChartFailure`. */
export async function findChart(deps: ChartDeps, wanted: Wanted): Promise<Found> {
  const { project, chart, before } = wanted;
  const credentials = await chartCredentials(deps.secrets, project.metadata.name, chart);
  const wire = { http: deps.outbound.to(project.spec.egress), signal: AbortSignal.timeout(LOOK_MS_MAX) };
  const ask = isOci(chart.repository) ? offerOfRegistry : offerOfRepository;
  refuseSilent(deps, chart);
  const offer = await heard(deps, chart, () => ask(wire, chart, credentials));
  if (before !== undefined && isStill(before, offer)) return before;
  if (offer.digest !== undefined) await checkDigest(deps, wanted, offer, offer.digest);
  const kept = offer.digest === undefined ? undefined : await keptArchive(deps, offer.digest);
  const archive = kept ?? (await offer.archive());
  const digest = sha256(archive);
  if (offer.digest !== undefined && offer.digest !== digest)
    throw new ChartFailure(
      "digest",
      `${chartAddress(chart)} ${offer.version} came with the digest sha256:${digest}, its repository lists sha256:${offer.digest}`,
    );
  await checkDigest(deps, wanted, offer, digest);
  checkChart(await unpackChart(archive), chart, offer.version);
  const vouched = await vouchForChart(wanted.rules, chart, offer, digest, deps.now());
  await keepObject(deps.objects, archiveKey(digest), archive);
  await pin(deps, wanted, offer, digest);
  return { version: offer.version, digest, ...vouched };
}

/** A repository that says no digest is believed to have what it had. */
function isStill(before: FoundChart, { version, digest }: Offer): boolean {
  return before.version === version && (digest ?? before.digest) === before.digest;
}

async function keptArchive({ objects }: ChartDeps, digest: string): Promise<Uint8Array | undefined> {
  const kept = await objects.get(archiveKey(digest));
  return kept !== undefined && sha256(kept) === digest ? kept : undefined;
}

async function checkDigest(
  { db }: ChartDeps,
  { project, chart }: Wanted,
  { version, manifest }: Offer,
  digest: string,
): Promise<void> {
  const address = chartAddress(chart);
  if (chart.digest !== undefined) {
    const has = [digest, manifest].filter((one) => one !== undefined).map((one) => `sha256:${one}`);
    if (has.includes(chart.digest)) return;
    const manifestWords = has.length > 1 ? ` (the archive; its manifest ${has[1]})` : "";
    throw new ChartFailure(
      "digest",
      `${address} ${version} has the digest ${has[0]}${manifestWords}, the App names ${chart.digest}: if the new one is meant, write it into spec.chart.digest`,
    );
  }
  const first = await getChartPin(db, { project: project.metadata.name, chart: address, version });
  if (first !== undefined && first.digest !== digest) throw moved(address, version, first.digest, digest);
}

/** Whoever sees a version first says what it is in this project. */
async function pin(
  { db, now }: ChartDeps,
  { project, chart }: Wanted,
  offer: Offer,
  digest: string,
): Promise<void> {
  const named = { project: project.metadata.name, chart: chartAddress(chart), version: offer.version };
  if ((await putChartPin(db, { ...named, digest, at: now() })) === "written") return;
  const first = await getChartPin(db, named);
  if (chart.digest === undefined && first !== undefined && first.digest !== digest)
    throw moved(named.chart, named.version, first.digest, digest);
}

function moved(address: string, version: string, was: string, is: string): ChartFailure {
  return new ChartFailure(
    "digest",
    `${address} ${version} was moved: its digest was sha256:${was} and is now sha256:${is}; what runs stays. If the new one is meant, write it into spec.chart.digest, or take a new version`,
  );
}
