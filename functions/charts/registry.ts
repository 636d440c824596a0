/**
 * A chart in an OCI registry: a tag leads to a manifest, one layer of which is the archive, and another may be its
 * provenance file. Manifest and layers are known by their digests, and nothing is handed out that does not have its own.
 */
import * as z from "zod";
import { chartAddress, httpAddress, isRange, type ChartRef } from "#core/chart.ts";
import { sha256 } from "#core/digest.ts";
import { signaturesOf } from "./cosign.ts";
import type { ChartCredentials } from "./credentials.ts";
import { ChartFailure } from "./failure.ts";
import type { Answer, Wire } from "./http.ts";
import { ARCHIVE_BYTES_MAX, DOCUMENT_BYTES_MAX, TAG_PAGES_MAX, TAGS_MAX } from "./limits.ts";
import type { Offer } from "./offer.ts";
import { openSession, type RegistrySession } from "./registry-session.ts";
import { noSuchVersion } from "./told.ts";
import { chooseVersion, type Versioned } from "./versions.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const MANIFESTS = `${MANIFEST}, application/vnd.docker.distribution.manifest.v2+json`;
const CHART_LAYERS = [
  "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
  // Of charts from before Helm 3.8.
  "application/tar+gzip",
];
const PROVENANCE_LAYER = "application/vnd.cncf.helm.chart.provenance.v1.prov";

const layerSchema = z.object({
  mediaType: z.string(),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  size: z.number().int().nonnegative(),
  annotations: z.record(z.string(), z.string()).optional(),
});
export type Layer = z.infer<typeof layerSchema>;
const manifestSchema = z.object({ layers: z.array(layerSchema).min(1).max(100) });
const tagsSchema = z.object({ tags: z.array(z.string().max(200)).max(TAGS_MAX).nullish() });

/** One repository of a registry, as charts and signatures are read from it. */
export interface Registry {
  /** Undefined where there is no such tag. */
  manifest(tag: string): Promise<{ digest: string; layers: Layer[] } | undefined>;
  blob(layer: Layer, what: string, bytesMax: number): Promise<Buffer>;
}

export async function offerOfRegistry(
  wire: Wire,
  chart: ChartRef,
  credentials: ChartCredentials | undefined,
): Promise<Offer> {
  const address = httpAddress(chartAddress(chart));
  if (address === undefined) throw new ChartFailure("invalid", `${chart.repository} is no address`);
  const place = chartAddress(chart);
  const session = openSession(wire, new URL("/", address), address.pathname.slice(1), credentials);
  const registry = registryOf(session, place, credentials !== undefined);
  const tags = () => allTags(session, chart, credentials !== undefined);
  let { version } = chart;
  if (isRange(chart)) {
    const offered = await tags();
    const chosen = chooseVersion(version, offered);
    if (chosen === undefined) throw noSuchVersion(chart, offered);
    ({ version } = chosen);
  }
  const found = await registry.manifest(tagOf(version));
  if (found === undefined) throw noSuchVersion(chart, await tags());
  const layer = found.layers.find(({ mediaType }) => CHART_LAYERS.includes(mediaType));
  if (layer === undefined)
    throw new ChartFailure(
      "invalid",
      `${place}:${tagOf(version)} is no chart: none of its layers is a chart's archive`,
    );
  const beside = found.layers.find(({ mediaType }) => mediaType === PROVENANCE_LAYER);
  const label = `chart ${chart.name} ${version}`;
  return {
    version,
    digest: layer.digest.slice("sha256:".length),
    manifest: found.digest,
    archive: () => registry.blob(layer, label, ARCHIVE_BYTES_MAX),
    provenance: async () =>
      beside === undefined
        ? undefined
        : (await registry.blob(beside, `the provenance of ${label}`, DOCUMENT_BYTES_MAX)).toString("utf8"),
    signatures: () => signaturesOf(registry, found.digest),
  };
}

/** A tag takes no `+`; Helm writes `_` for it. */
function tagOf(version: string): string {
  return version.replaceAll("+", "_");
}

function registryOf(session: RegistrySession, place: string, hadCredentials: boolean): Registry {
  return {
    manifest: async (tag) => {
      const what = `the manifest ${place}:${tag}`;
      const answer = await session.get(`manifests/${encodeURIComponent(tag)}`, {
        what,
        bytesMax: DOCUMENT_BYTES_MAX,
        accept: MANIFESTS,
      });
      if (answer.status === 404) return undefined;
      requireOk(answer, place, hadCredentials);
      const read = manifestSchema.safeParse(jsonOf(answer.body));
      if (!read.success)
        throw new ChartFailure("invalid", `${what} cannot be read, or has no layers: it is no chart`);
      return { digest: sha256(answer.body), layers: read.data.layers };
    },
    blob: async ({ digest, size }, what, bytesMax) => {
      if (size > bytesMax)
        throw new ChartFailure(
          "too-large",
          `${what} at ${place} has ${size} bytes, the limit is ${bytesMax}`,
        );
      const answer = await session.get(`blobs/${digest}`, { what, bytesMax });
      requireOk(answer, place, hadCredentials);
      if (`sha256:${sha256(answer.body)}` === digest) return answer.body;
      throw new ChartFailure(
        "digest",
        `${what} at ${place} came with another content than its digest ${digest}`,
      );
    },
  };
}

async function allTags(
  session: RegistrySession,
  chart: ChartRef,
  hadCredentials: boolean,
): Promise<Versioned[]> {
  const place = chartAddress(chart);
  const found: string[] = [];
  let next: string | undefined = "tags/list?n=1000";
  for (let page = 0; next !== undefined; page++) {
    if (page === TAG_PAGES_MAX || found.length > TAGS_MAX)
      throw new ChartFailure(
        "too-large",
        `${place} has more than ${TAGS_MAX} tags, or ${TAG_PAGES_MAX} pages of them`,
      );
    const answer = await session.get(next, { what: `the tags of ${place}`, bytesMax: DOCUMENT_BYTES_MAX });
    if (answer.status === 404)
      throw new ChartFailure(
        "no-chart",
        `${place} is not there; check spec.chart.repository and spec.chart.name`,
      );
    requireOk(answer, place, hadCredentials);
    const read = tagsSchema.safeParse(jsonOf(answer.body));
    if (!read.success) throw new ChartFailure("invalid", `the tags of ${place} cannot be read`);
    found.push(...(read.data.tags ?? []));
    next = nextPage(answer);
  }
  return found
    .filter((tag) => /^\d+\.\d+\.\d+/.test(tag))
    .map((tag) => ({ version: tag.replaceAll("_", "+") }));
}

function nextPage({ headers, url }: Answer): string | undefined {
  const [, target] = /<([^>]+)>\s*;\s*rel="?next"?/i.exec(headers.get("link") ?? "") ?? [];
  const next = target === undefined ? null : URL.parse(target, url.href);
  return next?.origin === url.origin ? next.pathname + next.search : undefined;
}

function requireOk({ status, url }: Answer, place: string, hadCredentials: boolean): void {
  if (status === 200) return;
  if (status === 401 || status === 403)
    throw new ChartFailure(
      "auth",
      hadCredentials
        ? `${url.host} refuses the credentials (HTTP ${status}) for ${place}; check the secret, its right to pull, and that its hosts, if it names any, hold the token server too`
        : `${url.host} asks for credentials (HTTP ${status}) for ${place}, or hides that it has no such chart; name a secret in spec.chart.credentials`,
    );
  if (status === 404)
    throw new ChartFailure(
      "no-chart",
      `${place} is not whole: its registry lacks a part that it lists (HTTP 404)`,
    );
  throw new ChartFailure("server", `${place} answers HTTP ${status}`);
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    // What is no JSON fits no schema.
    return undefined;
  }
}
