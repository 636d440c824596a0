/** What a Jsonnet program is told beside the repository's files, and how its failure is read. */
import { failed } from "./result.ts";
import type { RenderFailure } from "./result.ts";

/** A folder with this file is a program; its value holds the objects. */
export const JSONNET_MAIN = "main.jsonnet";

/** Arguments of the program when it is a function, values of `std.extVar`, and folders to look for imports in. */
export interface JsonnetOptions {
  tlas: Readonly<Record<string, unknown>>;
  extVars: Readonly<Record<string, unknown>>;
  /** From the root of the repository. */
  libs: readonly string[];
}

export const NO_JSONNET_OPTIONS: JsonnetOptions = { tlas: {}, extVars: {}, libs: [] };

/** `apps/shop/main.jsonnet:3:11-24`, or with the lines and columns of both ends. */
const PLACE = /([\w./-]+\.(?:libsonnet|jsonnet)):\(?(\d+)/;

/** The first place is where it happened; what follows is who asked for it. */
export function readJsonnetFailure(message: string, folder: string): RenderFailure {
  const file = folder === "" ? JSONNET_MAIN : `${folder}/${JSONNET_MAIN}`;
  const place = PLACE.exec(message);
  const [first = ""] = message.replace(/^RUNTIME ERROR: /, "").split("\n");
  const reason = first.replace(new RegExp(`^${PLACE.source}[^ ]* `), "").trim();
  if (place === null) return failed(reason, { file });
  return failed(reason, { file: place[1] ?? file, line: Number(place[2]) });
}
