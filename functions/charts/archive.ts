/**
 * A chart's archive, taken apart in memory: a gzipped tar of plain files, each with a path that stays inside. Links,
 * devices, absolute paths, `..` and everything above a limit are refused; nothing touches a disk.
 */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { unpackTar, type TarHeader } from "modern-tar";
import { parse } from "yaml";
import * as z from "zod";
import type { ChartRef } from "#core/chart.ts";
import { CHART_NAME } from "../render/helm.ts";
import { mebibytes } from "../render/limits.ts";
import { ChartFailure, quote } from "./failure.ts";
import {
  ARCHIVE_BYTES_MAX,
  ARCHIVE_FILE_BYTES_MAX,
  ARCHIVE_FILES_MAX,
  ARCHIVE_PATH_CHARS_MAX,
  UNPACKED_BYTES_MAX,
} from "./limits.ts";
import { sameVersion } from "./versions.ts";

/** By path from the chart's own folder. */
export type ChartFiles = ReadonlyMap<string, Uint8Array>;

const unzip = promisify(gunzip);

/** Throws `ChartFailure`. */
export async function unpackChart(archive: Uint8Array): Promise<ChartFiles> {
  if (archive.byteLength > ARCHIVE_BYTES_MAX) throw tooLarge("it has", archive.byteLength, ARCHIVE_BYTES_MAX);
  const tar = await inflate(archive);
  const seen = new Set<string>();
  const keep = (header: TarHeader): boolean => {
    const path = checked(header);
    if (path === undefined) return false;
    if (seen.has(path)) throw broken(`holds ${quote(path)} twice`);
    if (seen.add(path).size > ARCHIVE_FILES_MAX)
      throw new ChartFailure("too-large", `the chart's archive holds more than ${ARCHIVE_FILES_MAX} files`);
    return true;
  };
  const entries = await readTar(tar, keep);
  return new Map(entries.map(({ header, data }) => [insidePath(header.name), data ?? new Uint8Array()]));
}

async function inflate(archive: Uint8Array): Promise<Uint8Array> {
  try {
    return await unzip(archive, { maxOutputLength: UNPACKED_BYTES_MAX });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw new ChartFailure(
        "too-large",
        `the chart's archive unpacks to more than the limit of ${mebibytes(UNPACKED_BYTES_MAX)}`,
      );
    throw broken(`is no gzip file (${String(error)})`);
  }
}

async function readTar(tar: Uint8Array, filter: (header: TarHeader) => boolean) {
  try {
    return await unpackTar(tar, { strict: true, filter });
  } catch (error) {
    throw error instanceof ChartFailure ? error : broken(`is no tar file (${String(error)})`);
  }
}

/** The file's path; undefined for a folder, which the paths in it say. */
function checked({ name, type, size }: TarHeader): string | undefined {
  const parts = name.split("/");
  // A drive letter or a backslash is a path on some machines, and a name on others.
  if (name.startsWith("/") || /[\\\0\n]|^[A-Za-z]:/.test(name) || parts.includes(".."))
    throw broken(`holds ${quote(name)}: a path must stay in the chart's folder`);
  if (name.length > ARCHIVE_PATH_CHARS_MAX)
    throw new ChartFailure(
      "too-large",
      `the chart's archive holds a path of ${name.length} characters, the limit is ${ARCHIVE_PATH_CHARS_MAX}`,
    );
  if (type === "directory") return undefined;
  if (type !== "file") throw broken(`holds ${quote(name)}, a ${type ?? "thing"}: only files are taken`);
  if (size > ARCHIVE_FILE_BYTES_MAX) throw tooLarge(`${quote(name)} in it has`, size, ARCHIVE_FILE_BYTES_MAX);
  const path = insidePath(name);
  if (path === "") throw broken(`holds ${quote(name)} beside the chart's folder`);
  return path;
}

/** The first folder is the chart's own, whatever it is called. */
function insidePath(name: string): string {
  return name
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .slice(1)
    .join("/");
}

const chartFileSchema = z.object({ name: z.string(), version: z.coerce.string() });

/** A repository could hand out another chart, or an older one, under this name and version. */
export function checkChart(files: ChartFiles, { name }: Pick<ChartRef, "name">, version: string): void {
  const content = files.get(CHART_NAME);
  if (content === undefined) throw broken(`has no ${CHART_NAME} in its first folder`);
  const read = chartFileSchema.safeParse(yamlOf(content));
  if (!read.success) throw broken(`has a ${CHART_NAME} without a name and a version`);
  if (read.data.name !== name || !sameVersion(read.data.version, version))
    throw broken(
      `is that of ${quote(read.data.name)} ${quote(read.data.version)}, and ${name} ${version} was asked for`,
    );
}

function yamlOf(content: Uint8Array): unknown {
  try {
    return parse(new TextDecoder().decode(content), { maxAliasCount: 0 });
  } catch {
    // What cannot be read has neither name nor version.
    return undefined;
  }
}

function broken(what: string): ChartFailure {
  return new ChartFailure("invalid", `the chart's archive ${what}`);
}

function tooLarge(what: string, bytes: number, limit: number): ChartFailure {
  return new ChartFailure(
    "too-large",
    `the chart's archive is too large: ${what} ${mebibytes(bytes)}, the limit is ${mebibytes(limit)}`,
  );
}
