/** Names of what `content.ts` keeps in the object store, by digest. */
export const bundleKey = (digest: string): string => `bundles/${digest}.json.gz`;
export const treeKey = (digest: string): string => `trees/${digest}.gz`;
export const pageKey = (digest: string): string => `targets/${digest}.json.gz`;
