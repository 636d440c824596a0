/**
 * A Helm repository: `index.yaml` over http(s), which lists versions with the addresses and digests of their archives. Of
 * an index, which may have tens of megabytes, only what is said of the one chart is read as YAML.
 */
import { parse } from "yaml";
import * as z from "zod";
import { chartAddress, httpAddress, type ChartRef } from "#core/chart.ts";
import type { ChartCredentials } from "./credentials.ts";
import { ChartFailure, quote } from "./failure.ts";
import { ask, type Answer, type Request, type Wire } from "./http.ts";
import { ARCHIVE_BYTES_MAX, DOCUMENT_BYTES_MAX, INDEX_BYTES_MAX, INDEX_ENTRY_BYTES_MAX } from "./limits.ts";
import type { Offer } from "./offer.ts";
import { noSuchVersion } from "./told.ts";
import { chooseVersion } from "./versions.ts";

const entrySchema = z.object({
  version: z.union([z.string(), z.number()]).transform(String),
  urls: z.array(z.string()).min(1),
  digest: z.string().optional(),
});
type Entry = z.infer<typeof entrySchema>;

export async function offerOfRepository(
  wire: Wire,
  chart: ChartRef,
  credentials: ChartCredentials | undefined,
): Promise<Offer> {
  const { repository, name } = chart;
  const base = httpAddress(`${repository.replace(/\/+$/, "")}/`);
  if (base === undefined) throw new ChartFailure("invalid", `${repository} is no address`);
  const authorize = (url: URL) => (credentials?.isFor(url) === true ? credentials.header : undefined);
  const get = (request: Omit<Request, "authorize">) => ask(wire, { ...request, authorize });
  const what = `the index of ${repository}`;
  const index = await get({ url: new URL("index.yaml", base), what, bytesMax: INDEX_BYTES_MAX });
  requireOk(index, `${repository}/index.yaml`, credentials, "server");
  const entries = entriesOf(index.body.toString("utf8"), name, repository);
  const entry = chooseVersion(chart.version, entries);
  if (entry === undefined) throw noSuchVersion(chart, entries);
  const url = archiveUrl(entry, index.url, chart);
  const label = `chart ${name} ${entry.version}`;
  return {
    version: entry.version,
    digest: /^(?:sha256:)?([0-9a-f]{64})$/.exec(entry.digest ?? "")?.[1],
    manifest: undefined,
    archive: async () => {
      const headers = { "accept-encoding": "identity" };
      const answer = await get({ url, what: label, bytesMax: ARCHIVE_BYTES_MAX, headers });
      requireOk(answer, url.href, credentials, "no-version");
      return answer.body;
    },
    provenance: async () => {
      const beside = new URL(url);
      beside.pathname += ".prov";
      const what = `the provenance of ${label}`;
      const answer = await get({ url: beside, what, bytesMax: DOCUMENT_BYTES_MAX });
      if (answer.status === 404) return undefined;
      requireOk(answer, beside.href, credentials, "no-version");
      return answer.body.toString("utf8");
    },
    signatures: () => Promise.resolve([]),
  };
}

function requireOk(
  { status, url }: Answer,
  place: string,
  credentials: ChartCredentials | undefined,
  missing: "server" | "no-version",
): void {
  if (status === 200) return;
  if (status === 401 || status === 403) {
    const isSent = credentials?.isFor(url) === true;
    throw new ChartFailure(
      "auth",
      isSent
        ? `${url.host} refuses the credentials (HTTP ${status}) for ${place}; check the secret and its read right`
        : credentials === undefined
          ? `${url.host} asks for credentials (HTTP ${status}) for ${place}; name a secret in spec.chart.credentials`
          : `${url.host} asks for credentials (HTTP ${status}) for ${place}; those given are for the repository's own address: name ${url.hostname} among the hosts of the credential`,
    );
  }
  if (status === 404 || status === 410)
    throw new ChartFailure(
      missing,
      missing === "server"
        ? `there is no ${place} (HTTP ${status}); spec.chart.repository must be the address of a Helm repository, and oci://… that of a registry`
        : `the repository lists ${place}, and there is nothing (HTTP ${status})`,
    );
  throw new ChartFailure("server", `${place} answers HTTP ${status}`);
}

function archiveUrl({ urls, version }: Entry, index: URL, chart: ChartRef): URL {
  const [first = ""] = urls;
  const url = URL.parse(first, index.href);
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && index.protocol === "http:");
  if (url !== null && isSafe && url.username === "" && url.password === "") return url;
  throw new ChartFailure(
    "invalid",
    `${chartAddress(chart)} ${version} is listed at ${quote(first)}, which is not followed: it must be an https address`,
  );
}

/** Throws where the index does not have the chart. What is no entry of a version is passed over. */
function entriesOf(index: string, name: string, repository: string): Entry[] {
  const text = entryText(index, name);
  if (text === undefined)
    throw new ChartFailure("no-chart", `${repository} has no chart ${name}; check spec.chart.name`);
  if (text.length > INDEX_ENTRY_BYTES_MAX)
    throw new ChartFailure(
      "too-large",
      `what the index of ${repository} says of ${name} has ${text.length} bytes, the limit is ${INDEX_ENTRY_BYTES_MAX}`,
    );
  const found = z.array(z.unknown()).safeParse(readEntries(text, repository)[name]);
  if (!found.success)
    throw new ChartFailure("invalid", `the index of ${repository} has no list of versions of ${name}`);
  return found.data.flatMap((one) => {
    const entry = entrySchema.safeParse(one);
    return entry.success ? [entry.data] : [];
  });
}

function readEntries(text: string, repository: string): Record<string, unknown> {
  try {
    const read = z.record(z.string(), z.unknown()).safeParse(parse(text, { maxAliasCount: 0 }));
    return read.success ? read.data : {};
  } catch (error) {
    const [line = ""] = String(error).split("\n", 1);
    throw new ChartFailure("invalid", `the index of ${repository} cannot be read (${quote(line)})`);
  }
}

/** The chart's key with all that is below it, as a document of its own; undefined where it is not there. */
export function entryText(index: string, name: string): string | undefined {
  if (index.trimStart().startsWith("{")) return jsonEntry(index, name);
  const start = /^entries:[ \t]*(?:#.*)?\r?$/m.exec(index);
  if (start === null) return undefined;
  const body = index.slice(start.index + start[0].length + 1);
  const [, indent = ""] = /^([ ]+)[^ #\r\n]/m.exec(body) ?? [];
  const key = `${indent}(?:${name.replaceAll(".", "\\.")}|(["'])${name.replaceAll(".", "\\.")}\\1):[ \\t]*\\r?$`;
  const at = new RegExp(`^${key}`, "m").exec(body);
  const end = /^[^ #\r\n]/m.exec(body)?.index ?? body.length;
  if (indent === "" || at === null || at.index > end) return undefined;
  const rest = body.slice(at.index + at[0].length, end);
  // The next line that stands as far left as the key, and is no item of its list, is the next key.
  const next = new RegExp(`^ {0,${indent.length}}(?![ \\r\\n#]|- |-\\r?$)`, "m").exec(rest);
  return at[0] + rest.slice(0, next?.index);
}

function jsonEntry(index: string, name: string): string | undefined {
  try {
    const { entries } = z
      .object({ entries: z.record(z.string(), z.unknown()) })
      .parse(JSON.parse(index) as unknown);
    return Object.hasOwn(entries, name) ? JSON.stringify({ [name]: entries[name] }) : undefined;
  } catch {
    throw new ChartFailure("invalid", "the index begins like JSON and cannot be read as that");
  }
}
