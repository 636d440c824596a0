/**
 * What passes between the pool and its workers. Objects travel as JSON text: the receiver parses it faster than it would
 * take in the same objects one by one.
 */
import * as z from "zod";
import { askedSchema } from "#core/asked.ts";
import type { HelmRequest } from "./helm.ts";
import type { JsonnetOptions } from "./jsonnet.ts";
import type { PackedFiles } from "./pack.ts";
import type { Reads } from "./reads.ts";
import type { RegoRequest } from "./rego.ts";
import type { RenderFailure } from "./result.ts";

export type WorkerSettings = { memoryBytesMax: number };

/** `files.bytes` moves to the worker. The engine is compiled once and shared. */
export type RenderJob =
  | { kind: "yaml"; files: PackedFiles }
  | {
      kind: "kustomize" | "helm";
      path: string;
      /** A kustomization needs it for the charts in it. */
      helm: HelmRequest | undefined;
      files: PackedFiles;
      engine: WebAssembly.Module;
    }
  | {
      kind: "jsonnet";
      path: string;
      jsonnet: JsonnetOptions;
      files: PackedFiles;
      engine: WebAssembly.Module;
    }
  | { kind: "rego"; rego: RegoRequest; files: PackedFiles; engine: WebAssembly.Module };

/** `reads` is what the render took of the files, `memoryBytes` what the worker's engine holds after the job; after `broken` the worker is of no more use. */
export type JobAnswer =
  | { kind: "manifests"; json: string; memoryBytes: number; reads: Reads }
  | { kind: "broken"; lastWords: string }
  | RenderFailure;

/** The JSON in `manifests`: written by `engine/main.go`, and by the worker for plain YAML. */
export const engineReplySchema = z.object({
  ok: z.boolean(),
  manifests: z.array(z.unknown()).default([]),
  message: z.string().default(""),
  file: z.string().optional(),
  asked: askedSchema.optional(),
});
