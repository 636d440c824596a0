/** A Source with a fleet folder in project `web`, its repository behind the real Git server, and a push as one call. */
import { ROLES } from "#core/access.ts";
import { sourceViewSchema, type SourceView } from "#core/view.ts";
import { pollSource } from "../../../functions/release/poll-source.ts";
import { syncFleetFolder, type Synced } from "../../../functions/fleet-folder/sync.ts";
import { getFleetRecord } from "../../../functions/store/fleet-state.ts";
import { getResource, type Stored } from "../../../functions/store/resource.ts";
import type { ResourceKind } from "#core/resource.ts";
import { commitFiles, gitFixture, type GitFixture } from "../source/git-fixture.ts";
import { sourceParts, type SourceParts } from "../release/source-fixture.ts";

export interface FolderHub extends SourceParts {
  git: GitFixture;
  url: string;
  /** Replaces the whole repository, looks at the Source, syncs its folder. */
  push(files: Record<string, string | Buffer>): Promise<Synced & { commit: string }>;
  sync(): Promise<Synced>;
  /** What stands on the Source of its folder. */
  fleet(): Promise<SourceView["fleet"]>;
  stored(kind: ResourceKind, name: string, project?: string): Promise<Stored | undefined>;
}

export const PROJECT = "web";
export const OWNER = "source:web/fleet";
const API = "apiVersion: fairlead.dev/v1\n";

export const doc = (kind: string, name: string, spec: string, metadata = ""): string =>
  `${API}kind: ${kind}\nmetadata: { name: ${name}${metadata} }\nspec: ${spec}\n`;
export const app = (name: string, more = "", metadata = ""): string =>
  doc("App", name, `{ source: fleet, clusters: {}${more} }`, metadata);
export const cluster = (name: string, metadata = ""): string => doc("Cluster", name, "{}", metadata);
export const apps = (...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [`fleet/${name}.yaml`, app(name)]));

export async function folderHub(): Promise<FolderHub> {
  const parts = await sourceParts();
  const git = await gitFixture();
  const bare = await git.repository("fleet.git");
  const url = git.url("fleet.git");
  await parts.apply(
    { kind: "Project", metadata: { name: PROJECT } },
    { kind: "Project", metadata: { name: "ops" } },
    sourceDocument(url),
  );
  const sync = () => syncFleetFolder(parts, PROJECT, "fleet");
  return {
    ...parts,
    git,
    url,
    push: async (files) => {
      const commit = await commitFiles(bare, files);
      const source = (await getResource(parts.db, "Source", PROJECT, "fleet"))?.resource;
      if (source === undefined) throw new Error("the Source is gone");
      const polled = await pollSource(parts, source);
      if (polled.kind === "failed") throw new Error(polled.message);
      return { ...(await sync()), commit };
    },
    sync,
    fleet: async () => {
      const record = await getFleetRecord(parts.db, PROJECT, "fleet");
      return sourceViewSchema.shape.fleet.parse(record?.state);
    },
    stored: (kind, name, project = PROJECT) => getResource(parts.db, kind, project, name),
    stop: async () => {
      await git.close();
      await parts.stop();
    },
  };
}

export const sourceDocument = (url: string, spec: object = {}) => ({
  kind: "Source",
  metadata: { name: "fleet", project: PROJECT },
  spec: { git: { url }, apps: "fleet/", ...spec },
});

export const adminFor = (source: string) => ({
  kind: "Project",
  metadata: { name: PROJECT },
  spec: { roles: [{ role: "all", rules: ROLES.admin, members: [{ source }] }] },
});
