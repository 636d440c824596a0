/**
 * All that the agent wants of a Kubernetes API: two implementations, the API server and an in-memory one for
 * simulated clusters. Objects are raw JSON both ways; an operating error is a `KubeError`, never a bare throw.
 */
import type { KubeObject } from "#core/object.ts";
import type { Selector } from "#core/selector.ts";
import type { ServiceAccount } from "#core/service-account.ts";

/** Whose fields are ours, in every apply. */
export { MANAGER as FIELD_MANAGER } from "#core/managed.ts";

/** What addresses one object; the version is needed to find the path, not for identity. */
export interface Address {
  apiVersion: string;
  kind: string;
  namespace: string;
  name: string;
}

/** Objects of one kind that bear a label. */
export interface Selection {
  apiVersion: string;
  kind: string;
  /** Absent: in all namespaces. */
  namespace?: string;
  /** Its key, whatever its value. */
  label: string;
}

/** Objects hold metadata alone: no spec, no data, no status. */
export interface MetadataPage {
  objects: KubeObject[];
  /** Where a watch goes on from. */
  version: string;
}

export type WatchEvent =
  | { type: "put"; object: KubeObject; version: string }
  /** Deleted, or without the label from now on; `object` is its last state. */
  | { type: "gone"; object: KubeObject; version: string }
  /** Nothing changed up to here. */
  | { type: "bookmark"; version: string };

export interface LogOf {
  namespace: string;
  name: string;
  container: string;
  previous: boolean;
}

export interface ApplyOptions {
  dryRun: boolean;
  force: boolean;
  absent?: boolean;
}

export interface Kube {
  /**
   * Server-side apply under `FIELD_MANAGER`; the answer is the object as the server has it (or, on a dry run,
   * would have it) after defaulting and admission. With `absent` only what is not there is made; a `KubeError` 409 says
   * that it is.
   */
  apply(object: KubeObject, options: ApplyOptions): Promise<KubeObject>;
  /** Server-side apply of the status alone, of an object that is there, under `FIELD_MANAGER`. */
  applyStatus(object: KubeObject): Promise<KubeObject>;
  /**
   * Writes `metadata.managedFields` and nothing else, if the object is still at `resourceVersion`; otherwise a `KubeError`
   * 409.
   */
  setManagers(
    address: Address,
    managedFields: readonly unknown[],
    resourceVersion: string,
  ): Promise<KubeObject>;
  /** Undefined when absent, or when its kind is not served. */
  get(address: Address): Promise<KubeObject | undefined>;
  /** Background propagation; a UID or a `resourceVersion` that differs is `other`, and nothing is deleted. */
  delete(
    address: Address,
    uid: string | undefined,
    resourceVersion?: string,
  ): Promise<"deleted" | "absent" | "other">;
  /** Whether the kind is namespaced; undefined when it is not served (asks discovery again before it says so). */
  scopeOf(apiVersion: string, kind: string): Promise<"namespaced" | "cluster" | undefined>;
  /** All kinds that are served, asked anew: `apps/v1`, `Deployment`. Scope and subresources are left out. */
  served(): Promise<(readonly [apiVersion: string, kind: string])[]>;
  /** The server's own OpenAPI documents (v3) of the built-in groups, one at a time as they are large; none where it has none. */
  openapi(): AsyncIterable<unknown>;
  /** All that are selected, page by page, at one version; a kind that is not served is a `KubeError` 404. */
  listMetadata(selection: Selection): AsyncIterable<MetadataPage>;
  /**
   * What changes after `version`, for `forMs` or until the server ends it or `signal` aborts. A `KubeError` 410 says
   * that the version is too old: list again.
   */
  watchMetadata(
    selection: Selection,
    from: { version: string; forMs: number; signal: AbortSignal },
  ): AsyncIterable<WatchEvent>;
  /** Pods of one namespace, `podsMax` at most; the server says which. */
  pods(namespace: string, selector: Selector, podsMax: number): Promise<KubeObject[]>;
  /** The last lines that a container wrote, cut at `bytesMax` from their start; `previous`: the run before. */
  podLog(pod: LogOf, limits: { lines: number; bytesMax: number }): Promise<string>;
  /** For example `v1.34.4`. */
  version(): Promise<string>;
  /** The same cluster, with the rights of a service account; what it is not allowed is a `KubeError` 403 that names it. */
  as(account: ServiceAccount): Kube;
}

/** An answer of the API server that is not success. */
export class KubeError extends Error {
  override readonly name = "KubeError";
  readonly status: number;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;

  /** `status` 0: no answer came. */
  constructor(status: number, reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }

  /** True when the same request may go through later: no answer, throttled, or the server's own trouble. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}
