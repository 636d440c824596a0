/**
 * The secret store: values that Git and table never hold (Git credentials, webhook secrets). Keys are
 * `<project>/<name>`. Implementations: files that only their owner may read (`folder.ts`), AWS Parameter Store
 * (`parameters.ts`), held to one conformance suite. A value is JSON text of `core/credential.ts`.
 */
export interface SecretStore {
  put(project: string, name: string, value: string): Promise<void>;
  /** Undefined where there is none. */
  get(project: string, name: string): Promise<string | undefined>;
  delete(project: string, name: string): Promise<void>;
}
